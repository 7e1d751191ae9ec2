//! Reading events: with one reader or several, across changes of the router, and until the end.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::reader::{Reader, ends};
use crate::support::segbox::{SEGBOX, apply, segbox};
use crate::{FILE, marked, through};

#[test]
fn a_program_that_is_replaced_is_read_on() {
    let through = through();
    let marked = marked().bytes();
    let mut reader = Reader::new(through.router(), &["oam", "--json"]);
    through.pass(&marked);
    reader.events(1);
    // Another value of a global makes another program.
    let changed = FILE.replace("[program.oam]\n", "[program.oam]\nglobals = { every = 0 }\n");
    apply(through.router(), &through.files.write("segbox.toml", &changed));
    reader.hears(|err| err.matches("oam@").count() == 3 && err.contains(" no longer runs"));
    through.pass(&marked);
    assert_eq!(reader.events(2)[1]["program"], "oam");
    // The program is removed with everything else, and then returns under the same name.
    assert_eq!(segbox(through.router(), ["clear"]).code, Some(0));
    reader.hears(|err| err.contains("no program reports now"));
    apply(through.router(), &through.files.write("segbox.toml", &changed));
    let finds = |line: &&str| line.starts_with("oam@") && line.contains(" reports");
    reader.hears(|err| err.lines().filter(finds).count() == 3);
    through.pass(&marked);
    reader.events(3);
    reader.signal(Signal::INT);
    assert_eq!(reader.ended(), Some(0), "{}", reader.err());
    assert_eq!(reader.err().lines().last(), Some("3 events, 0 lost"));
}

#[test]
fn one_reader_at_a_time_and_a_killed_one_leaves_nothing() {
    let through = through();
    let files = || {
        let mut found = Vec::new();
        for root in ["/run/segbox", "/sys/fs/bpf/segbox"] {
            for folder in std::fs::read_dir(root).expect("segbox has run here").flatten() {
                list(&folder.path(), &mut found);
            }
        }
        // Other tests use other namespaces.
        let own = segbox_of(&through);
        found.retain(|path| path.contains(&own));
        found.sort();
        found
    };
    let before = files();
    assert!(before.iter().any(|path| path.ends_with("/events")), "{before:?}");
    let mut first = Reader::new(through.router(), &["oam", "--json"]);
    let mut beside = Reader::new(through.router(), &["delay", "--json"]);
    for words in [&["oam"][..], &[]] {
        let mut second = Reader::start(through.router(), words);
        assert_eq!(second.ended(), Some(1), "{}", second.err());
        assert!(second.err().contains("another process reads the reports of program"), "{}", second.err());
        assert!(second.err().contains("read only once"), "{}", second.err());
    }
    assert_eq!(files(), before, "a reader writes nothing");
    first.signal(Signal::KILL);
    first.ended();
    assert_eq!(files(), before);
    through.pass(&marked().bytes());
    let mut third = Reader::new(through.router(), &["oam", "--json", "--count", "1"]);
    assert_eq!((third.ended(), third.json().len()), (Some(0), 1), "{}", third.err());
    beside.signal(Signal::HUP);
    assert_eq!(beside.ended(), Some(0));
    assert_eq!(files(), before);
}

#[test]
fn it_ends_when_its_reader_is_gone_even_without_events() {
    let through = through();
    let mut command = through.router().command(SEGBOX).expect("the namespace is there");
    let mut child = command
        .args(["events", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("segbox starts");
    drop(child.stdout.take());
    let status = ends(&mut child).expect("it waits for events without a reader");
    assert!(status.success(), "{status}");
}

#[test]
fn a_signal_ends_it_also_when_its_output_is_not_read() {
    let through = through();
    let marked = marked().bytes();
    // Lines of 300 bytes: in total more than the 64 KiB of a pipe.
    (0..600).for_each(|_| through.send(&marked));
    through.pass(&marked);
    let mut command = through.router().command(SEGBOX).expect("the namespace is there");
    let mut child = command
        .args(["events", "oam", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("segbox starts");
    let process = rustix::process::Pid::from_child(&child);
    // It waits for the pipe when it neither runs nor reads from the ring buffer.
    let waits = || {
        let state = std::fs::read_to_string(format!("/proc/{}/wchan", child.id())).unwrap_or_default();
        state.contains("poll")
    };
    let begin = std::time::Instant::now();
    while !(waits() && begin.elapsed().as_millis() > 500) {
        assert!(begin.elapsed().as_secs() < 20, "it never waits");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    rustix::process::kill_process(process, Signal::TERM).expect("it runs");
    let status = ends(&mut child).expect("it waits for its reader for ever");
    assert!(status.success(), "{status}");
}

/// The folder name of the router's namespace, by its inode.
fn segbox_of(through: &crate::support::through::Through) -> String {
    let mut command = through.router().command("readlink").expect("the namespace is there");
    let link = command.arg("/proc/self/ns/net").output().expect("coreutils").stdout;
    let link = String::from_utf8(link).expect("text");
    format!("-{}/", link.trim().trim_start_matches("net:[").trim_end_matches(']'))
}

fn list(path: &Path, found: &mut Vec<String>) {
    found.push(format!("{}{}", path.display(), if path.is_dir() { "/" } else { "" }));
    if path.is_dir() {
        std::fs::read_dir(path).into_iter().flatten().flatten().for_each(|entry| list(&entry.path(), found));
    }
}
