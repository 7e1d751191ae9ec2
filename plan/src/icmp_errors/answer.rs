//! The error that the sender of an encapsulated packet gets (RFC 2473, 8.2 and 8.3), and the packets that get none. Not here: sending it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::quote::{Cause, Inner, LEAST_MTU, Quote, extension, ipv6_header, ipv6_length};

/// An ICMP message to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The sender of the packet in error.
    pub to: IpAddr,
    /// The source address, where it is another router's: traceroute then shows that router. None: this box's.
    pub from: Option<Ipv6Addr>,
    /// From the type of the message on. The checksum of an ICMPv6 message is left 0: the kernel fills it in.
    pub message: Vec<u8>,
}

/// Why a packet's sender is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// An IPv4 packet without DF: its sender does not expect that it has to send less (RFC 791). It is lost: RFC 2473, 7.2 would fragment
    /// the outer packet, and no SID of Linux puts fragments together.
    MayFragment,
    /// The path is too narrow for the least MTU that the sender takes: it is lost, whatever the sender is told.
    PathTooNarrow,
    /// Errors, multicasts, fragments and senders without an address get no error (RFC 4443, 2.4 (e); RFC 1122, 3.2.2).
    NoError,
}

/// Bytes of an ICMPv6 error at most, with its IPv6 header (RFC 4443, 2.4 (c)).
const LONGEST_V6: usize = LEAST_MTU as usize;
/// Bytes of an ICMPv4 error at most, with its IPv4 header (RFC 1812, 4.3.2.3).
const LONGEST_V4: usize = 576;
/// The least MTU of IPv4 (RFC 791).
const LEAST_MTU_V4: u32 = 68;

impl Quote<'_> {
    /// The error for the sender.
    ///
    /// # Errors
    /// It gets none.
    pub fn answer(&self) -> Result<Answer, Unanswered> {
        if !self.may_be_answered() {
            return Err(Unanswered::NoError);
        }
        let message = match self.inner {
            Inner::V6(packet) => {
                let (kind, code, field) = self.to_ipv6(packet)?;
                message(kind, code, field, packet, LONGEST_V6 - 40)
            }
            Inner::V4(packet) => {
                let (kind, code, mtu) = self.to_ipv4(packet)?;
                let mut message = message(kind, code, mtu, packet, LONGEST_V4 - 20);
                let sum = checksum(&message);
                message[2..4].copy_from_slice(&sum.to_be_bytes());
                message
            }
        };
        // The tunnel's MTU is this box's to tell. Who else lost the packet is shown as traceroute would see it without the tunnel.
        let is_shown =
            matches!(self.cause, Cause::HopLimit | Cause::Unreachable(_)) && matches!(self.inner, Inner::V6(_));
        let from = self.reporter.filter(|reporter| is_shown && is_shown_outside(*reporter));
        Ok(Answer { to: self.inner.source(), from, message })
    }

    /// The MTU for what is inside: that of the link, less the outer headers.
    fn mtu(&self, link: u32, least: u32) -> u32 {
        link.saturating_sub(self.overhead).max(least)
    }

    /// Type, code and field of an ICMPv6 error.
    fn to_ipv6(&self, packet: &[u8]) -> Result<(u8, u8, u32), Unanswered> {
        match self.cause {
            Cause::TooBig(link) => {
                let mtu = self.mtu(link, LEAST_MTU);
                let length = ipv6_header(packet).and_then(|(header, _)| ipv6_length(header));
                if length.is_some_and(|length| length <= mtu) {
                    return Err(Unanswered::PathTooNarrow);
                }
                Ok((2, 0, mtu))
            }
            Cause::HopLimit => Ok((3, 0, 0)),
            // No route, prohibited, address unreachable, policy, reject (RFC 4443, 3.1). A port or a scope is not the host's.
            Cause::Unreachable(code @ (0 | 1 | 3 | 5 | 6)) => Ok((1, code, 0)),
            Cause::Unreachable(_) => Ok((1, 3, 0)),
        }
    }

    /// Type, code and MTU of an ICMPv4 error: fragmentation needed, else host unreachable (RFC 2473, 8.3). Where the packet's own TTL was
    /// used up, it ended at this headend (`hop-limit = "rfc"`): time exceeded (RFC 792).
    fn to_ipv4(&self, packet: &[u8]) -> Result<(u8, u8, u32), Unanswered> {
        let Cause::TooBig(link) = self.cause else {
            let used_up = self.cause == Cause::HopLimit && packet[8] <= 1;
            return Ok(if used_up { (11, 0, 0) } else { (3, 1, 0) });
        };
        if packet[6] & 0x40 == 0 {
            return Err(Unanswered::MayFragment);
        }
        let mtu = self.mtu(link, LEAST_MTU_V4);
        let length = u32::from(u16::from_be_bytes([packet[2], packet[3]]));
        if length != 0 && length <= mtu { Err(Unanswered::PathTooNarrow) } else { Ok((3, 4, mtu)) }
    }

    fn may_be_answered(&self) -> bool {
        match (self.inner, self.inner.source(), self.inner.destination()) {
            (Inner::V6(packet), IpAddr::V6(source), IpAddr::V6(destination)) => {
                let has_address = !(source.is_unspecified() || source.is_multicast() || source.is_loopback());
                let answerable = has_address && !source.is_unicast_link_local() && !destination.is_multicast();
                answerable && !is_icmpv6_error(packet)
            }
            (Inner::V4(packet), IpAddr::V4(source), IpAddr::V4(destination)) => {
                let fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff != 0;
                is_a_host(source) && !is_group(destination) && !fragment && !is_icmpv4_error(packet)
            }
            _ => false,
        }
    }
}

