//! Sysctls by their dotted names, through /proc/sys. Those under `net` are of the calling thread's network namespace
//! (fs/proc/proc_sysctl.c looks it up for each task). Not here: which sysctls, or their values.

use std::io;
use std::path::PathBuf;

/// A sysctl's value without the line end; None where this kernel or namespace has no such sysctl.
///
/// # Errors
/// It is there and cannot be read.
pub fn read(name: &str) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path(name)) {
        Ok(value) => Ok(Some(value.trim_end().to_owned())),
        // A link may go away between listing and reading, and its folder with it.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether this kernel and namespace has a sysctl.
pub(crate) fn is_there(name: &str) -> bool {
    path(name).exists()
}

/// Sets a sysctl.
///
/// # Errors
/// It is not there, cannot be written, or refuses the value (EINVAL).
pub fn write(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(path(name), value)
}

/// `net.ipv6.conf.eth0/100.seg6_enabled` → `/proc/sys/net/ipv6/conf/eth0.100/seg6_enabled`.
fn path(name: &str) -> PathBuf {
    let relative: String = name
        .chars()
        .map(|character| match character {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect();
    PathBuf::from("/proc/sys").join(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_dot_of_a_vlan_interface() {
        let found = path("net.ipv6.conf.eth0/100.seg6_enabled");
        assert_eq!(found, PathBuf::from("/proc/sys/net/ipv6/conf/eth0.100/seg6_enabled"));
    }

    #[test]
    fn tells_what_is_not_there_from_what_is() {
        assert_eq!(read("net.no_such_thing").expect("no error"), None);
        assert_eq!(read("kernel.ostype").expect("no error").as_deref(), Some("Linux"));
    }
}
