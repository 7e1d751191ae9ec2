//! Where the service that hands ICMP errors back to hosts tells its counters: a Unix socket with an abstract name. Such a name belongs to the
//! network namespace, it goes with the process that holds it, and only one process holds it. Not here: the service (`segbox-services`).

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use segbox_plan::icmp_errors::Counts;

/// The abstract name.
const NAME: &[u8] = b"segbox/icmp-errors";
/// A service that does not answer within this time does not work.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than the longest text of [`Counts`].
const LONGEST: u64 = 4096;

/// The side of the service.
#[derive(Debug)]
pub struct Desk(UnixListener);

impl Desk {
    /// Takes the name in the network namespace of the calling thread; None if a process has it already.
    ///
    /// # Errors
    /// The kernel has no Unix sockets, or no file descriptor is left.
    pub fn open() -> io::Result<Option<Self>> {
        let listener = match UnixListener::bind_addr(&name()?) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            other => other?,
        };
        listener.set_nonblocking(true)?;
        Ok(Some(Self(listener)))
    }

    /// Tells every caller that waits the counters.
    pub fn serve(&self, counts: &Counts) {
        while let Ok((mut caller, _)) = self.0.accept() {
            let text = serde_json::to_vec(counts).expect("numbers");
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

/// The counters of the service in this network namespace; None if it does not run.
pub(crate) fn ask() -> Option<Counts> {
    let stream = UnixStream::connect_addr(&name().ok()?).ok()?;
    // Any user may take an abstract name.
    let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    let mut text = Vec::new();
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok().filter(|_| peer.uid.is_root())
}

fn name() -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(NAME)
}
