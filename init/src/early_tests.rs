//! Tests PID 1's first steps in separate namespaces: the mounts and their options, and that no step allocates memory.

use std::collections::BTreeMap;

use super::cmdline::CommandLine;
use super::log::{self, problem};
use super::memory::asked;
use super::signals::Signals;
use super::{is_pid1, mounts, sandbox, settings};

/// Mount point, type and required options.
const WANTED: [(&str, &str, &[&str]); 8] = [
    ("/proc", "proc", &["nosuid", "nodev", "noexec"]),
    ("/sys", "sysfs", &["nosuid", "nodev", "noexec"]),
    ("/dev", "devtmpfs", &["nosuid", "noexec"]),
    ("/dev/pts", "devpts", &["nosuid", "noexec", "mode=620", "ptmxmode=666"]),
    ("/run", "tmpfs", &["nosuid", "nodev", "noexec", "mode=755", "size=65536k"]),
    ("/tmp", "tmpfs", &["nosuid", "nodev", "noexec", "mode=700", "size=65536k"]),
    ("/sys/fs/cgroup", "cgroup2", &["nosuid", "nodev", "noexec"]),
    ("/sys/fs/bpf", "bpf", &["nosuid", "nodev", "noexec", "mode=700"]),
];

/// The top mount at each mount point: its type and its options.
fn mounted() -> BTreeMap<String, (String, String)> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").expect("proc is mounted");
    let entry = |line: &str| {
        let (own, of_kind) = line.split_once(" - ")?;
        let own: Vec<&str> = own.split(' ').collect();
        let of_kind: Vec<&str> = of_kind.split(' ').collect();
        Some((
            (*own.get(4)?).to_owned(),
            ((*of_kind.first()?).to_owned(), format!("{},{}", own.get(5)?, of_kind.get(2)?)),
        ))
    };
    // Later mounts cover earlier ones.
    table.lines().filter_map(entry).collect()
}

#[test]
fn everything_is_mounted_with_its_flags_and_nothing_early_asks_for_memory() {
    sandbox::passes("early_tests::first_steps");
}

#[test]
#[ignore = "PID 1; run by the test above in a sandbox"]
fn first_steps() {
    sandbox::is_here();
    let (refused, for_mounts) = asked(mounts::mount_all);
    assert!(refused.is_empty(), "{refused:?}");
    let found = mounted();
    // This machine's kernel must not be locked down: neither is ever undone.
    let command_line = CommandLine::of("quiet lockdown=none module.sig_enforce=0");
    // Protect the sysctls of this machine from the test.
    let none = rustix::mount::MountFlags::empty();
    rustix::mount::mount(c"tmpfs", c"/proc/sys", c"tmpfs", none, None::<&std::ffi::CStr>).expect("it covers them");
    let (refused, for_rest) = asked(|| {
        assert!(!is_pid1(), "the kernel did not start this one");
        log::open_all();
        let signals = Signals::open();
        if let Err(errno) = signals {
            problem!("cannot receive signals: {errno}");
        }
        // The test's lines must not reach this machine's consoles, but they are formatted as PID 1 does it.
        let line: heapless::String<80> = log::capped(format_args!("{} {:?}", "not printed", signals.is_ok()));
        assert!(line.ends_with("true"));
        settings::set_all(&command_line)
    });
    // Covered sysctls and Ctrl-Alt-Del, which belongs to the real PID 1, fail; the hostname and loopback do not.
    assert_eq!(refused.len(), 15, "{refused:?}");
    for (place, kind, options) in WANTED {
        let (found, with) = found.get(place).unwrap_or_else(|| panic!("nothing is mounted on {place}"));
        assert_eq!(found, kind, "{place}");
        let missing: Vec<_> = options.iter().filter(|option| !with.split(',').any(|word| word == **option)).collect();
        assert!(missing.is_empty(), "{place} lacks {missing:?}: {with}");
    }
    assert_eq!(for_mounts + for_rest, 0, "what comes before memory asks for memory");
}
