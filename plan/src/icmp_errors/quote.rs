//! Reads an ICMPv6 error and the packet that it quotes: outer header, SRH, and the packet that was encapsulated. Not here: which policy did
//! it, and what the sender is told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An ICMPv6 message that a socket of this box received.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The node that reports the error.
    pub from: Ipv6Addr,
    /// The address of this box that the error came to.
    pub to: Ipv6Addr,
    /// This box's own kernel reports it, about a packet that it could not send.
    pub own: bool,
    /// From the type of the message on (RFC 4443, 2.1).
    pub message: &'a [u8],
}

/// The cause of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Packet Too Big, with the MTU of the link (RFC 4443, 3.2).
    TooBig(u32),
    /// Hop limit exceeded in transit (3.3, code 0).
    HopLimit,
    /// Destination Unreachable, with its code (3.1).
    Unreachable(u8),
}

/// The packet inside of the outer headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner<'a> {
    /// An IPv6 packet, as far as it is quoted.
    V6(&'a [u8]),
    /// An IPv4 packet, as far as it is quoted.
    V4(&'a [u8]),
}

/// An error about a packet that this box encapsulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote<'a> {
    /// What went wrong.
    pub cause: Cause,
    /// The node that reports it; None for this box itself.
    pub reporter: Option<Ipv6Addr>,
    /// Bytes of the outer headers, where the error happened.
    pub(super) overhead: u32,
    /// The outer destination, where the error happened.
    pub(super) destination: Ipv6Addr,
    /// The segments of the SRH, in the order in which the packet visits them; None without an SRH.
    pub(super) segments: Option<Vec<Ipv6Addr>>,
    /// The encapsulated packet.
    pub inner: Inner<'a>,
}

/// Why an error that quotes a tunnel's packet is not handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The quote ends before the addresses of the encapsulated packet.
    Short,
    /// A frame is encapsulated (H.Encaps.L2): it has no sender that understands ICMP.
    Frame,
    /// A Packet Too Big with an MTU under 1280: nodes must ignore it (RFC 8201, section 4).
    Mtu,
    /// A Packet Too Big about a packet that is no longer than the MTU that it tells.
    Fits,
    /// The quoted outer source is another address than the one that the error came to.
    Source,
    /// No policy of this box makes such a packet.
    NoPolicy,
}

/// The least MTU of a link (RFC 8200, section 5).
pub(super) const LEAST_MTU: u32 = 1280;

const HOP_BY_HOP: u8 = 0;
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const DESTINATION_OPTIONS: u8 = 60;
const ETHERNET: u8 = 143;
/// Routing Type of the SRH (RFC 8754, section 2).
const SRH: u8 = 4;

/// Reads a message; Ok(None) for what is no error about a tunnel's packet: those are the kernel's alone.
///
/// # Errors
/// It looks like one, and cannot be true or cannot be answered.
pub fn read(arrived: Arrived<'_>) -> Result<Option<Quote<'_>>, Refused> {
    let Some((&[kind, code, _, _, a, b, c, d], packet)) = arrived.message.split_first_chunk() else { return Ok(None) };
    let cause = match (kind, code) {
        (1, code) => Cause::Unreachable(code),
        (2, _) => Cause::TooBig(u32::from_be_bytes([a, b, c, d])),
        (3, 0) => Cause::HopLimit,
        _ => return Ok(None),
    };
    let Some(outer) = Outer::read(packet)? else { return Ok(None) };
    if outer.next == ETHERNET {
        return Err(Refused::Frame);
    }
    // Without one: another protocol of the box itself, or a quote that ends within the outer headers.
    let Some(inner) = outer.inner() else { return Ok(None) };
    if !inner.is_whole() {
        return Err(Refused::Short);
    }
    if outer.source != arrived.to {
        return Err(Refused::Source);
    }
    if let Cause::TooBig(mtu) = cause {
        if mtu < LEAST_MTU {
            return Err(Refused::Mtu);
        }
        if outer.length.is_some_and(|length| length <= mtu) {
            return Err(Refused::Fits);
        }
    }
    Ok(Some(Quote {
        cause,
        reporter: (!arrived.own).then_some(arrived.from),
        overhead: outer.overhead,
        destination: outer.destination,
        segments: outer.segments,
        inner,
    }))
}

/// The outer headers of a packet.
pub(crate) struct Outer<'a> {
    source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// Bytes of the whole packet; None where its header does not tell (a jumbogram, a merged packet).
    length: Option<u32>,
    overhead: u32,
    segments: Option<Vec<Ipv6Addr>>,
    /// The protocol behind the headers.
    next: u8,
    rest: &'a [u8],
}

