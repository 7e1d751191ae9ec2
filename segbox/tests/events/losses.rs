//! Lost events are reported, and so are errors.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use segbox_lab::Namespace;

use crate::reader::Reader;
use crate::support::files::Files;
use crate::support::segbox::{apply, copy, run, segbox, status};
use crate::support::through::Through;
use crate::{marked, through, to};

/// Number of packets that a SID has forwarded.
fn forwarded(through: &Through, sid: &str) -> u64 {
    let status = status(through.router());
    let sids = status["sids"].as_array().expect("a list");
    let sid = sids.iter().find(|found| found["sid"] == sid).expect("listed");
    sid["packets"].as_u64().expect("it counts")
}

/// Number of events, and of lost events, in all lines so far.
fn sums(reader: &Reader) -> (u64, u64) {
    let lines = reader.json();
    let lost = lines.iter().filter_map(|line| line["lost"].as_u64()).sum();
    (lines.iter().filter(|line| line.get("lost").is_none()).count() as u64, lost)
}

#[test]
fn every_event_is_printed_or_counted_as_lost() {
    let through = through();
    // A ring buffer of one page holds at most a hundred records of 40 bytes, and there is no reader.
    let own = to(&[103]).bytes();
    (0..300).for_each(|_| through.send(&own));
    through.pass(&own);
    let mut reader = Reader::new(through.router(), &["own", "--json"]);
    let before = reader.err();
    let lost: u64 = before.split("; ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect("told");
    reader.until(|reader| sums(reader).0 + lost == 301);
    assert_eq!(sums(&reader).1, 0, "lost before, not lost now");
    // The reader is stopped while more packets arrive than the ring buffer can hold.
    reader.signal(Signal::STOP);
    (0..300).for_each(|_| through.send(&own));
    through.pass(&own);
    reader.signal(Signal::CONT);
    reader.until(|reader| {
        let (told, now_lost) = sums(reader);
        told + now_lost + lost == 602 && now_lost > 0
    });
    reader.signal(Signal::TERM);
    assert_eq!(reader.ended(), Some(0), "{}", reader.err());
    assert!(reader.err().ends_with(&format!("{} lost", sums(&reader).1)), "{}", reader.err());
}

#[test]
fn a_built_in_programs_full_ring_is_counted_too() {
    let through = through();
    let marked = marked().bytes();
    let mut reader = Reader::new(through.router(), &["oam", "--json"]);
    reader.signal(Signal::STOP);
    // 256 KiB hold 3276 records of 72 bytes with their headers.
    (0..3600).for_each(|_| through.send(&marked));
    through.pass(&marked);
    let sent = forwarded(&through, "fc00:0:2:102::/128");
    reader.signal(Signal::CONT);
    reader.until(|reader| sums(reader).0 + sums(reader).1 == sent);
    assert_eq!(sums(&reader).0, 3276, "what the ring holds");
}

#[test]
fn programs_without_events_are_reported_with_those_that_have_them() {
    let namespace = Namespace::new("events").expect("these tests make network namespaces: run them as root");
    let files = Files::new();
    let told = |words: &[&str], expected: &[&str]| {
        let told = segbox(&namespace, [&["events"], words].concat());
        assert_eq!(told.code, Some(1), "{words:?}: {}{}", told.out, told.err);
        let missing: Vec<_> = expected.iter().filter(|words| !told.err.contains(**words)).collect();
        assert!(missing.is_empty() && told.out.is_empty(), "{missing:?} are not in\n{}", told.err);
    };
    told(&[], &["no running program reports events", "builtin:end_dm", "builtin:end_oam"]);
    told(&["delay"], &["program `delay` does not run here", "no running program reports events"]);
    let sid = |sid, program| {
        format!("[[srv6.sid]]\nsid = \"fc00::{sid}\"\nbehavior = \"End.BPF\"\nprogram = \"{program}\"\n")
    };
    let text = format!(
        "{}{}[program.mark]\nobject = \"builtin:end_tag\"\n[program.delay]\nobject = \"builtin:end_dm\"\n",
        sid(1, "mark"),
        sid(2, "delay")
    );
    apply(&namespace, &files.write("segbox.toml", text));
    told(&["delya"], &["program `delya` does not run here", "programs that report events: delay"]);
    told(&["mark"], &["program `mark` reports no events", "`events`", "programs that report events: delay"]);
    told(&["delay", "--count", "0"], &["--count"]);
    assert_eq!(segbox(&namespace, ["clear"]).code, Some(0));
    told(&["delay"], &["program `delay` does not run here"]);

    let binary = files.path().join("segbox");
    copy(&binary);
    std::fs::set_permissions(files.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let told = run(Command::new(&binary).arg("events").uid(65534).gid(65534));
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(told.err.contains("`segbox events` needs root"), "{}", told.err);
}
