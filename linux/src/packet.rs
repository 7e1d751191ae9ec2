//! Sockets of a port that has no address yet: they take whole packets from it, before any filter of the host sees them. Not here: what the packets
//! say (`segbox_plan::dhcp`).
#![expect(unsafe_code, reason = "packet sockets and their filters have no wrapper in rustix")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use segbox_config::{IfName, Mac};
use segbox_plan::dhcp::LONGEST;

use crate::datagram::{self, bind_to, length_of, set};

/// The longest packet that is received, and a byte more that shows a longer one.
const ROOM: usize = LONGEST + 1;
/// The port of DHCP clients.
const CLIENT_PORT: u16 = 68;

/// UDP to the client's port that is no fragment. The kernel puts the packet's own header first (SOCK_DGRAM).
const DHCP: [libc::sock_filter; 9] = [
    step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 9, 0, 0),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::IPPROTO_UDP as u32, 0, 6),
    step(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 6, 0, 0),
    step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0x3fff, 4, 0),
    step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
    step(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 2, 0, 0),
    step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, CLIENT_PORT as u32, 0, 1),
    step(libc::BPF_RET | libc::BPF_K, u32::MAX, 0, 0),
    NOTHING[0],
];
const NOTHING: [libc::sock_filter; 1] = [step(libc::BPF_RET | libc::BPF_K, 0, 0, 0)];
const EVERYTHING: [libc::sock_filter; 1] = [step(libc::BPF_RET | libc::BPF_K, u32::MAX, 0, 0)];

pub(crate) const fn step(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// The sockets of a port's DHCP client.
#[derive(Debug)]
pub struct DhcpSockets {
    index: u32,
    ip: OwnedFd,
    arp: OwnedFd,
    /// Holds the client's port and reads nothing: without it the kernel tells a server that renews a lease that nobody listens. None where
    /// another program has the port.
    _place: Option<OwnedFd>,
    buffer: Box<[u8; ROOM]>,
}

/// A packet of the port.
#[derive(Debug)]
pub struct Received<'a> {
    /// From its IPv4 or ARP header on.
    pub packet: &'a [u8],
    /// The hardware address that it came from.
    pub from: Mac,
    /// False where the kernel has put off the checksum: the packet never was on a wire.
    pub checksummed: bool,
}

impl DhcpSockets {
    /// Opens them on a port of the network namespace of the calling thread; reading them never blocks.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW; ENODEV: the port is gone.
    pub fn open(index: u32, port: IfName) -> io::Result<Self> {
        let ip = packets(index, libc::ETH_P_IP, &DHCP)?;
        let arp = packets(index, libc::ETH_P_ARP, &EVERYTHING)?;
        Ok(Self { index, ip, arp, _place: place(port).ok(), buffer: Box::new([0; ROOM]) })
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.ip.as_fd(), self.arp.as_fd()]
    }

    /// The next packet for a DHCP client; None if none waits.
    ///
    /// # Errors
    /// The socket failed; ENETDOWN: the port went down.
    pub fn receive(&mut self) -> io::Result<Option<Received<'_>>> {
        receive(&self.ip, &mut self.buffer)
    }

    /// The next packet of ARP; None if none waits.
    ///
    /// # Errors
    /// The same.
    pub fn receive_arp(&mut self) -> io::Result<Option<Received<'_>>> {
        receive(&self.arp, &mut self.buffer)
    }

    /// Sends an IPv4 packet, to one station or to all of the link.
    ///
    /// # Errors
    /// The port is down, or has no room.
    pub fn send(&self, packet: &[u8], to: Option<Mac>) -> io::Result<()> {
        send(&self.ip, self.index, libc::ETH_P_IP, packet, to)
    }

    /// Sends a packet of ARP to all stations of the link.
    ///
    /// # Errors
    /// The same.
    pub fn send_arp(&self, packet: &[u8]) -> io::Result<()> {
        send(&self.arp, self.index, libc::ETH_P_ARP, packet, None)
    }
}

/// Sends one IPv4 packet by a port.
///
/// # Errors
/// EPERM without CAP_NET_RAW; the port is down or gone.
pub fn send_once(index: u32, packet: &[u8], to: Mac) -> io::Result<()> {
    send(&packet_socket()?, index, libc::ETH_P_IP, packet, Some(to))
}

/// A packet socket that receives nothing until it is bound.
fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers.
    match unsafe { libc::socket(libc::AF_PACKET, kind, 0) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the descriptor is new, and nothing else uses it.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

/// A socket that receives a port's packets of one protocol, as far as a filter lets them pass.
fn packets(index: u32, protocol: i32, filter: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let socket = packet_socket()?;
    attach(&socket, filter)?;
    set(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32)?;
    let address = link_address(index, protocol, None);
    // SAFETY: the address lives until the call returns, and has this length.
    let bound =
        unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length_of::<libc::sockaddr_ll>()) };
    if bound == 0 { Ok(socket) } else { Err(io::Error::last_os_error()) }
}

/// Lets only packets pass that a filter takes.
pub(crate) fn attach(socket: &OwnedFd, filter: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(filter.len()).expect("the filters are short");
    let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// A socket of UDP that holds the client's port on one interface, and whose filter lets nothing pass.
fn place(port: IfName) -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    attach(&socket, &NOTHING)?;
    bind_to(&socket, port)?;
    bind(&socket, &std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, CLIENT_PORT))?;
    Ok(socket)
}

fn link_address(index: u32, protocol: i32, to: Option<Mac>) -> libc::sockaddr_ll {
    // SAFETY: all bytes zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (protocol as u16).to_be();
    address.sll_ifindex = index.cast_signed();
    address.sll_halen = 6;
    address.sll_addr[..6].copy_from_slice(&to.map_or([0xff; 6], |mac| mac.0));
    address
}

fn send(socket: &OwnedFd, index: u32, protocol: i32, packet: &[u8], to: Option<Mac>) -> io::Result<()> {
    let address = link_address(index, protocol, to);
    datagram::send_to(socket, packet, &address)
}

fn receive<'a>(socket: &OwnedFd, buffer: &'a mut [u8; ROOM]) -> io::Result<Option<Received<'a>>> {
    let kind = (libc::SOL_PACKET, libc::PACKET_AUXDATA);
    let received = datagram::receive::<libc::sockaddr_ll, libc::tpacket_auxdata>(socket, &mut buffer[..], kind)?;
    let Some((length, from, told)) = received else { return Ok(None) };
    let status = told.map_or(0, |told| told.tp_status);
    // A tag that no device took: the packet is of a VLAN and not of this port.
    let of_a_vlan = status & libc::TP_STATUS_VLAN_VALID != 0;
    let length = if of_a_vlan { 0 } else { length };
    let [a, b, c, d, e, f, ..] = from.sll_addr;
    Ok(Some(Received {
        packet: &buffer[..length],
        from: Mac([a, b, c, d, e, f]),
        checksummed: status & libc::TP_STATUS_CSUMNOTREADY == 0,
    }))
}
