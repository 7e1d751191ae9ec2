//! Where a running service tells how it is: a Unix socket with an abstract name. Such a name belongs to the network namespace, it goes with the
//! process that holds it, and only one process holds it. Not here: the services (`segbox-services`).

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A service that does not answer within this time does not work.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than the longest text of a service. A Unix socket takes that much at once (net.core.wmem_default).
const LONGEST: u64 = 128 << 10;

/// A service with a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Hands ICMP errors back to hosts; tells its counters.
    IcmpErrors,
    /// Holds the leases of management ports; tells their states.
    Management,
}

impl Service {
    /// The abstract name.
    fn name(self) -> &'static [u8] {
        match self {
            Self::IcmpErrors => b"segbox/icmp-errors",
            Self::Management => b"segbox/management",
        }
    }

    fn address(self) -> io::Result<SocketAddr> {
        SocketAddr::from_abstract_name(self.name())
    }
}

/// The side of the service.
#[derive(Debug)]
pub struct Desk(UnixListener);

impl Desk {
    /// Takes the name in the network namespace of the calling thread; None if a process has it already.
    ///
    /// # Errors
    /// The kernel has no Unix sockets, or no file descriptor is left.
    pub fn open(service: Service) -> io::Result<Option<Self>> {
        let listener = match UnixListener::bind_addr(&service.address()?) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            other => other?,
        };
        listener.set_nonblocking(true)?;
        Ok(Some(Self(listener)))
    }

    /// Tells every caller that waits.
    pub fn serve(&self, what: &impl Serialize) {
        while let Ok((mut caller, _)) = self.0.accept() {
            let text = serde_json::to_vec(what).expect("it has text keys, and writing to memory does not fail");
            // The text fits into the socket's buffer. A caller that is gone needs no answer.
            let _ = caller.set_nonblocking(true).and_then(|()| caller.write_all(&text));
        }
    }
}

impl AsFd for Desk {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What the service in this network namespace tells; None if it does not run.
pub(crate) fn ask<T: DeserializeOwned>(service: Service) -> Option<T> {
    let stream = UnixStream::connect_addr(&service.address().ok()?).ok()?;
    // Any user may take an abstract name.
    let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    let mut text = Vec::new();
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok().filter(|_| peer.uid.is_root())
}
