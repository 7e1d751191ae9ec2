//! The policies of forward chains that iptables of the old kind made (iptables-legacy): the kernel keeps them apart from nf_tables. Only reads.
//! Not here: rules, and iptables on nf_tables (netlink).
#![expect(unsafe_code, reason = "a table is read by getsockopt with structures of its own")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};
use segbox_plan::beside::{Chain, Family, Hook};

/// IPT_SO_GET_INFO and _GET_ENTRIES, the same for IPv6 (include/uapi/linux/netfilter_ipv4/ip_tables.h).
const GET_INFO: i32 = 64;
const GET_ENTRIES: i32 = 65;
/// Bytes of a table's name, and NF_INET_FORWARD.
const NAME: usize = 32;
const FORWARD: usize = 2;
/// struct ipt_getinfo: name, hooks, five entries, five underflows (the policies), number, size.
const INFO: usize = NAME + 4 + 20 + 20 + 4 + 4;
/// struct ipt_get_entries: name, size, then the entries, at a multiple of 8.
const ENTRIES: usize = NAME + 8;
/// Bytes of struct xt_entry_target, before the verdict of a standard target.
const TARGET: usize = 32;
/// The verdict of a policy: -NF_DROP - 1.
const DROP: i32 = -1;

/// Where a family's tables are: their list, the socket, and the place of target_offset in an entry.
struct Place {
    family: Family,
    list: &'static str,
    socket: AddressFamily,
    level: i32,
    target_offset: usize,
}

const PLACES: [Place; 2] = [
    // struct ipt_entry: struct ipt_ip has 84 bytes, nfcache 4.
    Place {
        family: Family::Ipv4,
        list: "/proc/thread-self/net/ip_tables_names",
        socket: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        target_offset: 88,
    },
    // struct ip6t_entry: struct ip6t_ip6 has 136 bytes.
    Place {
        family: Family::Ipv6,
        list: "/proc/thread-self/net/ip6_tables_names",
        socket: AddressFamily::INET6,
        level: libc::IPPROTO_IPV6,
        target_offset: 140,
    },
];

/// The chain FORWARD of each family whose table `filter` exists. Asking for one that does not would make it.
pub(crate) fn forward_chains() -> Vec<Chain> {
    let exists = |place: &&Place| {
        std::fs::read_to_string(place.list).is_ok_and(|names| names.lines().any(|name| name == "filter"))
    };
    PLACES.iter().filter(exists).filter_map(|place| Some(chain(place.family, drops(place).ok()??))).collect()
}

fn chain(family: Family, drops_by_policy: bool) -> Chain {
    let (table, name) = ("filter".to_owned(), "FORWARD".to_owned());
    Chain {
        family,
        table,
        name,
        hook: Some(Hook::Forward),
        priority: 0,
        drops_by_policy,
        is_legacy: true,
        rules: Vec::new(),
    }
}

/// Whether the policy is DROP; None if the table cannot be read as it is known.
fn drops(place: &Place) -> io::Result<Option<bool>> {
    let socket = socket_with(place.socket, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::RAW))?;
    let mut info = [0; INFO];
    info[..6].copy_from_slice(b"filter");
    get(&socket, place.level, GET_INFO, &mut info)?;
    let number = |at: usize| info.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32::from_ne_bytes(*bytes));
    let (Some(policy), Some(size)) = (number(NAME + 4 + 20 + 4 * FORWARD), number(INFO - 4)) else { return Ok(None) };
    let mut table = vec![0; ENTRIES + size as usize];
    table[..6].copy_from_slice(b"filter");
    table[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
    get(&socket, place.level, GET_ENTRIES, &mut table)?;
    Ok(verdict(&table[ENTRIES..], policy as usize, place.target_offset).map(|verdict| verdict == DROP))
}

/// The verdict of the entry at an offset.
fn verdict(entries: &[u8], at: usize, target_offset: usize) -> Option<i32> {
    let entry = entries.get(at..)?;
    let target = u16::from_ne_bytes(*entry.get(target_offset..)?.first_chunk()?);
    Some(i32::from_ne_bytes(*entry.get(usize::from(target) + TARGET..)?.first_chunk()?))
}

fn get(socket: &OwnedFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<()> {
    let mut length = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length are those of `value`, which the kernel reads and fills.
    match unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_verdict_and_never_reads_too_far() {
        let mut entries = vec![0_u8; 200];
        entries[16 + 88..16 + 90].copy_from_slice(&112_u16.to_ne_bytes());
        entries[16 + 112 + 32..16 + 112 + 36].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(verdict(&entries, 16, 88), Some(DROP));
        for length in 0..entries.len() {
            let _ = verdict(&entries[..length], 16, 88);
        }
        assert_eq!(verdict(&entries, usize::MAX, 88), None);
    }
}
