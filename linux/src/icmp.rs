//! Raw ICMP sockets of one network namespace: receives ICMPv6 errors that come to this box, and sends ICMP errors to hosts. Not here: what an
//! error means, and whether a host gets one (`segbox_plan::icmp_errors`).
#![expect(unsafe_code, reason = "the addresses of packets (IPV6_PKTINFO, IP_PKTINFO) have no wrapper in rustix")]

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};

use crate::datagram::{Control, control_length, length_of, receive, set};

/// Error messages that are received: Destination Unreachable, Packet Too Big, Time Exceeded (RFC 4443, section 3).
const RECEIVED: [usize; 3] = [1, 2, 3];
/// ICMP6_FILTER, ICMP_FILTER (include/uapi/linux/icmpv6.h, icmp.h): a bit for each type that is not received.
pub(crate) const ICMP6_FILTER: i32 = 1;
const ICMP_FILTER: i32 = 1;
/// The index of lo in every network namespace (include/net/net_namespace.h, LOOPBACK_IFINDEX).
const LO: u32 = 1;
/// Room for one message. An error has at most 1280 bytes; a longer one is forged, and its quote is cut.
const ROOM: usize = 2048;

/// Receives ICMPv6 errors. The kernel drops those with a wrong checksum (net/ipv6/raw.c, rawv6_recvmsg).
#[derive(Debug)]
pub struct ErrorSocket {
    socket: OwnedFd,
    buffer: Box<[u8; ROOM]>,
}

/// An ICMPv6 error.
#[derive(Debug)]
pub struct Received<'a> {
    /// Its source.
    pub from: Ipv6Addr,
    /// Its destination.
    pub to: Ipv6Addr,
    /// This box's kernel sent it to itself.
    pub own: bool,
    /// From its type on.
    pub message: &'a [u8],
}

/// Sends ICMP errors. It receives nothing.
#[derive(Debug)]
pub struct ErrorSender {
    v6: OwnedFd,
    v4: OwnedFd,
}

impl ErrorSocket {
    /// Opens it for the network namespace of the calling thread; reading it never blocks.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        let socket = raw(AddressFamily::INET6, ipproto::ICMPV6)?;
        let mut blocked = [u32::MAX; 8];
        for kind in RECEIVED {
            blocked[kind / 32] &= !(1 << (kind % 32));
        }
        set(&socket, libc::IPPROTO_ICMPV6, ICMP6_FILTER, &blocked)?;
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1_i32)?;
        Ok(Self { socket, buffer: Box::new([0; ROOM]) })
    }

    /// The next error; None if none waits.
    ///
    /// # Errors
    /// The socket failed.
    pub fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        let kind = (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
        let received = receive::<libc::sockaddr_in6, libc::in6_pktinfo>(&self.socket, &mut self.buffer[..], kind)?;
        let Some((length, from, Some(info))) = received else { return Ok(None) };
        Ok(Some(Received {
            from: from.sin6_addr.s6_addr.into(),
            to: info.ipi6_addr.s6_addr.into(),
            own: info.ipi6_ifindex == LO,
            message: &self.buffer[..length],
        }))
    }
}

impl AsFd for ErrorSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl ErrorSender {
    /// Opens it for the network namespace of the calling thread.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        let v6 = raw(AddressFamily::INET6, ipproto::ICMPV6)?;
        set(&v6, libc::IPPROTO_ICMPV6, ICMP6_FILTER, &[u32::MAX; 8])?;
        // The source may be the router that reported the error.
        set(&v6, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, &1_i32)?;
        let v4 = raw(AddressFamily::INET, ipproto::ICMP)?;
        set(&v4, libc::SOL_RAW, ICMP_FILTER, &u32::MAX)?;
        Ok(Self { v6, v4 })
    }

    /// Sends a message; the kernel adds the IP header, and the checksum of ICMPv6. Without `from` it chooses the source. `vrf` is the index
    /// of the device of the VRF that the host is in.
    ///
    /// # Errors
    /// No route to the host, or the kernel refuses the source.
    pub fn send(&self, to: IpAddr, from: Option<Ipv6Addr>, vrf: Option<u32>, message: &[u8]) -> io::Result<()> {
        let index = vrf.unwrap_or_default();
        let chosen = from.is_some() || vrf.is_some();
        match to {
            IpAddr::V6(to) => {
                // SAFETY: all-zero bytes are a valid sockaddr_in6.
                let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_in6>() };
                address.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                address.sin6_addr.s6_addr = to.octets();
                let source = from.unwrap_or(Ipv6Addr::UNSPECIFIED);
                let info =
                    libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: source.octets() }, ipi6_ifindex: index };
                let control = (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
                send(&self.v6, &address, chosen.then_some(control), message)
            }
            IpAddr::V4(to) => {
                let raw = |address: Ipv4Addr| libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
                // SAFETY: all-zero bytes are a valid sockaddr_in.
                let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_in>() };
                address.sin_family = libc::AF_INET as libc::sa_family_t;
                address.sin_addr = raw(to);
                let any = raw(Ipv4Addr::UNSPECIFIED);
                let info = libc::in_pktinfo { ipi_ifindex: index.cast_signed(), ipi_spec_dst: any, ipi_addr: any };
                let control = (libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
                send(&self.v4, &address, vrf.is_some().then_some(control), message)
            }
        }
    }
}

/// Sends one message to an address, with at most one control message.
fn send<A, C>(socket: &OwnedFd, to: &A, control: Option<(i32, i32, &C)>, message: &[u8]) -> io::Result<()> {
    let mut room = Control([MaybeUninit::zeroed(); 64]);
    let mut part = libc::iovec { iov_base: message.as_ptr().cast_mut().cast(), iov_len: message.len() };
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut header = unsafe { std::mem::zeroed::<libc::msghdr>() };
    header.msg_name = std::ptr::from_ref(to).cast_mut().cast();
    header.msg_namelen = length_of::<A>();
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    if let Some((level, kind, value)) = control {
        let length = control_length::<C>();
        assert!(length <= room.0.len(), "the structures with an address are shorter");
        header.msg_control = room.0.as_mut_ptr().cast();
        header.msg_controllen = length.next_multiple_of(align_of::<libc::cmsghdr>());
        // SAFETY: the room is aligned as a cmsghdr is, and holds the header and the value, as was checked.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = level;
            (*first).cmsg_type = kind;
            (*first).cmsg_len = length;
            std::ptr::copy_nonoverlapping(
                std::ptr::from_ref(value).cast::<u8>(),
                libc::CMSG_DATA(first),
                size_of::<C>(),
            );
        }
    }
    // SAFETY: every pointer in the header leads to a value that outlives the call, with its length; the kernel only reads them.
    match unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

pub(crate) fn raw(family: AddressFamily, protocol: Protocol) -> io::Result<OwnedFd> {
    Ok(socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(protocol))?)
}
