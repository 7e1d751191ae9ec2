//! The kernel's events for devices that come and go (netlink, NETLINK_KOBJECT_UEVENT). Not here: handling them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_KOBJECT_UEVENT;
use netlink_sys::{Socket, SocketAddr};

/// Buffer for the events of a boot, which are not read while modules load; the kernel drops events that do not fit.
const ROOM: usize = 4 << 20;

/// A device that was added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Uevent {
    /// `add`, `remove`, `change`, `bind`, ...
    pub(crate) action: String,
    /// Its path in /sys: `/devices/pci0000:00/0000:00:03.0/net/eth0`.
    pub(crate) path: String,
    /// `net`, `block`, `pci`, ...
    pub(crate) subsystem: String,
    /// Its alias for modules.alias; empty if it needs no module.
    pub(crate) modalias: String,
}

impl Uevent {
    /// Parses a message: `add@/devices/...`, then `KEY=value`, each ending in a NUL. None for anything else.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut parts = message.split(|byte| *byte == 0);
        // Only the kernel's format: udevd's (`libudev`) is ignored.
        let (action, path) = std::str::from_utf8(parts.next()?).ok()?.split_once('@')?;
        let mut event = Self { action: action.to_owned(), path: path.to_owned(), ..Self::default() };
        for part in parts {
            let Some((key, value)) = std::str::from_utf8(part).ok().and_then(|text| text.split_once('=')) else {
                continue;
            };
            match key {
                "SUBSYSTEM" => value.clone_into(&mut event.subsystem),
                "MODALIAS" => value.clone_into(&mut event.modalias),
                _ => {}
            }
        }
        Some(event)
    }

    /// Whether it is a hardware device; devices that segbox creates (segbox0, VRFs) are not.
    pub(crate) fn is_hardware(&self) -> bool {
        !self.path.starts_with("/devices/virtual/")
    }
}

/// A socket that receives all events from the moment it is opened.
pub(crate) struct Uevents(Socket);

impl Uevents {
    /// Opens it.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_KOBJECT_UEVENT)?;
        // Group 1 is the kernel's, whose port is 0; group 2 is udevd's.
        socket.bind(&SocketAddr::new(0, 1))?;
        socket.set_non_blocking(true)?;
        // Root may exceed the usual limit. A smaller buffer also works: after lost events all devices are looked at again.
        let fd = socket.as_fd();
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(fd, ROOM);
        Ok(Self(socket))
    }

    /// The next waiting event.
    ///
    /// # Errors
    /// ENOBUFS: events were lost.
    pub(crate) fn next(&self) -> io::Result<Option<Uevent>> {
        loop {
            match self.0.recv_from_full() {
                Ok((message, sender)) if sender.port_number() == 0 => {
                    if let Some(event) = Uevent::parse(&message) {
                        return Ok(Some(event));
                    }
                }
                // Any program may send here; only messages of the kernel are accepted.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl std::fmt::Debug for Uevents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Uevents({})", self.0.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_message() {
        let message = b"add@/devices/pci0000:00/0000:00:03.0/virtio0\0ACTION=add\0SUBSYSTEM=virtio\0\
            MODALIAS=virtio:d00000001v00001AF4\0SEQNUM=900\0";
        let event = Uevent::parse(message).expect("an event");
        assert_eq!((event.action.as_str(), event.subsystem.as_str()), ("add", "virtio"));
        assert_eq!(event.modalias, "virtio:d00000001v00001AF4");
        assert!(event.is_hardware());
        assert!(!Uevent::parse(b"add@/devices/virtual/net/segbox0\0").expect("an event").is_hardware());
    }

    #[test]
    fn is_not_misled_by_another_form() {
        assert_eq!(Uevent::parse(b"libudev\0\xfe\xed\xca\xfe"), None);
        assert_eq!(Uevent::parse(b""), None);
        assert_eq!(Uevent::parse(b"\xff\xff@"), None);
        let bare = Uevent::parse(b"remove@/x\0SUBSYSTEM\0\xff=\xff\0").expect("an event");
        assert_eq!(bare, Uevent { action: "remove".into(), path: "/x".into(), ..Uevent::default() });
    }
}
