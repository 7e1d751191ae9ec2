//! Tuning of a box's CPUs: governor and SMT on a fake tree of files, the wake-up latency on the real kernel device. Knobs are
//! set, read back, restored by `segbox keep` after another program changes them, and reset by `clear`. Needs root.
//!
//! The box is a set of namespaces with a PID 1, so segbox treats it as the box and never sets a knob of this machine. Only the
//! latency is real: it is held at 500 µs during the test, which only forbids the deepest sleep.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::segbox::{Run, SEGBOX, run};

const PROFILE: &str = r#"
description = "Two cores, four threads"
[cpu]
governor = "performance"
max-cstate-latency-us = 500
smt = "off"
"#;
const CPUS: [u32; 4] = [0, 1, 2, 3];
/// Longer than the keeper's pause of a second, on a loaded machine.
const SOON: Duration = Duration::from_secs(20);

/// Namespaces with a first process; everything is removed with this value.
struct Boxed {
    first: Child,
    /// The PID of the first process on this machine.
    pid: String,
}

impl Boxed {
    fn new() -> Self {
        // Mounted over the kernel's tree, and visible only here: unshare makes all mounts private.
        let make = "set -e
            for place in /run /etc /sys/devices/system/cpu; do mount -t tmpfs box $place; done
            echo ready; exec sleep infinity";
        let mut first = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--uts",
                "--ipc",
                "--pid",
                "--fork",
                "--mount-proc",
                "--kill-child",
                "sh",
                "-c",
                make,
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux is there");
        let mut ready = [0; 6];
        first.stdout.as_mut().expect("asked for").read_exact(&mut ready).expect("root, and a kernel with namespaces");
        let children = format!("/proc/{0}/task/{0}/children", first.id());
        let pid =
            fs::read_to_string(children).expect("a process").split_whitespace().next().expect("a child").to_owned();
        let made = Self { first, pid };
        made.write("/sys/devices/system/cpu/online", "0-3\n");
        made.write("/sys/devices/system/cpu/smt/control", "on\n");
        for cpu in CPUS {
            let core = cpu % 2;
            made.write(&format!("/sys/devices/system/cpu/cpu{cpu}/topology/core_id"), &format!("{core}\n"));
            made.write(&governor(cpu), "schedutil\n");
            let there = "performance schedutil\n";
            made.write(&format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_available_governors"), there);
        }
        made.write("/etc/segbox/hw-profiles/mine.toml", PROFILE);
        made.write("/etc/segbox/segbox.toml", "[system]\nhardware = \"mine\"\n");
        made
    }

    fn place(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(&self.pid).join("root").join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.place(path);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a tmpfs");
        fs::File::create(place).and_then(|mut file| file.write_all(text.as_bytes())).expect("a tmpfs");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.place(path)).expect("it was made").trim().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid, "--mount", "--net", "--uts", "--ipc", "--pid", SEGBOX]).args(arguments);
        command
    }

    fn segbox(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Starts `segbox keep`, and waits until it works.
    fn keep(&self) -> Child {
        let mut keeper = self.command(&["keep"]).stderr(Stdio::piped()).spawn().expect("segbox");
        let waits = |keeper: &mut Child| keeper.try_wait().expect("ours").is_none();
        soon("the keeper's lock", || {
            assert!(waits(&mut keeper), "the keeper has ended");
            let lock = self.place("/run/segbox/keeper");
            fs::File::open(lock).is_ok_and(|file| file.try_lock().is_err())
        });
        keeper
    }

    /// Adds and removes a link: the event makes the keeper check.
    fn news(&self) {
        for what in [["add", "type", "veth"].as_slice(), &["del"]] {
            let mut command = Command::new("nsenter");
            command.args(["--target", &self.pid, "--net", "ip", "link", what[0], "v0"]).args(&what[1..]);
            assert!(command.status().expect("iproute2").success());
        }
    }

    /// Each CPU knob in the output of `status`: name, found value, state.
    fn knobs(&self) -> Vec<(String, String, String)> {
        let said = self.segbox(&["status", "--json"]);
        let status: serde_json::Value =
            serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err));
        let text = |knob: &serde_json::Value, key: &str| knob[key].as_str().unwrap_or("-").to_owned();
        let knobs = status["tuning"]["knobs"].as_array().unwrap_or_else(|| panic!("no tuning in {status}"));
        knobs.iter().map(|knob| (text(knob, "knob"), text(knob, "found"), text(knob, "state"))).collect()
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        drop(self.first.kill());
        drop(self.first.wait());
    }
}

