//! A sample of the encapsulated packets that arrive in a network namespace, as a packet socket sees them. Not here: what they tell.
#![expect(unsafe_code, reason = "socket filters have no wrapper in rustix")]

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with};

/// Bytes of a packet that are read; the rest of a longer one is cut.
const ROOM: usize = 2048;
/// Where an IPv6 header has its next header, and the values that a packet to a SID has: IPv4, IPv6, Routing.
const NEXT_HEADER: u32 = 6;
const ENCAPSULATED: [u32; 3] = [4, 41, 43];

/// Hands over the encapsulated IPv6 packets that arrive within a time, from their IPv6 header on. On a busy box it is a part of them: what the
/// socket's buffer has no room for is left out, so a sample costs no more than the time of one CPU.
///
/// # Errors
/// EPERM without CAP_NET_RAW.
pub fn arrivals(time: Duration, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let protocol = u32::from((libc::ETH_P_IPV6 as u16).to_be()).try_into().expect("not 0");
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, Some(Protocol::from_raw(protocol)))?;
    attach_filter(&socket)?;
    let (end, mut buffer) = (Instant::now() + time, [0; ROOM]);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        match recv(&socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((length, _)) => take(&buffer[..length.min(ROOM)]),
            Err(rustix::io::Errno::AGAIN) => {
                let left = Timespec::try_from(left).ok();
                poll(&mut [PollFd::new(&socket, PollFlags::IN)], left.as_ref())?;
            }
            // An interface went down: the others go on.
            Err(rustix::io::Errno::INTR | rustix::io::Errno::NETDOWN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the packets with one of these next headers, whole.
fn attach_filter(socket: &impl AsRawFd) -> io::Result<()> {
    let code = |code: u32, jt: usize, k: u32| libc::sock_filter { code: code as u16, jt: jt as u8, jf: 0, k };
    let (load, equal, end) = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, libc::BPF_JMP | libc::BPF_JEQ, libc::BPF_RET);
    let mut program = vec![code(load, 0, NEXT_HEADER)];
    // A hit jumps over the comparisons that remain, and over the refusal.
    program.extend(ENCAPSULATED.iter().enumerate().map(|(at, next)| code(equal, ENCAPSULATED.len() - at, *next)));
    program.extend([code(end, 0, 0), code(end, 0, u32::MAX)]);
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of `filter`, which leads to `program`; the kernel reads both during the call.
    match unsafe {
        let (level, name) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const filter).cast(), length)
    } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