/// An address that means something outside of its link.
fn is_shown_outside(address: Ipv6Addr) -> bool {
    !(address.is_unicast_link_local() || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

fn is_group(address: Ipv4Addr) -> bool {
    address.is_multicast() || address.is_broadcast()
}

/// A single host (RFC 1122, 3.2.1.3).
fn is_a_host(address: Ipv4Addr) -> bool {
    !(address.octets()[0] == 0 || address.is_loopback() || address.octets()[0] >= 224)
}

/// Whether an IPv6 packet carries an ICMPv6 error, or something whose kind the quote does not show.
fn is_icmpv6_error(packet: &[u8]) -> bool {
    let Some((header, mut rest)) = ipv6_header(packet) else { return true };
    let mut next = header[6];
    loop {
        match next {
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 => {
                let Some(extension) = extension(rest) else { return true };
                next = extension[0];
                rest = &rest[extension.len()..];
            }
            // A fragment: only the first one has what follows.
            44 => {
                let Some((fragment, behind)) = rest.split_first_chunk::<8>() else { return true };
                if u16::from_be_bytes([fragment[2], fragment[3]]) & 0xfff8 != 0 {
                    return false;
                }
                next = fragment[0];
                rest = behind;
            }
            58 => return rest.first().is_none_or(|kind| *kind < 128),
            _ => return false,
        }
    }
}

fn is_icmpv4_error(packet: &[u8]) -> bool {
    // Unreachable, source quench, redirect, time exceeded, parameter problem.
    let header = usize::from(packet[0] & 15) * 4;
    packet[9] == 1 && packet.get(header).is_none_or(|kind| matches!(kind, 3 | 4 | 5 | 11 | 12))
}

/// An ICMP error: type, code, checksum 0, field, and as much of the packet as `room` has, with these eight bytes.
fn message(kind: u8, code: u8, field: u32, packet: &[u8], room: usize) -> Vec<u8> {
    let quoted = &packet[..packet.len().min(room - 8)];
    let mut message = Vec::with_capacity(8 + quoted.len());
    message.extend([kind, code, 0, 0]);
    message.extend(field.to_be_bytes());
    message.extend(quoted);
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
