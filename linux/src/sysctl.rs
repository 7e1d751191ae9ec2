//! Sysctls by their dotted names, through /proc/sys: those under `net` are the network namespace's of the calling thread
//! (fs/proc/proc_sysctl.c looks it up anew for each task). Not here: which ones, or what they should be.

use std::io;
use std::path::PathBuf;

/// A sysctl's value without the line end; None where this kernel or namespace has no such sysctl.
///
/// # Errors
/// It is there and cannot be read.
pub fn read(name: &str) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path(name)) {
        Ok(value) => Ok(Some(value.trim_end().to_owned())),
        // A link's folder goes away with the link, between listing and reading.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets a sysctl.
///
/// # Errors
/// It is not there, may not be written, or doesn't take this value (EINVAL).
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
