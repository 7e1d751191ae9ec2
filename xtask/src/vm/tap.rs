//! A port's other end: a tap device with several queues, made inside a namespace. It exists while a process holds its
//! queues, so it goes with the machine. Not here: the guest's end (`port`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use segbox_lab::Namespace;

use crate::Error;

/// A tap device.
#[derive(Debug)]
pub struct Tap {
    /// One per queue.
    pub(crate) queues: Vec<OwnedFd>,
}

impl Tap {
    /// Makes one with this name and this many queues, up.
    ///
    /// # Errors
    /// [`Error::Port`]: the name is taken, or this is not root.
    pub fn new(namespace: &Namespace, interface: &str, queues: usize) -> Result<Self, Error> {
        let fails = |doing, source| Error::Port {
            interface: interface.to_owned(),
            namespace: namespace.name().to_owned(),
            doing,
            source,
        };
        let many = queues > 1;
        let open = || (0..queues).map(|_| queue(interface, many)).collect::<io::Result<Vec<_>>>();
        let queues = namespace.enter(open)?.map_err(|source| fails("make the tap", source))?;
        namespace.up(interface)?;
        Ok(Self { queues })
    }
}

#[expect(unsafe_code, reason = "a tap is made by ioctl, and rustix has none for it")]
fn queue(interface: &str, many: bool) -> io::Result<OwnedFd> {
    let file: File = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all bytes zero is a valid ifreq: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::Error::from(io::ErrorKind::InvalidFilename));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    // The header says how a packet is to be cut and summed, so that QEMU need not do either.
    let queues = if many { libc::IFF_MULTI_QUEUE } else { 0 };
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR | queues;
    // The kernel's flags are 16 bits, of which libc's constants are a wider type.
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives through the call, and the file is open.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if answer == 0 { Ok(file.into()) } else { Err(io::Error::last_os_error()) }
}
