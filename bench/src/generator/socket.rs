//! The generator for ports that cannot send redirected XDP frames: the same stream through an AF_PACKET socket, without the
//! queueing discipline, with one system call per batch.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use segbox_bench_ebpf::GeneratorState;

use super::{Generator, GeneratorError, Sent, index_of};
use crate::traffic::Stream;
use crate::units::Kpps;

/// Packets per system call. With this many the call is a hundredth of their cost, so more would save nothing.
const BATCH: usize = 64;

/// Sends from one interface.
pub(crate) struct SocketGenerator {
    socket: OwnedFd,
    interface: String,
    stream: Option<(Stream, GeneratorState)>,
    frames: Vec<Vec<u8>>,
}

impl SocketGenerator {
    /// A generator for an interface of the calling thread's namespace.
    ///
    /// # Errors
    /// [`GeneratorError`].
    pub(crate) fn new(interface: &str) -> Result<Self, GeneratorError> {
        let index = index_of(interface)?;
        let fails = |doing| move |source| GeneratorError::Socket { interface: interface.to_owned(), doing, source };
        let socket = open().map_err(fails("open"))?;
        bypass(&socket).map_err(fails("bypass the queueing discipline"))?;
        bind(&socket, index, 0).map_err(fails("bind"))?;
        Ok(Self { socket, interface: interface.to_owned(), stream: None, frames: vec![Vec::new(); BATCH] })
    }

    fn batch(&mut self, most: usize, stamped: bool) -> Result<usize, GeneratorError> {
        let Some((stream, state)) = &mut self.stream else { return Ok(0) };
        let most = most.min(BATCH);
        let time = if stamped { monotonic() } else { 0 };
        let before = *state;
        for frame in self.frames.iter_mut().take(most) {
            let (numbers, index) = state.next(time);
            // A copy of the template for each frame, because the frames of a batch are sent together.
            let mut template = stream.templates()[index as usize];
            template.fill(numbers);
            frame.clear();
            frame.extend(template.frame());
        }
        let sent = match send(&self.socket, &self.frames[..most]) {
            Ok(sent) => sent,
            // The port's ring is full, or a signal came.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR)) => 0,
            Err(source) => {
                return Err(GeneratorError::Socket { interface: self.interface.clone(), doing: "send", source });
            }
        };
        // Packets that were not sent are sent again, with the same numbers.
        *state = before;
        for _ in 0..sent {
            let _ = state.next(time);
        }
        Ok(sent)
    }
}

impl Generator for SocketGenerator {
    fn start(&mut self, stream: &Stream) -> Result<(), GeneratorError> {
        self.stream = Some((stream.clone(), stream.state()));
        Ok(())
    }

    fn send(&mut self, count: u64, rate: Option<Kpps>) -> Result<Sent, GeneratorError> {
        let begin = Instant::now();
        let mut sent = 0;
        while sent < count && !crate::stop::requested() {
            let due = rate.map_or(count, |rate| (begin.elapsed().as_secs_f64() * rate.packets_per_second()) as u64 + 1);
            let most = due.min(count).saturating_sub(sent);
            if most == 0 {
                std::thread::sleep(Duration::from_micros(20));
                continue;
            }
            sent += self.batch(most as usize, rate.is_some() || sent.is_multiple_of(1024))? as u64;
        }
        let time = begin.elapsed();
        // It always tries to catch up: it is late by what remains in the end.
        let due = rate.map_or(time, |rate| Duration::from_secs_f64(sent as f64 / rate.packets_per_second()));
        Ok(Sent { packets: sent, time, late: time.saturating_sub(due) })
    }

    fn kind(&self) -> &'static str {
        "af-packet"
    }
}

/// The clock that the sink's program reads, in ns.
fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// A packet socket, not yet bound to an interface.
#[expect(unsafe_code, reason = "rustix has no packet sockets")]
pub(crate) fn open() -> io::Result<OwnedFd> {
    // With protocol 0 it receives nothing until it is bound to a protocol.
    // SAFETY: no pointers; the descriptor is new, and nothing else uses it.
    unsafe {
        match libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

#[expect(unsafe_code, reason = "rustix does not know PACKET_QDISC_BYPASS")]
fn bypass(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value lives until the call returns, and has this length.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, (&raw const on).cast(), len)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Binds a socket to an interface, to receive frames of a protocol; with 0 it receives none.
#[expect(unsafe_code, reason = "rustix has no sockaddr_ll")]
pub(crate) fn bind(socket: &OwnedFd, index: u32, protocol: u16) -> io::Result<()> {
    // SAFETY: all bytes zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = index.cast_signed();
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address lives until the call returns, and has this length.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "rustix has no sendmmsg")]
fn send(socket: &OwnedFd, frames: &[Vec<u8>]) -> io::Result<usize> {
    let mut pieces: Vec<libc::iovec> = frames
        .iter()
        .map(|frame| libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = pieces
        .iter_mut()
        .map(|piece| {
            // SAFETY: all bytes zero is a valid mmsghdr.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = &raw mut *piece;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    // SAFETY: messages, pieces and frames live until the call returns; the kernel only reads the frames.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), messages.len() as u32, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}
