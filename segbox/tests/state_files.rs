//! The files under /run/segbox: each kind of damage to each file leaves a router that can be looked at and cleared, and nothing is undone or
//! changed by what a damaged file says.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use segbox_lab::{Cable, Lab, Namespace, Topology};
use support::files::Files;
use support::segbox::{Run, apply, segbox};

const FILE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
mtu = 1400
srv6 = true

[srv6]
source = "2001:db8:1::1"

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End"

[[srv6.sid]]
sid = "fc00:0:1:2::"
behavior = "End.BPF"
program = "tag"

[program.tag]
object = "builtin:end_add_tlv"

[srv6.hmac-key.7]
algorithm = "sha256"
secret-file = "seven.key"
"#;

/// Every file of a router's folder, but for the objects of programs.
const FILES: [&str; 8] = [
    "base.json",
    "record.json",
    "hmac-keys.json",
    "refused.json",
    "counters.json",
    "lock",
    "programs/tag.json",
    "programs/tag.o",
];

/// Puts something else at a path; the former file lies at the second one.
type Damage = fn(&Path, &Path);

/// What happens to a file.
const DAMAGES: [(&str, Damage); 13] = [
    ("missing", |_, _| ()),
    ("empty", |path, _| write(path, b"")),
    ("truncated", |path, former| {
        write(
            path,
            &fs::read(former).unwrap_or_default()[..fs::metadata(former).map_or(0, |file| file.len()) as usize / 2],
        )
    }),
    ("one byte changed", |path, former| {
        let mut bytes = fs::read(former).unwrap_or_default();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        write(path, &bytes);
    }),
    ("garbage", |path, _| write(path, &[0xf0, 0x9f, 0, 1, 2, 3].repeat(700))),
    ("another type", |path, _| write(path, b"{\"segbox\": [1, 2, {}]}")),
    ("an older version", |path, former| rewrite(path, former, "segbox-state 1 ", "segbox-state 0 ")),
    ("a later version", |path, former| rewrite(path, former, "segbox-state 1 ", "segbox-state 2 ")),
    ("a folder", |path, _| fs::create_dir_all(path.join("and/more")).expect("ours")),
    ("a link", |path, former| symlink(former, path).expect("ours")),
    ("a pipe", |path, _| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("ours");
    }),
    ("writable for all", |path, former| {
        fs::copy(former, path).map(drop).unwrap_or_else(|_| write(path, b"x"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("ours");
    }),
    ("of another namespace", |path, former| rewrite(path, former, "segbox-state 1 ", "segbox-state 1 9")),
];

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("ours");
}

fn rewrite(path: &Path, former: &Path, from: &str, to: &str) {
    let bytes = fs::read(former).unwrap_or_default();
    match bytes.strip_prefix(from.as_bytes()) {
        Some(rest) => write(path, &[to.as_bytes(), rest].concat()),
        None => write(path, to.as_bytes()),
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status().expect("coreutils");
    assert!(copied.success());
}

/// Notes what does not hold at a place, so that one run shows all of it.
fn checks(failed: &mut Vec<String>, place: String) -> impl FnMut(bool, &str, &Run) {
    move |holds, what, run| {
        if !holds {
            failed.push(format!("{place}: {what}: {:?}\n{}{}", run.code, run.out, run.err));
        }
    }
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut content).expect("as it was written");
    content
}

struct Router {
    lab: Lab,
    files: Files,
}

impl Router {
    fn new() -> Self {
        let topology =
            Topology { routers: &["router", "peer"], hosts: &[], cables: &[Cable("router", "eth0", "peer", "eth0")] };
        let lab = topology.build().expect("these tests make network namespaces: run them as root");
        let files = Files::new();
        files.write("seven.key", "a secret of some length");
        files.write("segbox.toml", FILE);
        Self { lab, files }
    }

    fn namespace(&self) -> &Namespace {
        &self.lab["router"]
    }

    fn run(&self, words: &[&str]) -> Run {
        let file = self.files.path().join("segbox.toml");
        let words = words.iter().map(|word| if *word == "FILE" { file.as_os_str() } else { OsStr::new(*word) });
        segbox(self.namespace(), words)
    }

    /// What the kernel has before segbox, once the addresses of the new links are there.
    fn pristine(&self) -> String {
        let (mut found, mut same) = (self.run(&["observe"]).out, 0);
        while same < 8 {
            std::thread::sleep(std::time::Duration::from_millis(250));
            let now = self.run(&["observe"]).out;
            same = if now == found { same + 1 } else { 0 };
            found = now;
        }
        found
    }

    fn apply(&self) {
        apply(self.namespace(), &self.files.path().join("segbox.toml"));
    }

