//! `apply --confirm`: a change is undone after its time unless it is confirmed, even if segbox was killed meanwhile.

mod support;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use segbox_lab::{Cable, Lab, Namespace, Topology};
use support::files::Files;
use support::segbox::{Run, SEGBOX, apply, run, segbox};

const BEFORE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End.BPF"
program = "old"

[program.old]
object = "builtin:end_noop"

[srv6.hmac-key.7]
algorithm = "sha256"
secret-file = "seven.key"
"#;

const AFTER: &str = r#"
[interface.eth0]
mtu = 1400

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End.BPF"
program = "new"

[program.new]
object = "builtin:end_add_tlv"
"#;

fn router() -> (Lab, Files) {
    let topology =
        Topology { routers: &["router", "peer"], hosts: &[], cables: &[Cable("router", "eth0", "peer", "eth0")] };
    let lab = topology.build().expect("these tests make network namespaces: run them as root");
    let files = Files::new();
    files.write("seven.key", "a secret of some length");
    files.write("before.toml", BEFORE);
    files.write("after.toml", AFTER);
    (lab, files)
}

fn in_sync(namespace: &Namespace, file: &Path) -> bool {
    let plan = segbox(namespace, [OsStr::new("plan"), file.as_os_str()]);
    assert!(matches!(plan.code, Some(0 | 2)), "{}{}", plan.out, plan.err);
    plan.code == Some(0)
}

fn on_probation(namespace: &Namespace, file: &Path, time: &str) -> Run {
    segbox(namespace, [OsStr::new("apply"), file.as_os_str(), "--confirm".as_ref(), time.as_ref()])
}

/// Waits for an event, long enough for a busy machine.
fn wait_for(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn unconfirmed_it_is_undone_programs_and_keys_included() {
    let (lab, files) = router();
    let (namespace, before, after) =
        (&lab["router"], files.path().join("before.toml"), files.path().join("after.toml"));
    apply(namespace, &before);
    let run = on_probation(namespace, &after, "10s");
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    assert!(run.out.contains("unless you run `segbox confirm`"), "{}", run.out);
    assert!(in_sync(namespace, &after));
    // The object file of the old program may be gone by then: the undo has a copy. (The built-in one always exists.)
    wait_for("the change is undone", || in_sync(namespace, &before));
    assert_eq!(segbox(namespace, ["confirm"]).code, Some(1), "there is nothing to confirm any more");
    assert_eq!(segbox(namespace, ["status"]).code, Some(0), "and the old file is the applied one again");
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn confirmed_it_stays() {
    let (lab, files) = router();
    let (namespace, before, after) =
        (&lab["router"], files.path().join("before.toml"), files.path().join("after.toml"));
    apply(namespace, &before);
    assert_eq!(on_probation(namespace, &after, "10s").code, Some(0));
    let other = segbox(namespace, [OsStr::new("apply"), before.as_os_str()]);
    assert_eq!(other.code, Some(1), "another change must not slip in");
    assert!(other.err.contains("segbox confirm"), "{}", other.err);
    let confirm = segbox(namespace, ["confirm"]);
    assert_eq!(confirm.code, Some(0), "{}", confirm.err);
    std::thread::sleep(Duration::from_millis(10_500));
    assert!(in_sync(namespace, &after), "it was confirmed, and undone all the same");
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn killed_meanwhile_it_is_undone_too() {
    let (lab, files) = router();
    let (namespace, before, after) =
        (&lab["router"], files.path().join("before.toml"), files.path().join("after.toml"));
    apply(namespace, &before);
    for moment in [5, 20, 40, 80, 160] {
        let mut command = namespace.command(SEGBOX).expect("there");
        command.arg("apply").arg(&after).args(["--confirm", "1s"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        std::thread::sleep(Duration::from_millis(1200));
        wait_for("the change of a killed segbox is undone", || in_sync(namespace, &before));
    }
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn with_its_guard_killed_too_the_next_change_undoes_it_first() {
    let (lab, files) = router();
    let (namespace, before, after) =
        (&lab["router"], files.path().join("before.toml"), files.path().join("after.toml"));
    apply(namespace, &before);
    assert_eq!(on_probation(namespace, &after, "10s").code, Some(0));
    kill_the_guard_of(namespace);
    std::thread::sleep(Duration::from_millis(10_500));
    assert!(in_sync(namespace, &after), "no process is left to undo it");
    let confirm = segbox(namespace, ["confirm"]);
    assert_eq!(confirm.code, Some(1), "too late to confirm");
    assert!(confirm.err.contains("too late"), "{}", confirm.err);
    assert!(in_sync(namespace, &before));
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

/// Ends the one process that runs in this namespace and is called segbox-guard.
fn kill_the_guard_of(namespace: &Namespace) {
    let listed = run(std::process::Command::new("ip").args(["netns", "pids", namespace.name()]));
    let guards: Vec<i32> = listed
        .out
        .lines()
        .filter_map(|pid| pid.trim().parse().ok())
        .filter(|pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with("segbox-guard"))
        })
        .collect();
    assert_eq!(guards.len(), 1, "there is one guard process");
    let pid = rustix::process::Pid::from_raw(guards[0]).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
}
