//! A packet as text for a person, one header per line. It is not a dissector: of a protocol that it does not know it prints
//! the length.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{Icmpv4Header, Icmpv6Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, UdpHeader};
use segbox_fastpath_ebpf::wire::srh::{PROTO_ETHERNET, PROTO_IPV4, PROTO_IPV6, PROTO_ROUTING};
use segbox_fastpath_ebpf::wire::tlv;
use segbox_fastpath_ebpf::{Srh, Tlv};

use crate::Frame;

/// A frame's packet as text, one header per line, outermost first:
///
/// ```text
/// IPv6  fc00:0:1::1 → fc00:0:2:100::  hop limit 63
/// SRH   ▸fc00:0:2:100:: → fc00:0:3:3::  1 left
/// IPv6  2001:db8:a::2 → 2001:db8:b::2  hop limit 63
/// UDP   40000 → 7  "hello"
/// ```
///
/// The active segment is marked. If the segment list does not have it (a reduced SRH), nothing is marked.
pub fn describe(frame: &Frame) -> String {
    lines_of_ip(frame.packet()).join("\n")
}

/// The same on one line, for a failed comparison.
pub fn outline(frame: &Frame) -> String {
    lines_of_ip(frame.packet()).join(" | ")
}

fn lines_of_ip(packet: &[u8]) -> Vec<String> {
    if let Ok((header, rest)) = Ipv6Header::from_slice(packet) {
        let (from, to) = (Ipv6Addr::from(header.source), Ipv6Addr::from(header.destination));
        let mut lines = vec![format!("IPv6  {from} → {to}  hop limit {}", header.hop_limit)];
        if header.flow_label.value() != 0 {
            let _ = write!(lines[0], "  flow label {:#07x}", header.flow_label.value());
        }
        lines.extend(lines_behind(header.next_header, rest));
        lines
    } else if let Ok((header, rest)) = Ipv4Header::from_slice(packet) {
        let (from, to) = (Ipv4Addr::from(header.source), Ipv4Addr::from(header.destination));
        let mut lines = vec![format!("IPv4  {from} → {to}  TTL {}", header.time_to_live)];
        lines.extend(lines_behind(header.protocol, rest));
        lines
    } else {
        vec![format!("{} bytes that are no IP packet", packet.len())]
    }
}

/// The lines of everything behind an IP header or an SRH.
fn lines_behind(protocol: IpNumber, bytes: &[u8]) -> Vec<String> {
    match protocol.0 {
        PROTO_ROUTING => match Srh::parse(bytes) {
            Ok(srh) => {
                let mut lines = lines_of_srh(&srh);
                lines.extend(lines_behind(IpNumber(srh.next_header()), &bytes[srh.total_len()..]));
                lines
            }
            Err(error) => vec![format!("SRH   broken: {error}")],
        },
        PROTO_IPV4 | PROTO_IPV6 => lines_of_ip(bytes),
        PROTO_ETHERNET => match bytes.split_at_checked(14) {
            Some((header, rest)) => {
                let mut lines = vec![format!("Eth   {} → {}", mac(&header[6..12]), mac(&header[..6]))];
                lines.extend(lines_of_ip(rest));
                lines
            }
            None => vec!["Eth   cut".to_owned()],
        },
        _ => vec![line_of_upper(protocol, bytes)],
    }
}

fn lines_of_srh(srh: &Srh<'_>) -> Vec<String> {
    let mut line = "SRH   ".to_owned();
    let count = srh.segments().len();
    // In the order in which the packet visits them; the wire has them in reverse.
    for (visit, segment) in srh.segments().rev().enumerate() {
        let index = count - 1 - visit;
        let mark = if index == usize::from(srh.segments_left()) { "▸" } else { "" };
        let _ = write!(line, "{}{mark}{}", if visit == 0 { "" } else { " → " }, Ipv6Addr::from(segment));
    }
    let _ = write!(line, "  {} left", srh.segments_left());
    if srh.tag() != 0 {
        let _ = write!(line, "  tag {}", srh.tag());
    }
    if srh.flags() != 0 {
        let _ = write!(line, "  flags {:#04x}", srh.flags());
    }
    let mut lines = vec![line];
    lines.extend(srh.tlvs().map(|tlv| match tlv {
        Ok(tlv) => line_of_tlv(&tlv),
        Err(error) => format!("TLV   broken: {error}"),
    }));
    lines
}

