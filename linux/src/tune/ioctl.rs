//! Knobs for which the netlink family `ethtool` has no message in Debian's kernel (RSS_SET came with Linux 6.17): a card's driver, the
//! fields that it hashes, and how the hash leads to queues (SIOCETHTOOL). Not here: all knobs that netlink has.
#![expect(unsafe_code, reason = "ioctls with a pointer inside their argument")]

use std::ffi::c_char;
use std::io;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use segbox_config::IfName;
use segbox_plan::tune::Flow;
use segbox_plan::tune::value::{HashField, HashFields};

/// ETHTOOL_* (include/uapi/linux/ethtool.h).
const GET_DRIVER: u32 = 0x03;
const GET_HASH: u32 = 0x29;
const SET_HASH: u32 = 0x2a;
const GET_SPREAD: u32 = 0x38;
const SET_SPREAD: u32 = 0x39;

/// The most entries of a table. Tables have a few hundred, ConnectX' the most; a larger number must be a fault of the driver.
const MOST_ENTRIES: u32 = 1 << 16;

/// RXH_*. The flow label came with Linux 6.18.
const FIELDS: [(HashField, u64); 10] = [
    (HashField::Src, 1 << 4),
    (HashField::Dst, 1 << 5),
    (HashField::SrcPort, 1 << 6),
    (HashField::DstPort, 1 << 7),
    (HashField::FlowLabel, 1 << 9),
    (HashField::Mac, 1 << 1),
    (HashField::Vlan, 1 << 2),
    (HashField::Protocol, 1 << 3),
    (HashField::GtpTeid, 1 << 8),
    (HashField::Discard, 1 << 31),
];

/// struct ethtool_drvinfo.
#[repr(C)]
struct Driver {
    command: u32,
    driver: [c_char; 32],
    version: [c_char; 32],
    firmware: [c_char; 32],
    bus: [c_char; 32],
    rest: [u8; 64],
}

/// struct ethtool_rxnfc; hashing does not use its rules.
#[repr(C)]
struct Hash {
    command: u32,
    flow: u32,
    fields: u64,
    rest: [u64; 22],
}

/// The driver and the bus address of a card (`ixgbe`, `0000:03:00.0`). The address is empty where there is no hardware.
pub(super) fn driver(name: IfName) -> io::Result<(String, String)> {
    let info = ask_driver(name)?;
    Ok((text(&info.driver), text(&info.bus)))
}

/// The version of a card's firmware; empty where the driver does not report it.
pub(super) fn firmware(name: IfName) -> io::Result<String> {
    // Some drivers report that for no version.
    Ok(text(&ask_driver(name)?.firmware)).map(|version| if version == "N/A" { String::new() } else { version })
}

fn ask_driver(name: IfName) -> io::Result<Driver> {
    // SAFETY: all zeroes is a valid ethtool_drvinfo.
    let mut info: Driver = unsafe { std::mem::zeroed() };
    info.command = GET_DRIVER;
    // SAFETY: the kernel writes one ethtool_drvinfo (196 bytes), which this is.
    unsafe { ask(name, (&raw mut info).cast()) }?;
    Ok(info)
}

fn text(bytes: &[c_char]) -> String {
    bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(byte.cast_unsigned())).collect()
}

fn number(flow: Flow) -> u32 {
    match flow {
        Flow::Tcp6 => 0x05,
        Flow::Udp6 => 0x06,
        Flow::Ipv6 => 0x11,
    }
}

/// The fields that a card hashes of these packets.
pub(super) fn hash(name: IfName, flow: Flow) -> io::Result<HashFields> {
    let mut request = Hash { command: GET_HASH, flow: number(flow), fields: 0, rest: [0; 22] };
    // SAFETY: the kernel reads and writes at most one ethtool_rxnfc (192 bytes), which this is.
    unsafe { ask(name, (&raw mut request).cast()) }?;
    let set = FIELDS.iter().filter(|(_, bit)| request.fields & bit != 0);
    Ok(HashFields(set.map(|(field, _)| *field).collect()))
}

/// Sets the fields that a card hashes of these packets. EINVAL: the card cannot hash one of them.
pub(super) fn set_hash(name: IfName, flow: Flow, wanted: &HashFields) -> io::Result<()> {
    let fields = FIELDS.iter().filter(|(field, _)| wanted.0.contains(field)).fold(0, |bits, (_, bit)| bits | bit);
    let mut request = Hash { command: SET_HASH, flow: number(flow), fields, rest: [0; 22] };
    // SAFETY: as for reading.
    unsafe { ask(name, (&raw mut request).cast()) }
}

/// The queue of each entry of the table; empty where the card has none.
pub(super) fn spread(name: IfName) -> io::Result<Vec<u32>> {
    // struct ethtool_rxfh_indir: command, size, entries.
    let mut sizes = [GET_SPREAD, 0];
    // SAFETY: with size 0 the kernel writes the size and nothing else.
    unsafe { ask(name, sizes.as_mut_ptr().cast()) }?;
    let size = sizes[1];
    if size > MOST_ENTRIES {
        return Err(io::Error::from_raw_os_error(libc::EOVERFLOW));
    }
    let mut table = vec![0; 2 + size as usize];
    (table[0], table[1]) = (GET_SPREAD, size);
    // SAFETY: the kernel writes as many entries as the size says, or refuses.
    unsafe { ask(name, table.as_mut_ptr().cast()) }?;
    Ok(table.split_off(2))
}

/// Sets the table. With an empty one the driver spreads evenly, also after the number of queues changes.
pub(super) fn set_spread(name: IfName, entries: &[u32]) -> io::Result<()> {
    let size = u32::try_from(entries.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let mut table = vec![SET_SPREAD, size];
    table.extend(entries);
    // SAFETY: the kernel reads as many entries as the size says.
    unsafe { ask(name, table.as_mut_ptr().cast()) }
}

/// # Safety
/// `request` points to what its command (its first word) makes the kernel read and write.
unsafe fn ask(name: IfName, request: *mut c_char) -> io::Result<()> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: all zeroes is a valid ifreq.
    let mut envelope: libc::ifreq = unsafe { std::mem::zeroed() };
    // An IfName has at most 15 bytes, so the last of the 16 stays zero.
    for (to, from) in envelope.ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from.cast_signed();
    }
    envelope.ifr_ifru.ifru_data = request;
    // SAFETY: the envelope is an ifreq, and the caller guarantees what it points to.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as libc::Ioctl, &raw mut envelope) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_as_long_as_the_kernels() {
        assert_eq!(size_of::<Driver>(), 196);
        assert_eq!(size_of::<Hash>(), 192);
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let nowhere: IfName = "nowhere0".parse().expect("a name");
        assert_eq!(driver(nowhere).expect_err("no such interface").raw_os_error(), Some(libc::ENODEV));
        let hash = set_hash(nowhere, Flow::Ipv6, &HashFields::default());
        assert_eq!(hash.expect_err("no such interface").raw_os_error(), Some(libc::ENODEV));
    }
}
