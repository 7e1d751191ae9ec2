//! A raw ICMPv6 socket of one port for router advertisements. Not here: what they say (`segbox_plan::advertisement`), and addresses and routes, which
//! the kernel makes of them.

use std::io;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SendFlags, ipproto};
use segbox_config::IfName;

use crate::datagram::{bind_to, receive, set};
use crate::icmp::{ICMP6_FILTER, raw};

/// The only type that is received.
const ADVERTISEMENT: usize = 134;
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ROOM: usize = 2048;

/// Hears the routers of a port, and asks for them.
#[derive(Debug)]
pub struct AdvertisementSocket {
    socket: OwnedFd,
    index: u32,
    buffer: Box<[u8; ROOM]>,
}

/// A router advertisement.
#[derive(Debug)]
pub struct Received<'a> {
    /// Its source.
    pub from: Ipv6Addr,
    /// Its hop limit: 255 where no router has forwarded it.
    pub hop_limit: u8,
    /// From its type on.
    pub message: &'a [u8],
}

impl AdvertisementSocket {
    /// Opens it on a port of the network namespace of the calling thread; reading it never blocks.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW; ENODEV: the port is gone.
    pub fn open(index: u32, port: IfName) -> io::Result<Self> {
        let socket = raw(AddressFamily::INET6, ipproto::ICMPV6)?;
        let mut blocked = [u32::MAX; 8];
        blocked[ADVERTISEMENT / 32] &= !(1 << (ADVERTISEMENT % 32));
        set(&socket, libc::IPPROTO_ICMPV6, ICMP6_FILTER, &blocked)?;
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, &1_i32)?;
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, &255_i32)?;
        bind_to(&socket, port)?;
        Ok(Self { socket, index, buffer: Box::new([0; ROOM]) })
    }

    /// Sends a message to all routers of the link; the kernel adds the checksum.
    ///
    /// # Errors
    /// The port is down, or has no link-local address yet.
    pub fn ask(&self, message: &[u8]) -> io::Result<()> {
        let to = SocketAddrV6::new(ALL_ROUTERS, 0, 0, self.index);
        rustix::net::sendto(&self.socket, message, SendFlags::DONTWAIT, &to)?;
        Ok(())
    }

    /// The next advertisement; None if none waits.
    ///
    /// # Errors
    /// The socket failed.
    pub fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        let kind = (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT);
        let received = receive::<libc::sockaddr_in6, i32>(&self.socket, &mut self.buffer[..], kind)?;
        Ok(received.map(|(length, from, limit)| Received {
            from: from.sin6_addr.s6_addr.into(),
            hop_limit: limit.and_then(|limit| u8::try_from(limit).ok()).unwrap_or_default(),
            message: &self.buffer[..length],
        }))
    }
}

impl AsFd for AdvertisementSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