    fn folder(&self) -> PathBuf {
        self.find_folder().expect("a router has run")
    }

    /// /run/segbox/COOKIE: the inode behind the cookie is that of the namespace.
    fn find_folder(&self) -> Option<PathBuf> {
        let inode = fs::metadata(Path::new("/run/netns").join(self.namespace().name())).expect("there").ino();
        let entries = fs::read_dir("/run/segbox").into_iter().flatten().flatten();
        let cookie = |entry: &fs::DirEntry| {
            let name = entry.file_name();
            let (cookie, of) = name.to_str()?.split_once('-')?;
            (of.parse() == Ok(inode)).then(|| cookie.parse::<u64>().ok())?
        };
        entries.max_by_key(cookie).filter(|entry| cookie(entry).is_some()).map(|entry| entry.path())
    }

    /// The path of a file. Those of the program have its full name.
    fn path(&self, file: &str) -> PathBuf {
        let Some(ending) = file.strip_prefix("programs/tag") else { return self.folder().join(file) };
        let entries = fs::read_dir(self.folder().join("programs")).into_iter().flatten().flatten();
        let found = entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(ending));
        found.unwrap_or_else(|| self.folder().join(file))
    }

    /// Damages a file; its former content lies beside it.
    fn damage(&self, file: &str, damage: Damage) {
        let path = self.path(file);
        let former = self.folder().join("former");
        if fs::rename(&path, &former).is_err() {
            write(&former, b"[]");
        }
        fs::create_dir_all(path.parent().expect("in the folder")).expect("ours");
        damage(&path, &former);
    }

    /// Takes away by hand what a `clear` without a base had to leave: with the files as they were.
    fn restore(&self, good: &Path, pristine: &str) {
        if self.run(&["observe"]).out == pristine {
            return;
        }
        // A command that changes nothing makes the folder.
        drop(self.run(&["confirm"]));
        let folder = self.folder();
        fs::remove_dir_all(&folder).expect("ours");
        copy(good, &folder);
        let clear = self.run(&["clear"]);
        assert_eq!(clear.code, Some(0), "{}", clear.err);
        assert_eq!(self.run(&["observe"]).out, pristine);
    }

    /// A copy of the folder.
    fn saved(&self, name: &str) -> PathBuf {
        let copied = self.files.path().join(name);
        copy(&self.folder(), &copied);
        copied
    }

    /// The files as segbox wrote them before they had versions: without their first lines, and the earlier record in the pending change.
    fn as_before_versions(&self) {
        let folder = self.folder();
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&folder).expect("there").flatten().map(|entry| entry.path()).collect();
        paths.extend(fs::read_dir(folder.join("programs")).into_iter().flatten().flatten().map(|entry| entry.path()));
        let bare = |path: &Path| {
            let bytes = fs::read(path).expect("there");
            if !bytes.starts_with(b"segbox-state 1 ") {
                return bytes;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
            let is_gzip = bytes[..end].windows(6).any(|word| word == b" gzip ");
            if is_gzip { gunzip(&bytes[end + 1..]) } else { bytes[end + 1..].to_vec() }
        };
        for path in paths.iter().filter(|path| path.is_file() && !path.ends_with("lock")) {
            // At once: the process that undoes a change reads it all the time.
            let fresh = folder.join("bare");
            write(&fresh, &bare(path));
            fs::rename(&fresh, path).expect("ours");
        }
        // What an undo needs was in one file with the deadline, the earlier record too.
        let [undo, earlier] = ["undo.json", "record.earlier.json"].map(|name| folder.join(name));
        let json = |path: &Path| -> serde_json::Value {
            serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
        };
        if undo.exists() {
            let mut pending = json(&folder.join("pending.json"));
            for name in ["before", "base"] {
                pending[name] = json(&undo)[name].take();
            }
            pending["record"] = json(&earlier);
            let fresh = folder.join("bare");
            write(&fresh, pending.to_string().as_bytes());
            fs::remove_file(undo).expect("there");
            fs::rename(&fresh, folder.join("pending.json")).expect("ours");
            fs::remove_file(earlier).expect("there");
        }
    }

    /// What segbox's marks say that it has made.
    fn marks(&self) -> (usize, bool) {
        let show =
            |words: &[&str]| support::segbox::run(self.namespace().command("ip").expect("there").args(words)).out;
        let routes = show(&["-6", "route", "show", "table", "all", "proto", "86"]);
        (routes.lines().count(), show(&["link", "show"]).contains("segbox0"))
    }
}