impl<'a> Outer<'a> {
    /// None for what is no SRv6 router's packet.
    pub(crate) fn read(packet: &'a [u8]) -> Result<Option<Self>, Refused> {
        let Some((header, mut rest)) = ipv6_header(packet) else { return Ok(None) };
        let mut next = header[6];
        let mut segments = None;
        while matches!(next, HOP_BY_HOP | DESTINATION_OPTIONS | ROUTING) {
            let extension = extension(rest).ok_or(Refused::Short)?;
            if next == ROUTING {
                let list = self::segments(extension).filter(|_| segments.is_none());
                let Some(list) = list else { return Ok(None) };
                segments = Some(list);
            }
            next = extension[0];
            rest = &rest[extension.len()..];
        }
        let (source, destination) = addresses(header);
        let overhead = u32::try_from(packet.len() - rest.len()).unwrap_or(u32::MAX);
        Ok(Some(Self { source, destination, length: ipv6_length(header), overhead, segments, next, rest }))
    }

    /// The encapsulated IP packet; its header may not be whole.
    pub(crate) fn inner(&self) -> Option<Inner<'a>> {
        match self.next {
            IPV6 => Some(Inner::V6(self.rest)),
            IPV4 => Some(Inner::V4(self.rest)),
            _ => None,
        }
    }
}

/// An IPv6 header and what follows.
pub(super) fn ipv6_header(packet: &[u8]) -> Option<(&[u8; 40], &[u8])> {
    packet.split_first_chunk().filter(|(header, _)| header[0] >> 4 == 6)
}

/// An extension header of the common format: next header, length in units of 8 bytes after the first (RFC 8200, 4.2).
pub(super) fn extension(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..8 * (usize::from(*bytes.get(1)?) + 1))
}

/// Bytes of an IPv6 packet. A payload length of 0 is a jumbogram's, or that of a packet which the kernel merged from several (BIG TCP).
pub(super) fn ipv6_length(header: &[u8; 40]) -> Option<u32> {
    let payload = u32::from(u16::from_be_bytes([header[4], header[5]]));
    (payload != 0).then_some(payload + 40)
}

fn addresses(header: &[u8; 40]) -> (Ipv6Addr, Ipv6Addr) {
    let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&header[at..at + 16]).expect("16 bytes"));
    (address(8), address(24))
}

/// The segments of an SRH, in the order in which the packet visits them; in the header the last comes first. A reduced SRH has one segment
/// more left than it has, until the packet has visited the first (RFC 8986, 5.2).
fn segments(srh: &[u8]) -> Option<Vec<Ipv6Addr>> {
    let (&[_, _, kind, left, last, ..], list) = srh.split_first_chunk::<8>()?;
    let list =
        list.get(..16 * (usize::from(last) + 1)).filter(|_| kind == SRH && u16::from(left) <= u16::from(last) + 1)?;
    Some(list.chunks_exact(16).rev().map(|bytes| <[u8; 16]>::try_from(bytes).expect("16 bytes").into()).collect())
}

impl<'a> Inner<'a> {
    /// Its header is all there.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::V6(packet) => ipv6_header(packet).is_some(),
            Self::V4(packet) => packet.len() >= 20 && packet[0] >> 4 == 4 && packet[0] & 15 >= 5,
        }
    }

    /// Its bytes, as far as they are quoted.
    pub fn packet(&self) -> &'a [u8] {
        match self {
            Self::V6(packet) | Self::V4(packet) => packet,
        }
    }

    /// Its sender.
    pub fn source(&self) -> IpAddr {
        self.addresses().0
    }

    /// Its destination.
    pub fn destination(&self) -> IpAddr {
        self.addresses().1
    }

    fn addresses(&self) -> (IpAddr, IpAddr) {
        match self {
            Self::V6(packet) => {
                let (header, _) = ipv6_header(packet).expect("the reader looked at it");
                let (source, destination) = addresses(header);
                (source.into(), destination.into())
            }
            Self::V4(packet) => {
                let address = |at: usize| {
                    IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).expect("4 bytes")))
                };
                (address(12), address(16))
            }
        }
    }

    /// The binding SID that an SRv6 packet had as its destination before this box put it into another tunnel (End.B6.Encaps advances the
    /// packet's SRH first; RFC 8986, 4.13).
    pub fn binding_sid(&self) -> Option<Ipv6Addr> {
        let Self::V6(packet) = self else { return None };
        let (header, rest) = ipv6_header(packet)?;
        let srh = extension(rest).filter(|_| header[6] == ROUTING)?;
        let visited = segments(srh)?.len().checked_sub(usize::from(srh[3]) + 2)?;
        segments(srh)?.get(visited).copied()
    }
}

impl Quote<'_> {
    /// The addresses whose routes may be the policy: the destination of the encapsulated packet, and the binding SID it came to.
    pub fn steered(&self) -> impl Iterator<Item = IpAddr> {
        std::iter::once(self.inner.destination()).chain(self.inner.binding_sid().map(IpAddr::V6))
    }
}
