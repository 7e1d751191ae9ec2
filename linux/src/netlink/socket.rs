//! One netlink socket: sends a request and reads its reply, or reads a whole table. Not here: the contents of messages, and many requests at
//! once (batch).

use std::io;

use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader};
use netlink_sys::SocketAddr;
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size_force, set_socket_send_buffer_size_force};

use super::frame::{Frame, frames};
use super::reply::{TalkError, refusal};

/// NLMSG_ERROR and NLMSG_DONE (include/uapi/linux/netlink.h).
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// NLM_F_DUMP_INTR: the table changed while it was read.
const INTERRUPTED: u16 = 0x10;

/// The kernel puts at most 32 KiB into a datagram of a dump, except where a single message is larger (net/netlink/af_netlink.c,
/// netlink_dump). Only the link of a NIC with hundreds of virtual functions is, and segbox does not ask for these.
const RECEIVE_BUFFER: usize = 64 << 10;

/// Room for replies that wait to be read. The number of requests in flight is that of [`super::batch`], and each refusal takes up to 1.3 KiB,
/// with the kernel's bookkeeping.
const RECEIVE_QUEUE: usize = 1 << 20;

/// A datagram up to this length fits the default send buffer (net.core.wmem_default, 208 KiB).
const SEND_BUFFER: usize = 64 << 10;
/// The kernel's own bookkeeping of a datagram.
const SEND_OVERHEAD: usize = 32 << 10;

/// How many times a table is read before it is given up, if it changes each time. A full BGP feed may change the first one or two readings.
const READINGS: usize = 8;

pub(super) struct Socket {
    inner: netlink_sys::Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// The body of a request whose headers and attributes the typed crates lack.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl Emitable for Raw<'_> {
    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer[..self.0.len()].copy_from_slice(self.0);
    }
}

/// Appends one request to a buffer.
pub(super) fn append(buffer: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, body: &impl Emitable) {
    let start = buffer.len();
    let length = 16 + body.buffer_len();
    buffer.resize(start + length.next_multiple_of(4), 0);
    let mut header = NetlinkHeader::default();
    header.length = u32::try_from(length).expect("a message is far below 4 GiB");
    header.message_type = kind;
    header.flags = flags | NLM_F_REQUEST;
    header.sequence_number = sequence;
    header.emit(&mut buffer[start..start + 16]);
    body.emit(&mut buffer[start + 16..start + length]);
}

/// A socket that receives the messages of multicast groups from now on, and never blocks.
pub(super) fn listen(protocol: isize, groups: &[u32]) -> io::Result<netlink_sys::Socket> {
    let mut socket = netlink_sys::Socket::new(protocol)?;
    socket.bind(&SocketAddr::new(0, 0))?;
    for group in groups {
        socket.add_membership(*group)?;
    }
    socket.set_non_blocking(true)?;
    Ok(socket)
}