#[test]
fn every_kind_of_damage_leaves_a_router_that_can_be_shown_and_cleared() {
    let router = Router::new();
    let pristine = router.pristine();
    router.apply();
    let made = router.marks();
    let good = router.saved("good");
    assert!(made.0 >= 2 && made.1, "{made:?}");
    let mut failed = Vec::new();
    let mut kinds = 0;
    for file in FILES {
        for (name, damage) in DAMAGES {
            kinds += 1;
            let mut check = checks(&mut failed, format!("{file}, {name}"));
            router.damage(file, damage);
            let status = router.run(&["status"]);
            check(matches!(status.code, Some(0 | 3)) && status.out.contains("fc00:0:1:2::/128"), "status", &status);
            let plan = router.run(&["plan", "FILE"]);
            check(plan.code.is_some_and(|code| code < 3), "plan", &plan);
            let confirm = router.run(&["confirm"]);
            check(confirm.code == Some(1), "nothing is to be confirmed", &confirm);
            let again = router.run(&["apply", "FILE"]);
            let refused = again.code == Some(1) && again.err.contains(file) && again.err.contains("segbox clear");
            check(again.code == Some(0) || refused, "apply", &again);
            check(router.marks() == made, "the router is still there", &again);
            router.damage(file, damage);
            let clear = router.run(&["clear"]);
            check(clear.code == Some(0), "clear", &clear);
            check(router.marks() == (0, false), "nothing is left", &clear);
            let now = router.run(&["observe"]);
            let told = clear.err.contains("not put back:");
            check(now.out == pristine || told, "what stays is told", &clear);
            if file != "base.json" && file != "hmac-keys.json" {
                check(now.out == pristine && !told, "all is as it was", &clear);
            }
            // For the next kind: what stayed is taken away by hand.
            router.restore(&good, &pristine);
            router.apply();
        }
    }
    assert!(kinds >= 90, "{kinds}");
    assert_eq!(router.run(&["clear"]).code, Some(0));
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_damaged_pending_change_blocks_no_clear() {
    let router = Router::new();
    let pristine = router.pristine();
    router.files.write(
        "first.toml",
        "[interface.eth0]\nmtu = 1300\n[srv6.hmac-key.9]\nalgorithm = \"sha256\"\nsecret-file = \"seven.key\"\n",
    );
    let mut failed = Vec::new();
    for file in ["pending.json", "secrets.json", "record.earlier.json"] {
        for (name, damage) in DAMAGES {
            apply(router.namespace(), &router.files.path().join("first.toml"));
            let begun = router.run(&["apply", "FILE", "--confirm", "1h"]);
            assert_eq!(begun.code, Some(0), "{}{}", begun.out, begun.err);
            let mut check = checks(&mut failed, format!("{file}, {name}"));
            router.damage(file, damage);
            let status = router.run(&["status"]);
            check(matches!(status.code, Some(0 | 3)) && status.out.contains("fc00:0:1:2::/128"), "status", &status);
            let again = router.run(&["apply", "FILE"]);
            let waits = again.err.contains("waiting for confirmation");
            let names_it = again.err.contains(file) && again.err.contains("segbox clear");
            let confirmed = file == "pending.json" && name == "missing";
            check(again.code == Some(1) && (waits || names_it) || confirmed, "apply", &again);
            if waits {
                let confirm = router.run(&["confirm"]);
                check(confirm.code == Some(0), "confirm", &confirm);
            }
            let clear = router.run(&["clear"]);
            check(clear.code == Some(0), "clear", &clear);
            check(router.run(&["observe"]).out == pristine, "all is as it was", &clear);
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn the_files_of_a_segbox_without_versions_are_read() {
    let router = Router::new();
    let pristine = router.pristine();
    let first = router.files.write("first.toml", FILE.replace("mtu = 1400", "mtu = 1300"));
    let in_sync = |file: &Path| segbox(router.namespace(), [OsStr::new("plan"), file.as_os_str()]).code == Some(0);
    apply(router.namespace(), &first);
    router.as_before_versions();
    assert_eq!(router.run(&["status"]).code, Some(0));
    assert!(in_sync(&first));
    let again = segbox(router.namespace(), [OsStr::new("apply"), first.as_os_str()]);
    assert!(again.out.contains("nothing to do"), "{}{}", again.out, again.err);
    router.as_before_versions();
    // A change that waits, and its undo.
    assert_eq!(router.run(&["apply", "FILE", "--confirm", "2s"]).code, Some(0));
    router.as_before_versions();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    // The undo takes a while, and `status` says so meanwhile.
    let undone = || router.run(&["status"]).out.contains("first.toml") && router.run(&["status"]).code == Some(0);
    while !(in_sync(&first) && undone()) {
        assert!(std::time::Instant::now() < end, "not undone: {}", router.run(&["status"]).out);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    router.as_before_versions();
    assert_eq!(router.run(&["clear"]).code, Some(0));
    assert_eq!(router.run(&["observe"]).out, pristine);
}
