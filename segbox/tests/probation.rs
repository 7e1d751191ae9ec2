//! `apply --confirm`: a change is undone after its time unless it is confirmed, even if segbox was killed meanwhile.

mod support;

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use segbox_lab::{Lab, Namespace};
use support::files::Files;
use support::routers::{self, Keeper, ip, soon};
use support::segbox::{Run, SEGBOX, apply, copy, run, segbox};

const BEFORE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
srv6 = true

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
srv6 = true

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End.BPF"
program = "new"

[program.new]
object = "builtin:end_add_tlv"
"#;

/// A route that another program can take the place of.
const ROUTE: &str = "[[route]]\ndestination = \"2001:db8:2::/64\"\nvia = \"2001:db8:1::2\"\n";

fn router() -> (Lab, Files) {
    let (lab, files) = routers::router();
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

fn wait_for(what: &str, done: impl FnMut() -> bool) {
    soon(what, done, String::new);
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

/// A change from `before.toml` to `after.toml` whose time is over, and a guard that does nothing any more.
fn overdue(namespace: &Namespace, files: &Files, what: Signal) -> Pid {
    apply(namespace, &files.path().join("before.toml"));
    let tried = on_probation(namespace, &files.path().join("after.toml"), "2s");
    assert_eq!(tried.code, Some(0), "{}{}", tried.out, tried.err);
    let guard = guard_of(namespace);
    kill_process(guard, what).expect("it is ours");
    std::thread::sleep(Duration::from_millis(2200));
    assert_eq!(mtu(namespace), "1400", "no process is left to undo it");
    guard
}

/// The MTU, by no command of segbox: it is 1400 after the change, and 1500 before it.
fn mtu(namespace: &Namespace) -> String {
    let said = run(namespace.command("ip").expect("there").args(["-o", "link", "show", "dev", "eth0"])).out;
    said.split(" mtu ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or(&said).to_owned()
}

/// The one process that runs in this namespace and is called segbox-guard.
fn guard_of(namespace: &Namespace) -> Pid {
    let listed = run(std::process::Command::new("ip").args(["netns", "pids", namespace.name()]));
    let pids = listed.out.lines().filter_map(|pid| pid.trim().parse().ok());
    let mut guards = pids.filter(|pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with("segbox-guard"))
    });
    let guard = guards.next().expect("there is one guard process");
    assert_eq!(guards.next(), None, "there is only one");
    Pid::from_raw(guard).expect("a process id")
}

#[test]
fn with_its_guard_killed_too_a_confirmation_is_too_late() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    overdue(namespace, &files, Signal::KILL);
    let confirm = segbox(namespace, ["confirm"]);
    assert_eq!(confirm.code, Some(1), "too late to confirm");
    assert!(confirm.err.contains("too late"), "{}", confirm.err);
    assert!(in_sync(namespace, &files.path().join("before.toml")));
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn with_its_guard_killed_or_stopped_the_next_command_of_any_kind_undoes_it_first() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let faulty = files.write("faulty.toml", "[srv6\n");
    let faulty = faulty.to_str().expect("text");
    // Each with its exit code: status is healthy again, no program reports, a file with a fault is not applied.
    let commands: [(&[&str], i32); 5] =
        [(&["status"], 0), (&["schema"], 0), (&["events"], 1), (&["apply", faulty], 1), (&["clear"], 0)];
    for (at, (command, code)) in commands.into_iter().enumerate() {
        let signal = [Signal::KILL, Signal::STOP][at % 2];
        let guard = overdue(namespace, &files, signal);
        let said = segbox(namespace, command);
        assert_eq!(said.code, Some(code), "{command:?}: {}{}", said.out, said.err);
        assert!(said.err.contains("nobody confirmed the last change in time"), "{command:?}: {}", said.err);
        assert_eq!(mtu(namespace), "1500", "{command:?}");
        if signal == Signal::STOP {
            // It finds nothing to undo, and ends: what was applied since then stays.
            apply(namespace, &files.path().join("after.toml"));
            kill_process(guard, Signal::CONT).expect("it is ours");
            wait_for("the guard has ended", || !Path::new(&format!("/proc/{}", guard.as_raw_nonzero())).exists());
            assert!(in_sync(namespace, &files.path().join("after.toml")));
        }
    }
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn segbox_keep_undoes_what_the_guard_does_not_and_only_once() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    for (signal, before) in [(Signal::STOP, true), (Signal::KILL, false)] {
        // It runs before the change, or is started when the time is over.
        let mut keeper = before.then(|| Keeper::start(namespace));
        apply(namespace, &files.path().join("before.toml"));
        assert_eq!(on_probation(namespace, &files.path().join("after.toml"), "2s").code, Some(0));
        let guard = guard_of(namespace);
        kill_process(guard, signal).expect("it is ours");
        if !before {
            std::thread::sleep(Duration::from_millis(2200));
            keeper = Some(Keeper::start(namespace));
        }
        let told = ["undone: a change that nobody confirmed in time"];
        let keeper = keeper.expect("it was started");
        // The MTU is back before the undo is over: `status` could then be the one that ends it.
        wait_for("the keeper undoes the change", || keeper.lines(&told) == 1);
        assert_eq!(mtu(namespace), "1500");
        let status = segbox(namespace, ["status"]);
        assert_eq!(status.code, Some(0), "{}{}", status.out, status.err);
        assert!(!status.err.contains("undone"), "the keeper did it: {}", status.err);
        assert_eq!(keeper.lines(&told), 1, "{}", keeper.said());
        if signal == Signal::STOP {
            kill_process(guard, Signal::KILL).expect("it is ours");
        }
    }
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn an_undo_that_the_kernel_refuses_is_a_deviation_and_tried_again() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    apply(namespace, &files.write("before.toml", format!("{BEFORE}\n{ROUTE}")));
    assert_eq!(on_probation(namespace, &files.path().join("after.toml"), "2s").code, Some(0));
    let guard = guard_of(namespace);
    // The route of the earlier file has another owner by then.
    ip(namespace, "-6 route add 2001:db8:2::/64 dev eth0 metric 1024 proto static");
    wait_for("the rest is undone", || mtu(namespace) == "1500");
    for _ in 0..2 {
        let status = segbox(namespace, ["status"]);
        assert_eq!(status.code, Some(3), "{}{}", status.out, status.err);
        let told = "a change that nobody confirmed was to be undone";
        assert!(status.out.contains(told) && status.out.contains("protocol static"), "{}", status.out);
        assert!(!status.out.contains("is undone in"), "{}", status.out);
    }
    let other = segbox(namespace, ["confirm"]);
    assert!(other.code == Some(1) && other.err.contains("1 step is left"), "{}", other.err);
    ip(namespace, "-6 route del 2001:db8:2::/64 metric 1024 proto static");
    // No command helps it: the guard tries again.
    wait_for("the guard has undone it", || !Path::new(&format!("/proc/{}", guard.as_raw_nonzero())).exists());
    assert!(in_sync(namespace, &files.path().join("before.toml")));
    assert_eq!(segbox(namespace, ["status"]).code, Some(0));
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn the_guard_blocks_no_signal_and_is_the_last_that_memory_pressure_ends() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    apply(namespace, &files.path().join("before.toml"));
    assert_eq!(on_probation(namespace, &files.path().join("after.toml"), "10m").code, Some(0));
    let guard = guard_of(namespace);
    let of = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", guard.as_raw_nonzero())).expect("it runs");
    // A process without CAP_SYS_RESOURCE may not ask for it: then it stays as it was.
    let mut may = std::process::Command::new("sh");
    let may = run(may.args(["-c", "echo -1000 2>/dev/null > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj"]));
    wait_for("it has asked the kernel", || of("oom_score_adj") == may.out);
    let blocked = |line: &&str| line.starts_with("SigBlk:");
    assert_eq!(of("status").lines().find(blocked), Some("SigBlk:\t0000000000000000"));
    // The sixth word: its session. The name has no spaces.
    assert_eq!(of("stat").split(' ').nth(5), Some(guard.as_raw_nonzero().to_string().as_str()));
    kill_process(guard, Signal::TERM).expect("it is ours");
    wait_for("it ends as it is told", || !Path::new(&format!("/proc/{}", guard.as_raw_nonzero())).exists());
    assert_eq!(segbox(namespace, ["confirm"]).code, Some(0));
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn who_may_not_undo_it_is_told_so() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    overdue(namespace, &files, Signal::KILL);
    let folder = tempfile::tempdir().expect("a folder");
    let binary = folder.path().join("segbox");
    copy(&binary);
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let mut command = std::process::Command::new(&binary);
    command.args(["schema"]).uid(65534).gid(65534);
    let said = namespace.enter(|| run(&mut command)).expect("there");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("was to be undone") && said.err.contains("needs root"), "{}", said.err);
    assert_eq!(mtu(namespace), "1400");
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}