fn line_of_tlv(tlv: &Tlv<'_>) -> String {
    let name = match tlv.kind {
        tlv::HMAC => " HMAC",
        _ if tlv.is_padding() => " padding",
        _ => "",
    };
    let bytes: Vec<_> = tlv.value.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let more = if tlv.value.len() > 8 { " …" } else { "" };
    let words = quoted(tlv.value).map_or_else(String::new, |text| format!("  {text}"));
    format!("TLV   {}{name}  {} bytes: {}{more}{words}", tlv.kind, tlv.value.len(), bytes.join(" "))
}

fn line_of_upper(protocol: IpNumber, bytes: &[u8]) -> String {
    let known = match protocol {
        IpNumber::UDP => UdpHeader::from_slice(bytes)
            .ok()
            .map(|(udp, rest)| format!("UDP   {} → {}  {}", udp.source_port, udp.destination_port, text(rest))),
        IpNumber::TCP => TcpHeader::from_slice(bytes)
            .ok()
            .map(|(tcp, rest)| format!("TCP   {} → {}  {}", tcp.source_port, tcp.destination_port, text(rest))),
        IpNumber::IPV6_ICMP => Icmpv6Header::from_slice(bytes).ok().map(|(icmp, _)| match icmp.icmp_type {
            etherparse::Icmpv6Type::EchoRequest(echo) => format!("ICMP  echo request {}", echo.seq),
            etherparse::Icmpv6Type::EchoReply(echo) => format!("ICMP  echo reply {}", echo.seq),
            other => format!("ICMP  type {} code {}", other.type_u8(), other.code_u8()),
        }),
        IpNumber::ICMP => Icmpv4Header::from_slice(bytes).ok().map(|(icmp, _)| match icmp.icmp_type {
            etherparse::Icmpv4Type::EchoRequest(echo) => format!("ICMP  echo request {}", echo.seq),
            etherparse::Icmpv4Type::EchoReply(echo) => format!("ICMP  echo reply {}", echo.seq),
            other => format!("ICMP  {other:?}"),
        }),
        _ => None,
    };
    known.unwrap_or_else(|| format!("      protocol {}, {} bytes", protocol.0, bytes.len()))
}

fn mac(bytes: &[u8]) -> String {
    let parts: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

/// A payload as text if it is text, else its length.
fn text(payload: &[u8]) -> String {
    quoted(payload).unwrap_or_else(|| format!("{} bytes", payload.len()))
}

/// Bytes as a quoted text; None if they are not a text.
fn quoted(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && text.chars().all(|c| !c.is_control())).then(|| format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::{Headend, encaps};

    #[test]
    fn an_srv6_packet_reads_from_the_outside_in() {
        let address = |text: &str| -> Ipv6Addr { text.parse().expect("an address") };
        let (from, to) = (address("2001:db8:a::2").into(), address("2001:db8:b::2").into());
        let inner = crate::udp((from, 40000), (to, 7), b"hello");
        let path = [address("fc00:0:2:100::"), address("fc00:0:3:3::")];
        let mut packet = encaps(&inner, Headend { source: address("fc00:0:1::1") }, &path).expect("forwarded");
        packet.srhs[0].tlvs = vec![124, 6, 1, 2, 3, 4, 5, 6];
        let text = describe(&Frame::new([2; 6], [4; 6], &packet.bytes()));
        let expected = "\
IPv6  fc00:0:1::1 → fc00:0:2:100::  hop limit 63
SRH   ▸fc00:0:2:100:: → fc00:0:3:3::  1 left
TLV   124  6 bytes: 01 02 03 04 05 06
IPv6  2001:db8:a::2 → 2001:db8:b::2  hop limit 64
UDP   40000 → 7  \"hello\"";
        assert_eq!(text, expected);
        packet.srhs[0].tlvs[2..].copy_from_slice(b"segbox");
        let text = describe(&Frame::new([2; 6], [4; 6], &packet.bytes()));
        assert!(text.contains("\nTLV   124  6 bytes: 73 65 67 62 6f 78  \"segbox\"\n"), "{text}");
    }

    #[test]
    fn what_is_cut_is_said_and_nothing_panics() {
        let address = |text: &str| -> Ipv6Addr { text.parse().expect("an address") };
        let inner = crate::udp((address("::1").into(), 1), (address("::2").into(), 2), b"hi");
        let path = [address("fc00::1"), address("fc00::2")];
        let whole = encaps(&inner, Headend { source: address("fc00::9") }, &path).expect("forwarded").bytes();
        for cut in 0..whole.len() {
            assert!(!outline(&Frame::new([2; 6], [4; 6], &whole[..cut])).is_empty());
        }
    }
}
