//! A sample of the encapsulated packets that arrive in a network namespace, as a packet socket sees them. Not here: what they tell.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with};

use crate::packet::{attach, step};

/// Bytes of a packet that are read; the rest of a longer one is cut.
const ROOM: usize = 2048;
/// Packets whose next header, at byte 6 of the IPv6 header, is that of a packet to a SID: IPv4, IPv6, Routing.
const ENCAPSULATED: [libc::sock_filter; 6] = [
    step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 6, 0, 0),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::IPPROTO_IPIP as u32, 3, 0),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::IPPROTO_IPV6 as u32, 2, 0),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::IPPROTO_ROUTING as u32, 1, 0),
    step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    step(libc::BPF_RET | libc::BPF_K, u32::MAX, 0, 0),
];

/// Hands over the encapsulated IPv6 packets that arrive within a time, from their IPv6 header on. On a busy box it is a part of them: what the
/// socket's buffer has no room for is left out, so a sample costs no more than the time of one CPU.
///
/// # Errors
/// EPERM without CAP_NET_RAW.
pub fn arrivals(time: Duration, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let protocol = u32::from((libc::ETH_P_IPV6 as u16).to_be()).try_into().expect("not 0");
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, Some(Protocol::from_raw(protocol)))?;
    attach(&socket, &ENCAPSULATED)?;
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