fn governor(cpu: u32) -> String {
    format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor")
}

/// The latency that the kernel holds now, for any process.
fn latency() -> i32 {
    let mut bytes = [0; 4];
    fs::File::open("/dev/cpu_dma_latency")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .expect("the kernel's device");
    i32::from_ne_bytes(bytes)
}

fn soon(what: &str, is_so: impl FnMut() -> bool) {
    let mut is_so = is_so;
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "{what} is not so after {SOON:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_boxs_cpus_are_tuned_kept_so_and_put_back() {
    let before = latency();
    let boxed = Boxed::new();
    let mut keeper = boxed.keep();
    let applied = boxed.segbox(&["apply"]);
    assert_eq!(applied.code, Some(0), "{}{}", applied.out, applied.err);
    assert_eq!(boxed.read("/sys/devices/system/cpu/smt/control"), "off");
    for cpu in CPUS {
        assert_eq!(boxed.read(&governor(cpu)), "performance", "CPU {cpu}");
    }
    assert_eq!(latency(), before.min(500));
    let knobs = boxed.knobs();
    let found = |name: &str| {
        knobs.iter().find(|(knob, ..)| knob == name).map(|(_, found, state)| (found.as_str(), state.as_str()))
    };
    assert_eq!(found("SMT"), Some(("off", "as-wanted")), "{knobs:?}");
    assert_eq!(found("CPU 3 governor"), Some(("performance", "as-wanted")), "{knobs:?}");
    assert_eq!(found("CPU wake-up latency"), Some(("500", "as-wanted")), "{knobs:?}");
    assert_eq!(boxed.segbox(&["plan"]).code, Some(0), "a second apply has something to do");

    // Another program changes them.
    boxed.write(&governor(1), "schedutil\n");
    boxed.write("/sys/devices/system/cpu/smt/control", "on\n");
    boxed.news();
    soon("the governor of CPU 1 as wanted", || boxed.read(&governor(1)) == "performance");
    soon("SMT as wanted", || boxed.read("/sys/devices/system/cpu/smt/control") == "off");

    // A second keeper has nothing to do; the first one holds the latency, and releases it when it ends.
    let second = boxed.segbox(&["keep"]);
    assert!(second.code == Some(1) && second.err.contains("another segbox keeps"), "{second:?}");
    let cleared = boxed.segbox(&["clear"]);
    assert_eq!(cleared.code, Some(0), "{}{}", cleared.out, cleared.err);
    assert_eq!(boxed.read("/sys/devices/system/cpu/smt/control"), "on");
    for cpu in CPUS {
        assert_eq!(boxed.read(&governor(cpu)), "schedutil", "CPU {cpu}");
    }
    assert_eq!(latency(), before);

    // Nothing is applied any more, so nothing is restored; a held request ends with its keeper.
    assert_eq!(boxed.segbox(&["apply"]).code, Some(0));
    soon("the latency held", || latency() == before.min(500));
    keeper.kill().expect("ours");
    keeper.wait().expect("ours");
    drop(boxed);
    soon("the latency let go", || latency() == before);
}

#[test]
fn a_missing_governor_is_no_error_and_is_reported() {
    let boxed = Boxed::new();
    for cpu in CPUS {
        let there = format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_available_governors");
        boxed.write(&there, "schedutil\n");
    }
    boxed.write("/sys/devices/system/cpu/smt/control", "notsupported\n");
    let applied = boxed.segbox(&["apply"]);
    assert_eq!(boxed.read(&governor(0)), "schedutil");
    let knobs = boxed.knobs();
    assert!(knobs.iter().all(|(_, _, state)| state != "differs"), "{knobs:?}");
    assert!(knobs.iter().any(|(knob, _, state)| knob == "CPU 0 governor" && state == "instead"), "{knobs:?}");
    assert_eq!(applied.code, Some(0), "{}{}", applied.out, applied.err);
}
