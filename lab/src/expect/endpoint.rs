//! Endpoint behaviors that leave the packet encapsulated (RFC 8986 sections 4.1 to 4.3, 4.13, 4.16.1; RFC 9800).

use super::headend::{Headend, encaps, put_srh};
use super::{Packet, Srh};

/// End, and with the same bytes End.X and End.T (section 4.1.1): the next segment becomes the destination. None if the node
/// drops the packet or does not forward it.
pub fn end(packet: &Packet) -> Option<Packet> {
    advance(packet)?.forwarded()
}

/// End with PSP (section 4.16.1): removes the SRH when it advances to the last segment.
pub fn psp(packet: &Packet) -> Option<Packet> {
    let mut out = end(packet)?;
    if out.srhs.first().is_some_and(|srh| srh.segments_left == 0) {
        out.srhs.remove(0);
    }
    Some(out)
}

/// End.BPF, which only Linux has: End, then what the program does to the SRH.
pub fn end_bpf(packet: &Packet, program: impl FnOnce(&mut Srh)) -> Option<Packet> {
    let mut out = end(packet)?;
    program(out.srhs.first_mut()?);
    Some(out)
}

/// End with NEXT-CSID (RFC 9800 section 4.1), with its lengths in bits: the argument moves to the place of the function. If
/// the argument is zero it is plain End. A packet whose argument moves needs no SRH.
pub fn next_csid(packet: &Packet, block: u8, function: u8) -> Option<Packet> {
    assert!(block.is_multiple_of(8) && function.is_multiple_of(8), "Linux takes whole bytes");
    let (block, function) = (usize::from(block / 8), usize::from(function / 8));
    let mut octets = packet.destination.octets();
    if octets[block + function..].iter().all(|octet| *octet == 0) {
        return end(packet);
    }
    octets.copy_within(block + function.., block);
    octets[16 - function..].fill(0);
    Packet { destination: octets.into(), ..packet.clone() }.forwarded()
}

/// End.B6.Insert (draft-filsfils-spring-net-pgm-insertion). Linux follows an early version of the draft, in which segments
/// left and the destination do not advance first: the inserted path ends with the SID itself.
pub fn b6_insert(packet: &Packet, path: &[std::net::Ipv6Addr]) -> Option<Packet> {
    // The packet must nevertheless have an SRH with segments left.
    advance(packet)?;
    put_srh(packet.clone(), path).forwarded()
}

/// End.B6.Encaps (section 4.13): End, then H.Encaps.
pub fn b6_encaps(packet: &Packet, headend: Headend, path: &[std::net::Ipv6Addr]) -> Option<Packet> {
    encaps(&advance(packet)?.bytes(), headend, path)
}

/// Lines S02 to S15 of section 4.1.1, without the hop limit.
pub(super) fn advance(packet: &Packet) -> Option<Packet> {
    let mut out = packet.clone();
    let srh = out.srhs.first_mut()?;
    srh.segments_left = srh.segments_left.checked_sub(1)?;
    out.destination = srh.active()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn sid(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    fn packet(path: &[&str], hop_limit: u8) -> Packet {
        let path: Vec<_> = path.iter().map(|text| sid(text)).collect();
        Packet {
            traffic_class: 0,
            flow_label: 7,
            hop_limit,
            source: sid("2001:db8::1"),
            destination: path[0],
            srhs: vec![Srh::new(&path)],
            protocol: 59,
            payload: Vec::new(),
        }
    }

    #[test]
    fn end_moves_on_and_stops_at_the_end() {
        let out = end(&packet(&["fc00::1", "fc00::2"], 64)).expect("forwarded");
        assert_eq!((out.destination, out.srhs[0].segments_left, out.hop_limit), (sid("fc00::2"), 0, 63));
        assert_eq!(out.flow_label, 7);
        assert_eq!(end(&out), None, "no segment left");
        assert_eq!(end(&packet(&["fc00::1", "fc00::2"], 1)), None, "no hop left");
    }

    #[test]
    fn psp_pops_at_the_last_but_one_only() {
        let long = psp(&packet(&["fc00::1", "fc00::2", "fc00::3"], 64)).expect("forwarded");
        assert_eq!(long.srhs.len(), 1);
        let short = psp(&packet(&["fc00::1", "fc00::2"], 64)).expect("forwarded");
        assert_eq!((short.srhs.len(), short.destination), (0, sid("fc00::2")));
    }

    #[test]
    fn next_csid_shifts_until_there_is_nothing_to_shift() {
        let one = next_csid(&packet(&["fc00:0:2:3:4::", "fc00::9"], 64), 32, 16).expect("forwarded");
        assert_eq!((one.destination, one.srhs[0].segments_left), (sid("fc00:0:3:4::"), 1));
        let two = next_csid(&packet(&["fc00:0:2::", "fc00::9"], 64), 32, 16).expect("forwarded");
        assert_eq!((two.destination, two.srhs[0].segments_left), (sid("fc00::9"), 0));
    }

    #[test]
    fn b6_insert_ends_with_the_sid_and_b6_encaps_moves_on_first() {
        let path = [sid("fc00:9::1"), sid("fc00:9::2")];
        let inserted = b6_insert(&packet(&["fc00::1", "fc00::2"], 64), &path).expect("forwarded");
        assert_eq!(inserted.srhs[0].segments, [sid("fc00::1"), path[1], path[0]]);
        assert_eq!((inserted.destination, inserted.srhs[0].segments_left, inserted.srhs.len()), (path[0], 2, 2));
        let headend = Headend { source: sid("fc00:5::1") };
        let outer = b6_encaps(&packet(&["fc00::1", "fc00::2"], 64), headend, &path).expect("forwarded");
        let inner = Packet::parse(&outer.payload).expect("a packet inside");
        assert_eq!((outer.destination, inner.destination, inner.hop_limit), (path[0], sid("fc00::2"), 64));
    }
}
