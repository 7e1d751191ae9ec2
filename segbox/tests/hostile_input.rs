//! Files that no user would write: without an end, without a form, of others, or with a terminal's sequences. Each is refused with words, in
//! little memory, and with little text.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use segbox_lab::Namespace;
use support::files::Files;
use support::segbox::{Run, SEGBOX, run, segbox};
use support::watched::{Watched, watch};

/// Memory that a refusal may take beyond the file's own size.
const ROOM: usize = 64 << 20;
/// Text that a refusal may take.
const TEXT: usize = 64 << 10;
/// The size of garbage.
const SIZE: usize = 10_000_000;

fn watched<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Watched {
    let mut command = Command::new(SEGBOX);
    command.args(words);
    watch(&mut command)
}

fn repeat(text: &str) -> Vec<u8> {
    text.bytes().cycle().take(SIZE).collect()
}

fn numbered(make: fn(usize) -> String) -> Vec<u8> {
    let mut text = Vec::with_capacity(SIZE + 64);
    for number in 0.. {
        if text.len() >= SIZE {
            break;
        }
        text.extend(make(number).into_bytes());
    }
    text
}

/// Lines of printable characters, the same in each run.
fn printable() -> Vec<u8> {
    let mut random = 0x9e37_79b9_u32;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random
    };
    (0..SIZE).map(|_| if next() % 64 == 0 { b'\n' } else { b' ' + (next() % 95) as u8 }).collect()
}

