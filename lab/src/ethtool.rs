//! Offloads of an interface, switched on and off: ethtool's ioctl, which veth answers too.
//!
//! Byte-exact comparison of packets from real sockets needs checksums in the packet, and GRO keeps the benchmark's
//! receive path what it is on a NIC. Only what the laboratory switches; tuning of real NICs is segbox's own affair.

use std::io;
use std::mem::zeroed;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketType, socket};

use crate::{Error, Namespace};

/// An offload (`ETHTOOL_S*` of include/uapi/linux/ethtool.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Offload {
    /// Checksums left to the device on the way out.
    TxChecksum = 0x17,
    /// Segmentation of TCP left to the device.
    TcpSegmentation = 0x1f,
    /// Segmentation left to the last moment (GSO).
    Segmentation = 0x24,
    /// Receive aggregation (GRO); on veth also what makes it use NAPI.
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
/// [`Error::Offload`]: no such interface, or the driver cannot.
#[expect(unsafe_code, reason = "an ioctl with a pointer inside its argument")]
pub fn set_offload(namespace: &Namespace, interface: &str, offload: Offload, on: bool) -> Result<(), Error> {
    let switch = || {
        let socket = socket(AddressFamily::INET6, SocketType::DGRAM, None)?;
        let mut value = Value { command: offload as u32, data: u32::from(on) };
        // SAFETY: all bytes zero is a valid ifreq.
        let mut request: libc::ifreq = unsafe { zeroed() };
        // The last byte stays NUL; a longer name is cut and not found.
        for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(interface.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: request and value live through the call; the kernel reads the value's two words.
        match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    namespace.enter(switch)?.map_err(|source| Error::Offload { interface: interface.to_owned(), source })
}
