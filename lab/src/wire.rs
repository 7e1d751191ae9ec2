//! A tap on an interface: sends frames unchanged, and sees the exact bytes of every frame that goes in or out.
//!
//! Skips the frames by which hosts and routers find each other ([`crate::is_noise`]), so that a test sees only its packets.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ring::Ring;
use crate::{Error, Frame, Namespace, is_noise};

/// A tap on one interface of one namespace. One thread may send while another reads.
#[derive(Debug)]
pub struct Wire {
    ring: Mutex<Ring>,
    /// The ring's socket, for sending and waiting, which do not need the ring.
    socket: OwnedFd,
    interface: String,
}

/// A frame that passed a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The frame, from its Ethernet header on.
    pub frame: Frame,
    /// Whether it left the namespace here; otherwise it came in.
    pub outgoing: bool,
}

impl Wire {
    /// Taps an interface. It keeps frames that pass from now on until they are read.
    ///
    /// # Errors
    /// [`Error::NoInterface`]; [`Error::Wire`] if the caller may not open packet sockets.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self, Error> {
        let fails = |doing| move |source| Error::Wire { interface: interface.to_owned(), doing, source };
        let index = namespace.index(interface)?;
        let ring = namespace.enter(Ring::new)?.map_err(fails("open"))?;
        let socket = rustix::io::fcntl_dupfd_cloexec(&ring, 0).map_err(|errno| fails("share")(errno.into()))?;
        ring.bind(index).map_err(fails("bind"))?;
        Ok(Self { ring: Mutex::new(ring), socket, interface: interface.to_owned() })
    }

    /// Sends a frame out of the interface, unchanged.
    ///
    /// # Errors
    /// [`Error::Wire`]: the interface is down, or the frame is longer than its MTU allows.
    pub fn send(&self, frame: &Frame) -> Result<(), Error> {
        rustix::io::write(&self.socket, frame).map(drop).map_err(|errno| self.fails("send", errno.into()))
    }

    /// The next frame that is not noise, if one comes in time.
    ///
    /// # Errors
    /// [`Error::Wire`], also if frames were lost because they were not read in time.
    pub fn next(&self, patience: Duration) -> Result<Option<Captured>, Error> {
        self.find(patience, |_| true)
    }

    /// The next frame that `fits` accepts, if one comes in time. Discards the frames before it.
    ///
    /// # Errors
    /// As [`Wire::next`].
    pub fn find(&self, patience: Duration, fits: impl Fn(&Captured) -> bool) -> Result<Option<Captured>, Error> {
        let end = Instant::now() + patience;
        loop {
            match self.read()? {
                Some(captured) if !is_noise(&captured.frame) && fits(&captured) => return Ok(Some(captured)),
                Some(_) => {}
                None => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    self.wait(left)?;
                }
            }
        }
    }

    /// All frames that have passed so far, without noise.
    ///
    /// # Errors
    /// As [`Wire::next`].
    pub fn drain(&self) -> Result<Vec<Captured>, Error> {
        std::iter::from_fn(|| self.next(Duration::ZERO).transpose()).collect()
    }

    /// All frames that have passed so far, with the noise by which machines find each other.
    ///
    /// # Errors
    /// As [`Wire::next`].
    pub fn drain_with_noise(&self) -> Result<Vec<Captured>, Error> {
        std::iter::from_fn(|| self.read().transpose()).collect()
    }

    fn read(&self) -> Result<Option<Captured>, Error> {
        // If another reader panicked the ring is still valid: `Ring::read` returns a slot before its frame is used.
        let passed = self.ring.lock().unwrap_or_else(PoisonError::into_inner).read();
        let passed = passed.map_err(|source| self.fails("read", source))?;
        Ok(passed.map(|(bytes, outgoing)| Captured { frame: Frame(bytes), outgoing }))
    }

    fn wait(&self, patience: Duration) -> Result<(), Error> {
        let patience = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(self.fails("wait for a frame", errno.into())),
        }
    }

    fn fails(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Wire { interface: self.interface.clone(), doing, source }
    }
}
