//! What a machine leaves open that a router can close: settings of the kernel that decide what a program may do once it runs there. For
//! `segbox doctor`. Reads only. Not here: closing them (PID 1 does so on a box; a host belongs to its administrator).

use std::fs;
use std::io;
use std::path::Path;

/// A setting of the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// What is closed or open.
    pub name: &'static str,
    /// Who comes through it.
    pub risk: &'static str,
    /// How to close it.
    pub fix: &'static str,
    path: &'static str,
    is_closed: fn(&str) -> bool,
    /// Why there is no door where there is no such file, if that is so.
    no_door: fn() -> Option<&'static str>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is closed; with the setting and its value.
    Closed(String),
    /// It is open.
    Open(String),
    /// It cannot be told; with the reason.
    Unknown(String),
}

impl Door {
    /// Looks at it.
    pub fn look(&self) -> Seen {
        let text = match fs::read_to_string(self.path) {
            Ok(text) => text,
            Err(error) => {
                let no_door = (self.no_door)().filter(|_| error.kind() == io::ErrorKind::NotFound);
                let unknown = || Seen::Unknown(format!("{}: {error}", self.path));
                return no_door.map_or_else(unknown, |why| Seen::Closed(why.to_owned()));
            }
        };
        let value = text.trim();
        let found = format!("{} is {value}", self.path);
        if (self.is_closed)(value) { Seen::Closed(found) } else { Seen::Open(found) }
    }
}

fn is_on(value: &str) -> bool {
    matches!(value, "1" | "2" | "Y")
}

/// All of them.
pub const DOORS: [Door; 8] = [
    Door {
        name: "unsigned modules",
        risk: "root, or who has become root, can change the running kernel with a module of their own",
        fix: "put `module.sig_enforce=1` on the kernel's command line",
        path: "/sys/module/module/parameters/sig_enforce",
        is_closed: is_on,
        no_door: || (!Path::new("/proc/modules").exists()).then_some("this kernel loads no modules"),
    },
    Door {
        name: "lockdown",
        risk: "root can write to the kernel's memory and past the drivers to hardware",
        fix: "put `lockdown=integrity` on the kernel's command line; `confidentiality` would forbid tracing",
        path: "/sys/kernel/security/lockdown",
        is_closed: |value| !value.contains("[none]") && value.contains('['),
        no_door: || None,
    },
    Door {
        name: "kernel addresses",
        risk: "every user reads where the kernel's functions are, which attacks on it need",
        fix: "`sysctl kernel.kptr_restrict=1`; with 2 root does not see them either",
        path: "/proc/sys/kernel/kptr_restrict",
        is_closed: is_on,
        no_door: || None,
    },
    Door {
        name: "kernel log",
        risk: "every user reads the kernel's log",
        fix: "`sysctl kernel.dmesg_restrict=1`",
        path: "/proc/sys/kernel/dmesg_restrict",
        is_closed: is_on,
        no_door: || None,
    },
    Door {
        name: "unprivileged BPF",
        risk: "every user can load BPF programs",
        fix: "`sysctl kernel.unprivileged_bpf_disabled=1`",
        path: "/proc/sys/kernel/unprivileged_bpf_disabled",
        is_closed: is_on,
        no_door: || None,
    },
    Door {
        name: "kexec",
        risk: "root can start another kernel, which no boot loader has checked",
        fix: "`sysctl kernel.kexec_load_disabled=1`",
        path: "/proc/sys/kernel/kexec_load_disabled",
        is_closed: is_on,
        no_door: || Some("this kernel starts no other"),
    },
    Door {
        name: "links in /tmp",
        risk: "a user can lead root's programs to other files with a link in /tmp; segbox itself uses no path there",
        fix: "`sysctl fs.protected_symlinks=1`",
        path: "/proc/sys/fs/protected_symlinks",
        is_closed: is_on,
        no_door: || None,
    },
    Door {
        name: "hard links",
        risk: "a user can make a hard link to a file of root's, and have root's programs change it",
        fix: "`sysctl fs.protected_hardlinks=1`",
        path: "/proc/sys/fs/protected_hardlinks",
        is_closed: is_on,
        no_door: || None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockdown_is_closed_by_either_level() {
        let lockdown = DOORS.iter().find(|door| door.name == "lockdown").expect("a row");
        let closed = |value| (lockdown.is_closed)(value);
        assert!(closed("none [integrity] confidentiality") && closed("none integrity [confidentiality]"));
        assert!(!closed("[none] integrity confidentiality") && !closed(""));
    }

    #[test]
    fn numbers_and_words_of_switches_are_read() {
        assert!(is_on("1") && is_on("2") && is_on("Y"));
        assert!(!is_on("0") && !is_on("N") && !is_on(""));
    }

    #[test]
    fn a_door_that_is_not_there_is_unknown() {
        let door = Door { path: "/proc/sys/kernel/none_of_these", no_door: || None, ..DOORS[0] };
        assert!(matches!(door.look(), Seen::Unknown(why) if why.contains("none_of_these")));
        let none = Door { no_door: || Some("no such thing"), ..door };
        assert_eq!(none.look(), Seen::Closed("no such thing".to_owned()));
    }
}