/// Gives `each` datagram that such a socket has received since the last call. True if the kernel had more: a full queue (ENOBUFS) loses some.
pub(super) fn drain(socket: &netlink_sys::Socket, mut each: impl FnMut(&[u8])) -> bool {
    let mut buffer = vec![0_u8; RECEIVE_BUFFER];
    loop {
        match socket.recv(&mut &mut buffer[..], 0) {
            Ok(length) => each(&buffer[..length.min(buffer.len())]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

impl Socket {
    /// `protocol` as in `netlink_sys::protocols`.
    pub(super) fn open(protocol: isize) -> io::Result<Self> {
        let inner = netlink_sys::Socket::new(protocol)?;
        inner.connect(&SocketAddr::new(0, 0))?;
        // Ask for the kernel's message with each error, and for no copy of the request.
        inner.set_ext_ack(true)?;
        inner.set_cap_ack(true)?;
        // The kernel filters dumps, so a million BGP routes do not slow the reading of ours. Linux 4.20.
        inner.set_netlink_get_strict_chk(true)?;
        // Refused without CAP_NET_ADMIN. Such a user only reads, and needs no room for the replies of a batch.
        let _ = set_socket_recv_buffer_size_force(&inner, RECEIVE_QUEUE);
        Ok(Self { inner, sequence: 0, buffer: vec![0; RECEIVE_BUFFER] })
    }

    /// The first of `count` sequence numbers that no request on this socket had.
    pub(super) fn sequences(&mut self, count: u32) -> u32 {
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(count);
        first
    }

    /// Makes room for a datagram of this length, which the kernel takes in one piece. Refused without CAP_NET_ADMIN: sending then says so.
    pub(super) fn room_to_send(&self, length: usize) {
        if length > SEND_BUFFER {
            let _ = set_socket_send_buffer_size_force(&self.inner, length + SEND_OVERHEAD);
        }
    }

    /// Sends whole messages. The kernel has handled all of them when this returns.
    pub(super) fn send(&self, messages: &[u8]) -> Result<(), TalkError> {
        loop {
            match self.inner.send(messages, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TalkError::Send(error)),
            }
        }
    }

    /// Reads one datagram's messages.
    pub(super) fn receive(&mut self) -> Result<impl Iterator<Item = Frame<'_>>, TalkError> {
        let length = loop {
            let mut room = &mut self.buffer[..];
            match self.inner.recv(&mut room, libc::MSG_TRUNC) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                    return Err(TalkError::Lost);
                }
                Err(error) => return Err(TalkError::Receive(error)),
            }
        };
        match self.buffer.get(..length) {
            Some(datagram) => Ok(frames(datagram)),
            None => Err(TalkError::Receive(Errno::MSGSIZE.into())),
        }
    }

    /// Sends one request, which the kernel does or refuses.
    pub(super) fn ask(&mut self, kind: u16, flags: u16, body: &impl Emitable) -> Result<(), TalkError> {
        self.exchange(kind, flags | NLM_F_ACK, body, |_| ())
    }

    /// Sends one request, whose reply is one message.
    pub(super) fn ask_for<T>(
        &mut self,
        kind: u16,
        body: &impl Emitable,
        mut read: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, TalkError> {
        let mut answer = None;
        self.exchange(kind, NLM_F_ACK, body, |payload| answer = answer.take().or_else(|| read(payload)))?;
        Ok(answer)
    }

    fn exchange(
        &mut self,
        kind: u16,
        flags: u16,
        body: &impl Emitable,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), TalkError> {
        let sequence = self.sequences(1);
        let mut request = Vec::new();
        append(&mut request, kind, flags, sequence, body);
        self.send(&request)?;
        loop {
            for frame in self.receive()?.filter(|frame| frame.sequence == sequence) {
                match frame.kind {
                    ERROR => {
                        return refusal(frame.flags, frame.payload).map_or(Ok(()), |no| Err(TalkError::Refused(no)));
                    }
                    _ => each(frame.payload),
                }
            }
        }
    }

    /// Reads a whole table: gives what `read` makes of each message. If the table changes meanwhile, it is read again from the start.
    pub(super) fn dump<T>(
        &mut self,
        kind: u16,
        body: &impl Emitable,
        mut read: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, TalkError> {
        for _ in 0..READINGS {
            let mut rows = Vec::new();
            if self.dump_once(kind, body, |payload| rows.extend(read(payload)))? {
                return Ok(rows);
            }
        }
        Err(TalkError::Restless)
    }

    /// Whether the table stayed the same while it was read.
    fn dump_once(&mut self, kind: u16, body: &impl Emitable, mut each: impl FnMut(&[u8])) -> Result<bool, TalkError> {
        let sequence = self.sequences(1);
        let mut request = Vec::new();
        append(&mut request, kind, NLM_F_DUMP, sequence, body);
        self.send(&request)?;
        let mut still = true;
        loop {
            for frame in self.receive()?.filter(|frame| frame.sequence == sequence) {
                still &= frame.flags & INTERRUPTED == 0;
                match frame.kind {
                    // A dump that fails halfway ends with NLMSG_DONE and an error number, as in NLMSG_ERROR, but without the request.
                    ERROR | DONE => {
                        let flags = if frame.kind == ERROR { frame.flags } else { 0 };
                        return refusal(flags, frame.payload).map_or(Ok(still), |no| Err(TalkError::Refused(no)));
                    }
                    _ => each(frame.payload),
                }
            }
        }
    }

    /// Whether a message is the acknowledgement of some request.
    pub(super) fn is_reply(frame: &Frame<'_>) -> bool {
        frame.kind == ERROR
    }
}
