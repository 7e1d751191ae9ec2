//! A tap on an interface: sends frames as they are, and sees every frame that goes in or out, byte for byte.
//!
//! An AF_PACKET socket. Leaves out what hosts and routers say to find each other ([`crate::is_noise`]), so that a test
//! waits for its own packets only.

use std::collections::VecDeque;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Error, Frame, Namespace, is_noise};

/// Room for frames that nobody has read yet: at 20,000 frames a second, seconds of them (the kernel counts about
/// 1 KiB for a short frame).
static RECEIVE_BUFFER: libc::c_int = 64 << 20;

/// Longest frame that is read whole: a jumbo frame with room for encapsulations.
const LONGEST: usize = 16 << 10;

/// A tap on one interface of one namespace.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
    interface: String,
}

/// A frame that passed a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The frame, from its Ethernet header on.
    pub frame: Frame,
    /// It left the namespace here; otherwise it came in.
    pub outgoing: bool,
}

impl Wire {
    /// Taps an interface. Frames that pass from now on are kept until they are read.
    ///
    /// # Errors
    /// [`Error::NoInterface`]; [`Error::Wire`] without the right to open packet sockets.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self, Error> {
        let name = std::ffi::CString::new(interface).expect("an interface name has no NUL");
        let fails = |doing| move |source| Error::Wire { interface: interface.to_owned(), doing, source };
        let (index, socket) = namespace.enter(|| (index_of(&name), packet_socket()))?;
        let index = index.ok_or_else(|| Error::NoInterface {
            namespace: namespace.name().to_owned(),
            interface: interface.to_owned(),
        })?;
        let socket = socket.map_err(fails("open"))?;
        enlarge(&socket).map_err(fails("enlarge its buffer"))?;
        bind(&socket, index).map_err(fails("bind"))?;
        Ok(Self { socket, interface: interface.to_owned() })
    }

    /// Sends a frame out of the interface, untouched.
    ///
    /// # Errors
    /// [`Error::Wire`]: the interface is down, or the frame is longer than its MTU allows.
    pub fn send(&self, frame: &Frame) -> Result<(), Error> {
        rustix::io::write(&self.socket, frame).map(drop).map_err(|errno| self.fails("send", errno.into()))
    }

    /// The next frame that is no noise, if one comes in time.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn next(&self, patience: Duration) -> Result<Option<Captured>, Error> {
        self.find(patience, |_| true)
    }

    /// The next frame that fits, if one comes in time; those before it are gone.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn find(&self, patience: Duration, fits: impl Fn(&Captured) -> bool) -> Result<Option<Captured>, Error> {
        let end = Instant::now() + patience;
        loop {
            match self.read().map_err(|source| self.fails("receive", source))? {
                Some(captured) if !is_noise(&captured.frame) && fits(&captured) => return Ok(Some(captured)),
                Some(_) => {}
                None => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    self.wait(left).map_err(|source| self.fails("wait", source))?;
                }
            }
        }
    }

    /// All frames that are no noise and have passed until now.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn drain(&self) -> Result<Vec<Captured>, Error> {
        let mut all = VecDeque::new();
        while let Some(captured) = self.next(Duration::ZERO)? {
            all.push_back(captured);
        }
        Ok(all.into())
    }

    fn wait(&self, patience: Duration) -> io::Result<()> {
        let patience = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    #[expect(unsafe_code, reason = "rustix has no sockaddr_ll, which says whether a frame went in or out")]
    fn read(&self) -> io::Result<Option<Captured>> {
        let mut bytes = vec![0; LONGEST];
        // SAFETY: all bytes zero is a valid sockaddr_ll.
        let mut from: libc::sockaddr_ll = unsafe { zeroed() };
        let mut from_len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: buffer and address live through the call, with their lengths beside them.
        let read = unsafe {
            libc::recvfrom(
                self.socket.as_raw_fd(),
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                libc::MSG_DONTWAIT,
                (&raw mut from).cast(),
                &raw mut from_len,
            )
        };
        let Ok(read) = usize::try_from(read) else {
            let error = io::Error::last_os_error();
            // A link that went down says so once and works again once it is up.
            let nothing = matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR | libc::ENETDOWN));
            return if nothing { Ok(None) } else { Err(error) };
        };
        bytes.truncate(read);
        Ok(Some(Captured { frame: Frame(bytes), outgoing: from.sll_pkttype == libc::PACKET_OUTGOING }))
    }

    fn fails(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Wire { interface: self.interface.clone(), doing, source }
    }
}

#[expect(unsafe_code, reason = "rustix looks interfaces up through a socket of a fixed family only")]
fn index_of(name: &std::ffi::CStr) -> Option<libc::c_int> {
    // SAFETY: the name ends with its NUL.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    libc::c_int::try_from(index).ok().filter(|index| *index != 0)
}

#[expect(unsafe_code, reason = "rustix has no packet sockets")]
fn packet_socket() -> io::Result<OwnedFd> {
    // Protocol 0: nothing is received until bind names the interface, so no other interface's frame slips in.
    // SAFETY: no pointers; the descriptor is new and ours.
    unsafe {
        match libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

#[expect(unsafe_code, reason = "rustix has no sockaddr_ll")]
fn bind(socket: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    // SAFETY: all bytes zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address lives through the call, its length beside it.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "rustix does not know SO_RCVBUFFORCE on packet sockets of all its backends")]
fn enlarge(socket: &OwnedFd) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value lives through the call, its length beside it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const RECEIVE_BUFFER).cast(),
            len,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
