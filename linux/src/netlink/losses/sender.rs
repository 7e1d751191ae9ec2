//! The process behind a netlink port, as far as it can be told: the kernel gives a process's first socket the process's number, and all others
//! a number above 2^31 (net/netlink/af_netlink.c, netlink_autobind). Those are found by /proc/net/netlink. Not here: what it did.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// `zebra (process 711)`; None: it was the kernel itself.
pub(super) fn name(port: u32) -> Option<String> {
    if port == 0 {
        return None;
    }
    let process = if port <= i32::MAX.cast_unsigned() { Some(port) } else { owner(port) };
    Some(match process.map(|process| (process, fs::read_to_string(format!("/proc/{process}/comm")))) {
        Some((process, Ok(name))) => format!("{} (process {process})", name.trim_end()),
        Some((process, Err(_))) => format!("process {process}, which has ended"),
        None => "a process that the kernel does not name".to_owned(),
    })
}

/// The process that has the socket with this port open.
fn owner(port: u32) -> Option<u32> {
    let table = fs::read_to_string("/proc/net/netlink").ok()?;
    let inode: u64 = table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace();
        let is_it = columns.nth(2).and_then(|text| text.parse::<u32>().ok()) == Some(port);
        if is_it { columns.last()?.parse().ok() } else { None }
    })?;
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        has_open(&entry.path().join("fd"), inode).then_some(process)
    })
}

fn has_open(folder: &Path, inode: u64) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| fs::metadata(file.path())).any(|file| file.is_ok_and(|file| file.ino() == inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_process_of_its_first_and_of_another_socket() {
        let sockets: Vec<_> = (0..3)
            .map(|_| {
                let mut socket = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("netlink");
                socket.bind_auto().expect("a port").port_number()
            })
            .collect();
        // The sockets are closed by now.
        assert!(sockets.iter().all(|port| name(*port).is_some()));
        let mut open = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("netlink");
        let mut second = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("netlink");
        for port in [open.bind_auto(), second.bind_auto()].map(|address| address.expect("a port").port_number()) {
            let said = name(port).expect("a process");
            assert!(said.contains(&format!("(process {})", std::process::id())), "{port}: {said}");
        }
        assert_eq!(name(0), None);
    }
}
