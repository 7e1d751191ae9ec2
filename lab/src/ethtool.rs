//! Switches offloads of an interface on and off, by ethtool's ioctl, which veth supports too.
//!
//! Packets from real sockets can be compared byte by byte only if their checksums are in the packet. GRO makes a veth receive
//! as a NIC does. Only the offloads that the laboratory needs are here; tuning NICs is segbox's task.

use std::io;
use std::mem::zeroed;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketType, socket};

use crate::{Error, Namespace};

/// An offload (`ETHTOOL_S*` of include/uapi/linux/ethtool.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Offload {
    /// The device computes the checksums of sent packets.
    TxChecksum = 0x17,
    /// The device segments TCP.
    TcpSegmentation = 0x1f,
    /// The kernel segments packets as late as possible (GSO).
    Segmentation = 0x24,
    /// Receive aggregation (GRO). With it a veth uses NAPI.
    ReceiveAggregation = 0x2c,
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Switches an offload of an interface.
///
/// # Errors
/// [`Error::Offload`]: no such interface, or the driver does not support it.
#[expect(unsafe_code, reason = "an ioctl with a pointer inside its argument")]
pub fn set_offload(namespace: &Namespace, interface: &str, offload: Offload, on: bool) -> Result<(), Error> {
    let switch = || {
        let socket = socket(AddressFamily::INET6, SocketType::DGRAM, None)?;
        let mut value = Value { command: offload as u32, data: u32::from(on) };
        // SAFETY: all bytes zero is a valid ifreq.
        let mut request: libc::ifreq = unsafe { zeroed() };
        // The last byte stays NUL. A longer name is cut, and the kernel does not find it.
        for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(interface.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: request and value live until the call returns; the kernel reads the value's two words.
        match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    namespace.enter(switch)?.map_err(|source| Error::Offload { interface: interface.to_owned(), source })
}
