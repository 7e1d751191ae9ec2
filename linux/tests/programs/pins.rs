//! Pins by name and by network namespace, and under `ip netns exec`, whose commands see another /sys.

use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use segbox_config::Hook;
use segbox_linux::Namespace;
use segbox_linux::bpf::error::{LoadError, PinError};
use segbox_linux::bpf::{Programs, sweep};
use segbox_linux::namespace::Fate;

use crate::house::{folder_of, in_a_namespace, program, read};

#[test]
fn a_program_is_put_replaced_and_removed() {
    in_a_namespace(|programs| {
        let object = read("several");
        // A file's names may have characters that a bpffs refuses.
        let name = "a.b/c ü@1a2b3c4d";
        programs.put(name, &program(&object, "first")).expect("loaded");
        let first = programs.fd(name).expect("a descriptor");
        programs.put(name, &program(&object, "third")).expect("replaced");
        let seen = programs.observe().expect("the bpffs").programs;
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(name.to_owned(), Hook::LwtIn)]);
        assert_eq!(programs.maps(name).expect("its maps"), ["third_counts"], "only what the program uses");
        assert!(first.as_fd().try_clone_to_owned().is_ok(), "who holds the old one keeps it");

        let refused = programs.put(name, &program(&object, "broken"));
        assert!(matches!(refused, Err(PinError::Load(LoadError::Verifier { .. }))));
        assert_eq!(programs.maps(name).expect("still there"), ["third_counts"]);

        programs.remove(name).expect("removed");
        programs.remove(name).expect("nothing to remove");
        assert!(matches!(programs.fd(name), Err(PinError::NoProgram(_))));
    });
}

#[test]
fn namespaces_do_not_see_each_others_programs() {
    in_a_namespace(|programs| {
        programs.put("mine@1", &program(&read("plain"), "plain")).expect("loaded");
        in_a_namespace(|others| {
            assert!(others.observe().expect("the bpffs").programs.is_empty());
            others.put("theirs@1", &program(&read("plain"), "plain")).expect("loaded");
        });
        let seen = programs.observe().expect("the bpffs").programs;
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["mine@1"]);
    });
}

#[test]
fn what_a_lost_namespace_leaves_is_swept() {
    let lost = std::thread::spawn(|| {
        in_a_namespace(|programs| {
            programs.put("kept@1", &program(&read("plain"), "plain")).expect("loaded");
            let here = Namespace::current().expect("Linux 5.14");
            sweep().expect("the bpffs");
            assert!(folder_of(here).join("kept@1/prog").exists(), "the namespace is still there");
            here
        })
    });
    let lost = lost.join().expect("the test's first half");
    assert_ne!(lost.fate(), Fate::Alive);
}

/// A separate box, like a container: PID 1 sees the file systems of the box, and no bpffs is mounted.
#[test]
fn ip_netns_exec_shares_the_boxs_pins() {
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "--net"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "pins::in_a_box", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("util-linux has unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "PID 1 of a box; ip_netns_exec_shares_the_boxs_pins runs it in one"]
fn in_a_box() {
    assert_eq!(std::process::id(), 1, "run by the test above only");
    let shell = |line: &str| {
        let status = Command::new("sh").args(["-ec", line]).status().expect("a shell");
        assert!(status.success(), "{line}");
    };
    shell(
        "while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done; mkdir -p /run/netns; mount -t tmpfs none /run/netns",
    );
    assert!(!mounted("/proc/self/mounts"), "the box starts without one");
    shell("ip netns add one; ip netns add two");
    let inside = |namespace: &str, role: &str| {
        let status = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(std::env::current_exe().expect("this test"))
            .args(["--exact", "pins::in_a_namespace_of_the_box", "--ignored", "--nocapture", "--test-threads=1"])
            .env("SEGBOX_TEST_ROLE", role)
            .stdout(Stdio::null())
            .status()
            .expect("iproute2");
        assert!(status.success(), "{role} in {namespace}");
    };
    inside("one", "looks in vain");
    assert!(!mounted("/proc/self/mounts"), "who only looks mounts nothing");
    inside("one", "puts");
    assert!(mounted("/proc/self/mounts"), "the box has it now");
    inside("one", "finds");
    inside("two", "looks in vain");
    inside("two", "puts");
    inside("one", "finds");
    assert!(
        Programs::open().expect("root").observe().expect("the bpffs").programs.is_empty(),
        "the namespace of PID 1"
    );

    shell("ip netns del one");
    let folders = || std::fs::read_dir("/sys/fs/bpf/segbox").expect("segbox's folder").count();
    let before = folders();
    let certain = Namespace::current().expect("Linux 5.14").fate() == Fate::Alive;
    assert_eq!(sweep().expect("the bpffs"), usize::from(certain));
    assert_eq!(folders(), before - usize::from(certain));
    inside("two", "finds");
}

#[test]
#[ignore = "what `ip netns exec` runs in in_a_box"]
fn in_a_namespace_of_the_box() {
    let mut programs = Programs::open().expect("root");
    let role = std::env::var("SEGBOX_TEST_ROLE").expect("run by in_a_box only");
    if role == "puts" {
        programs.put("plain@1", &program(&read("plain"), "plain")).unwrap_or_else(|error| panic!("{error}"));
    }
    let there = programs.observe().expect("the bpffs").programs.contains_key("plain@1");
    assert_eq!(there, role != "looks in vain");
    assert!(!mounted("/proc/thread-self/mounts"), "the view of this command has not changed");
}

fn mounted(mounts: &str) -> bool {
    let mounts = std::fs::read_to_string(mounts).expect("/proc");
    mounts.lines().any(|line| line.split(' ').nth(1) == Some("/sys/fs/bpf"))
}