/// A file that is made when it is needed: the kernel counts the memory of a child from what its parent had.
type Garbage = (&'static str, fn() -> Vec<u8>);

/// Garbage of many kinds.
fn garbage() -> [Garbage; 25] {
    [
        ("prose", || repeat("This is a letter, not a router.\n")),
        ("prose without a line end", || repeat("This is a letter, not a router. ")),
        ("printable", printable),
        ("one word", || repeat("a")),
        ("one comment", || repeat("#")),
        ("one string", || [b"x = \"".to_vec(), repeat("a"), b"\"\n".to_vec()].concat()),
        ("one key", || [repeat("a"), b" = 1\n".to_vec()].concat()),
        ("one interface", || [b"[interface.".to_vec(), repeat("a"), b"]\n".to_vec()].concat()),
        ("quotes", || repeat("\"")),
        ("zeroes", || vec![0; SIZE]),
        ("escapes", || repeat("\u{1b}[2J")),
        ("brackets", || repeat("[")),
        ("brackets in a value", || [b"x = ".to_vec(), repeat("[")].concat()),
        ("braces in a value", || [b"x = ".to_vec(), repeat("{a=")].concat()),
        ("an endless array", || [b"x = [".to_vec(), repeat("1,")].concat()),
        ("an array of tables", || [b"x = [".to_vec(), repeat("{a=1},")].concat()),
        ("open headers", || repeat("[vrf.x\n")),
        ("dots", || [b"a".to_vec(), repeat(".a"), b" = 1\n".to_vec()].concat()),
        ("one key again and again", || repeat("a=1\n")),
        ("keys", || numbered(|number| format!("a{number}=1\n"))),
        ("dotted keys", || numbered(|number| format!("a{number}.b.c.d.e.f.g=1\n"))),
        ("empty SIDs", || repeat("[[srv6.sid]]\n")),
        ("wrong interfaces", || numbered(|number| format!("[interface.x{number}]\nmtu=1\n"))),
        ("line ends", || repeat("\n")),
        ("carriage returns", || repeat("\r")),
    ]
}

#[test]
fn garbage_is_refused_in_the_memory_of_the_file_and_64_mib() {
    let files = Files::new();
    let small = files.write("small.toml", "x");
    let base = watched(["check".as_ref(), small.as_os_str()]);
    assert_eq!(base.run.code, Some(1));
    let mut failed = Vec::new();
    for (name, make) in garbage() {
        let file = files.write("segbox.toml", make());
        let size = fs::metadata(&file).expect("just written").len() as usize;
        // Only a few of them have so many faults that all of them are another text.
        let with_all = ["prose", "keys"].contains(&name);
        for all in [&[][..], &["--all"]].into_iter().take(1 + usize::from(with_all)) {
            let words = [OsStr::new("check"), OsStr::new("--elsewhere"), file.as_os_str()];
            let found = watched(words.into_iter().chain(all.iter().map(OsStr::new)));
            // Blank lines and comments are a file without faults.
            let is_file = ["line ends", "one comment"].contains(&name);
            let text = found.run.out.len() + found.run.err.len();
            let most = base.most + size + ROOM;
            let fits = found.most <= most && text <= if all.is_empty() { TEXT } else { TEXT * 8 };
            if found.run.code != Some(i32::from(!is_file)) || !fits {
                let mib = |bytes: usize| bytes >> 20;
                failed.push(format!(
                    "{name} {all:?}: {:?}, {} of {} MiB, {text} bytes of text: {:.300}",
                    found.run.code,
                    mib(found.most),
                    mib(most),
                    found.run.err
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn what_is_no_file_and_what_has_no_end_is_refused_wherever_a_file_is_named() {
    let files = Files::new();
    let pipe = files.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("ours");
    let sparse = files.path().join("sparse");
    fs::File::create(&sparse).and_then(|file| file.set_len(1 << 40)).expect("it has holes");
    fs::set_permissions(&sparse, fs::Permissions::from_mode(0o600)).expect("ours");
    let nested = files.write("nested.json", "[".repeat(SIZE));
    let digits = files.write("digits.json", "7".repeat(SIZE));
    let rows = files.write("rows.json", format!("{{\"state\": {{\"settings\": [{}", "[{},{}],".repeat(SIZE / 8)));
    let empty = files.write("empty.toml", "");
    let base = watched(["check".as_ref(), empty.as_os_str()]).most;
    let in_object = |path: &str| {
        format!(
            "[[srv6.sid]]\nsid = \"fc00::1\"\nbehavior = \"End.BPF\"\nprogram = \"a\"\n[program.a]\nobject = \"{path}\"\n"
        )
    };
    let in_key = |path: &str| format!("[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"{path}\"\n");
    let mut failed = Vec::new();
    let mut refused = |what: String, words: &[&OsStr], size: usize, told: &str| {
        let Watched { run, most, .. } = watched(words);
        let (limit, text) = (base + size + ROOM, run.out.len() + run.err.len());
        let joined = run.err.split_whitespace().collect::<Vec<_>>().join(" ").replace(" │ ", " ");
        if run.code != Some(1) || most > limit || text > TEXT || !joined.contains(told) {
            failed.push(format!("{what}: {:?}, {} of {} MiB: {:.600}", run.code, most >> 20, limit >> 20, run.err));
        }
    };
    for (path, told) in [
        (Path::new("/dev/zero"), "a device"),
        (&pipe, "a pipe"),
        (&sparse, "1024 GiB"),
        (files.path(), "a folder"),
        (Path::new("/nonexistent/x"), "No such file"),
    ] {
        let shown = path.display().to_string();
        refused(format!("check {shown}"), &["check".as_ref(), path.as_os_str()], 0, told);
        refused(format!("plan {shown}"), &["plan".as_ref(), path.as_os_str()], 0, told);
        refused(format!("apply {shown}"), &["apply".as_ref(), path.as_os_str()], 0, told);
        let dump = ["plan".as_ref(), empty.as_os_str(), "--actual".as_ref(), path.as_os_str()];
        refused(format!("a dump {shown}"), &dump, 0, told);
        for (kind, text) in [("object", in_object(&shown)), ("key", in_key(&shown))] {
            let file = files.write("names.toml", text);
            refused(format!("{kind} {shown}"), &["check".as_ref(), file.as_os_str()], 0, told);
        }
    }
    for dump in [&nested, &digits, &rows] {
        let words = ["plan".as_ref(), empty.as_os_str(), "--actual".as_ref(), dump.as_os_str()];
        refused(format!("dump {}", dump.display()), &words, SIZE, "not a dump");
    }
    // A key file that is a pipe of the right size, or a key that is too long.
    let long = files.write("long.key", vec![b'k'; SIZE]);
    fs::set_permissions(&long, fs::Permissions::from_mode(0o600)).expect("ours");
    let file = files.write("names.toml", in_key("long.key"));
    refused("a long key".to_owned(), &["check".as_ref(), file.as_os_str()], 0, "at most 4 KiB");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn files_that_others_can_change_are_told_of_and_keys_are_refused() {
    let namespace = Namespace::new("others").expect("these tests make network namespaces: run them as root");
    let files = Files::new();
    let folder = files.path().join("router");
    fs::create_dir(&folder).expect("ours");
    let at = |name: &str| folder.join(name);
    let text = "[interface.lo]\n[[srv6.sid]]\nsid = \"fc00::1\"\nbehavior = \"End.BPF\"\nprogram = \"a\"\n[program.a]\n\
                object = \"a.o\"\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"7.key\"\n";
    fs::write(at("segbox.toml"), text).expect("ours");
    fs::write(at("7.key"), "secret").expect("ours");
    fs::copy(built_in("end_noop"), at("a.o")).expect("it was built");
    let set = |path: &Path, owner: u32, mode: u32| {
        chown(path, Some(owner), None).expect("as root");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    let reset = || {
        set(&folder, 0, 0o755);
        ["segbox.toml", "a.o"].iter().for_each(|name| set(&at(name), 0, 0o644));
        set(&at("7.key"), 0, 0o600);
    };
    let file = at("segbox.toml");
    let say = |command: &str| {
        let run = segbox(&namespace, [OsStr::new(command), file.as_os_str()]);
        let joined = run.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        (run.code, joined)
    };
    reset();
    assert_eq!(say("check"), (Some(0), String::new()));
    for (name, owner, mode, refused, told) in [
        ("segbox.toml", 1234, 0o644, false, "others than root can change this file"),
        ("segbox.toml", 0, 0o664, false, "others than root can change this file"),
        ("segbox.toml", 0, 0o646, false, "others than root can change this file"),
        ("a.o", 1234, 0o644, false, "others than root can change the object `a.o`"),
        ("a.o", 0, 0o666, false, "others than root can change the object `a.o`"),
        ("7.key", 1234, 0o600, true, "others than root can change the key file `7.key`"),
        ("7.key", 0, 0o620, true, "other users have access to the key file `7.key`"),
        ("", 1234, 0o755, true, "others than root can change the key file `7.key`"),
        ("", 0, 0o777, true, "others than root can change the key file `7.key`"),
    ] {
        reset();
        set(&if name.is_empty() { folder.clone() } else { at(name) }, owner, mode);
        for command in ["check", "apply"] {
            let (code, err) = say(command);
            assert_eq!(code, Some(i32::from(refused)), "{name} {owner} {mode:o} {command}: {err}");
            assert!(err.contains(told), "{name} {owner} {mode:o} {command}: {err}");
            let fix = if owner == 0 { "chmod" } else { "chown" };
            assert!(err.contains(fix), "{name} {owner} {mode:o} {command}: {err}");
        }
        assert_eq!(segbox(&namespace, ["clear"]).code, Some(0));
    }
    reset();
    set(&folder, 0, 0o1777);
    assert_eq!(say("check"), (Some(0), String::new()), "with the sticky bit others cannot replace what is not theirs");
}

/// The object of a built-in program, as the build made it.
fn built_in(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bpf").join(name).with_extension("o")
}

#[test]
fn no_terminal_obeys_what_segbox_prints() {
    let namespace = Namespace::new("escapes").expect("these tests make network namespaces: run them as root");
    let files = Files::new();
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}z";
    // In TOML it stands as an escape.
    let escaped = "a\\u001b[2J\\u009b31m\\u202ez";
    let named = files.write(hostile, "x = 1\n");
    let mut texts = vec![format!("x = \"{hostile}\"\n"), format!("# {hostile}\nx = 1\n"), format!("{hostile} = 1\n")];
    for text in [
        "\"NAME\" = 1\n",
        "[interface.\"NAME\"]\n",
        "[vrf.\"NAME\"]\ntable = 1\n",
        "[interface.lo]\naddresses = [\"NAME\"]\n",
        "[[srv6.sid]]\nsid = \"NAME\"\nbehavior = \"NAME\"\n",
        "[[srv6.sid]]\nsid = \"fc00::1\"\nbehavior = \"End.BPF\"\nprogram = \"NAME\"\n",
        "[program.a]\nobject = \"NAME\"\n",
        "[srv6.hmac-key.7]\nalgorithm = \"NAME\"\nsecret-file = \"NAME\"\n",
        "[system]\nhostname = \"NAME\"\nhardware = \"NAME\"\n",
    ] {
        texts.push(text.replace("NAME", escaped));
    }
    // The kernel takes such a name for a device, and any text as an alias.
    let ip = |words: &[&str]| assert!(run(namespace.command("ip").expect("there").args(words)).code == Some(0));
    ip(&["link", "add", "e\u{1b}[2Jz", "type", "bridge"]);
    ip(&["link", "set", "e\u{1b}[2Jz", "alias", hostile]);
    let obeyed = |char: char| char != '\n' && (char.is_control() || "\u{202e}".contains(char));
    let clean = |what: &str, run: &Run| {
        for text in [&run.out, &run.err] {
            assert!(!text.contains(obeyed), "{what}: {text:?}");
        }
    };
    for text in texts {
        let file = files.write("segbox.toml", &text);
        for words in [&["check"][..], &["check", "--all"], &["check", "--elsewhere"], &["plan"], &["apply"]] {
            let told = segbox(&namespace, words.iter().map(OsStr::new).chain([file.as_os_str()]));
            assert_eq!(told.code, Some(1), "{text:?} {words:?}: {}", told.err);
            assert!(told.err.contains("\\u{1b}[2J"), "{text:?} {words:?}: {}", told.err);
            clean(&format!("{text:?} {words:?}"), &told);
        }
    }
    let told = segbox(&namespace, ["check".as_ref(), named.as_os_str()]);
    assert!(told.err.contains("\\u{1b}[2J"), "{}", told.err);
    clean("a file's name", &told);
    for words in [&["observe"][..], &["status"], &["status", "--json"], &["doctor"], &["doctor", "--json"]] {
        clean(&words.join(" "), &segbox(&namespace, words));
    }
    let mut colored = namespace.command(SEGBOX).expect("there");
    let told = run(colored.env("CLICOLOR_FORCE", "1").env("FORCE_COLOR", "1").args(["status"]));
    let only_ours = told.out.replace("\u{1b}[", "");
    assert!(!only_ours.contains(obeyed) && told.out.contains("\u{1b}["), "{told:?}");
    // What clap repeats of the arguments.
    for words in [&[hostile][..], &["check", "--all", hostile, hostile], &["apply", "--confirm", hostile, "x"]] {
        let mut colored = namespace.command(SEGBOX).expect("there");
        let told = run(colored.env("CLICOLOR_FORCE", "1").args(words));
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.err.contains("a\\u{9b}31m\\u{202e}z"), "{told:?}");
        clean(&words.join(" "), &told);
    }
}

#[test]
fn digests_of_secrets_differ_from_box_to_box_and_stay_the_same_on_one() {
    let digest = |text: &str| {
        let dump: serde_json::Value = serde_json::from_str(text).expect("JSON");
        dump["state"]["hmac-keys"].to_string()
    };
    let files = Files::new();
    let mut key = fs::File::create(files.path().join("7.key")).expect("ours");
    key.write_all(b"secret").expect("ours");
    fs::set_permissions(files.path().join("7.key"), fs::Permissions::from_mode(0o600)).expect("ours");
    let text = "[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"7.key\"\n";
    let file = files.write("segbox.toml", text);
    let mut seen = Vec::new();
    for name in ["sealed1", "sealed2"] {
        let namespace = Namespace::new(name).expect("these tests make network namespaces: run them as root");
        support::segbox::apply(&namespace, &file);
        let observed = segbox(&namespace, ["observe"]).out;
        assert_eq!(digest(&segbox(&namespace, ["observe"]).out), digest(&observed));
        assert!(digest(&observed).contains("digest"), "{observed}");
        // Another box cannot compare the digest: what is there counts as right.
        let dump = files.write("dump.json", &observed);
        let words = ["plan".as_ref(), file.as_os_str(), "--actual".as_ref(), dump.as_os_str()];
        let plan = segbox(&namespace, words);
        assert!(!plan.out.contains("hmac"), "{}", plan.out);
        seen.push(digest(&observed));
        assert_eq!(segbox(&namespace, ["clear"]).code, Some(0));
    }
    assert_ne!(seen[0], seen[1]);
}
