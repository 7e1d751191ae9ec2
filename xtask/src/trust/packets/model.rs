//! The reference model as a side: the same router, by RFC 8754, RFC 8986 and RFC 9800.

use std::net::Ipv6Addr;

use ipnet::{Ipv4Net, Ipv6Net};
use segbox_lab::expect::{self, Headend, Packet, protocol};
use segbox_lab::{Frame, Mac, Port};

use super::{Left, Side};

/// The router's file, as the model needs it: which prefix has which behavior. Longer prefixes come first.
pub(super) const KINDS: [(&str, Kind); 25] = [
    ("fc00:0:2:1::/128", Kind::End(Port::Eth1)),
    ("fc00:0:2:2::/128", Kind::Psp),
    ("fc00:0:2:3::/128", Kind::End(Port::Eth2)),
    ("fc00:0:2:4::/128", Kind::End(Port::Eth2)),
    ("fc00:0:2:5::/128", Kind::Dx2),
    ("fc00:0:2:6::/128", Kind::Dx4),
    ("fc00:0:2:7::/128", Kind::Dx6(Port::Eth2)),
    ("fc00:0:2:8::/128", Kind::Dx6(Port::Eth1)),
    ("fc00:0:2:9::/128", Kind::Dx6(Port::Eth2)),
    ("fc00:0:2:a::/128", Kind::Dx6(Port::Eth1)),
    ("fc00:0:2:b::/128", Kind::B6Insert),
    ("fc00:0:2:c::/128", Kind::B6Encaps),
    ("fc00:0:2:d::/128", Kind::End(Port::Eth2)),
    ("fc00:0:2e::/64", Kind::NextCsid(Port::Eth2, 48)),
    ("fc00:0:2::/48", Kind::NextCsid(Port::Eth1, 32)),
    ("2001:db8:b0::/64", Kind::Encaps(&["fc00:0:3:1::", "fc00:0:4:3::"])),
    ("2001:db8:b1::/64", Kind::Encaps(&["fc00:0:4:3::"])),
    ("2001:db8:b2::/64", Kind::EncapsRed(&["fc00:0:3:1::", "fc00:0:5:1::", "fc00:0:4:3::"])),
    ("2001:db8:b3::/64", Kind::EncapsRed(&["fc00:0:4:3::"])),
    ("2001:db8:b4::/64", Kind::EncapsL2),
    ("2001:db8:b5::/64", Kind::EncapsL2Red),
    ("2001:db8:b6::/64", Kind::Insert),
    ("2001:db8:b7::/64", Kind::Encaps(&["fc00:0:3:1::", "fc00:0:4:3::"])),
    ("2001:db8:b8::/64", Kind::Insert),
    ("::/0", Kind::Plain),
];
const FOR_V4: &[&str] = &["fc00:0:3:1::", "fc00:0:4:6::"];
/// IPv4 prefixes: H.Encaps, and H.Encaps.Red.
pub(super) const KINDS_V4: [(&str, Kind); 2] =
    [("203.0.113.0/24", Kind::Encaps(FOR_V4)), ("198.51.100.128/25", Kind::EncapsRed(FOR_V4))];

/// A behavior, and where its packets leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End(Port),
    Psp,
    Dx2,
    Dx4,
    Dx6(Port),
    B6Insert,
    B6Encaps,
    /// With so many bits before its function of 16.
    NextCsid(Port, u8),
    Encaps(&'static [&'static str]),
    EncapsRed(&'static [&'static str]),
    EncapsL2,
    EncapsL2Red,
    Insert,
    /// No behavior: it is forwarded.
    Plain,
}

/// The kind of options that may be in front of an SRH: hop-by-hop.
pub(super) const OPTIONS: u8 = 0;

const SOURCE: Headend = Headend { source: Ipv6Addr::new(0xfc00, 0, 2, 0, 0, 0, 0, 1) };
const BOUND: [&str; 2] = ["fc00:0:9:1::", "fc00:0:8:1::"];
const INSERTED: [&str; 2] = ["fc00:0:3:1::", "fc00:0:5:1::"];
const L2: [&str; 2] = ["fc00:0:3:1::", "fc00:0:4:5::"];
/// The tester's first port and the router's, as the frame of an incoming packet has them.
const IN: [Mac; 2] = [[2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2]];

pub(super) struct Model {
    kinds: Vec<(Ipv6Net, Kind)>,
    kinds_v4: Vec<(Ipv4Net, Kind)>,
}

impl Model {
    pub(super) fn new() -> Self {
        let kinds = KINDS.iter().map(|(prefix, kind)| (prefix.parse().expect("a prefix"), *kind)).collect();
        let kinds_v4 = KINDS_V4.iter().map(|(prefix, kind)| (prefix.parse().expect("a prefix"), *kind)).collect();
        Self { kinds, kinds_v4 }
    }

    fn one(&self, bytes: &[u8]) -> Option<(Port, Frame)> {
        if bytes.first()? >> 4 == 4 {
            let to = std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(16..20)?).ok()?);
            let kind = self.kinds_v4.iter().find(|(prefix, _)| prefix.contains(&to))?.1;
            return headend(kind, bytes).map(|packet| out(Port::Eth1, &packet.bytes()));
        }
        // Options before the SRH stay before it. The model's packet has none.
        let (options, bare) = without_options(bytes)?;
        let packet = Packet::parse(&bare)?;
        let kind = self.kinds.iter().find(|(prefix, _)| prefix.contains(&packet.destination))?.1;
        let with = |port, packet: Packet| Some(out(port, &with_options(&options, &packet.bytes())));
        match kind {
            Kind::End(port) => with(port, expect::end(&packet)?),
            Kind::Psp => with(Port::Eth1, expect::psp(&packet)?),
            Kind::NextCsid(port, block) => with(port, expect::next_csid(&packet, block, 16)?),
            Kind::Dx2 => Some((Port::Eth2, Frame(expect::dx2(&packet)?))),
            Kind::Dx4 => Some(out(Port::Eth2, &expect::dx4(&packet)?)),
            Kind::Dx6(port) => Some(out(port, &expect::dx6(&packet)?)),
            Kind::B6Insert => with(Port::Eth1, expect::b6_insert(&packet, &BOUND.map(address))?),
            Kind::B6Encaps => with(Port::Eth1, expect::b6_encaps(&packet, SOURCE, &BOUND.map(address))?),
            Kind::Plain => None,
            kind => headend(kind, bytes).map(|packet| out(Port::Eth1, &packet.bytes())),
        }
    }
}

fn headend(kind: Kind, inner: &[u8]) -> Option<Packet> {
    let path = |sids: &[&str]| sids.iter().copied().map(address).collect::<Vec<_>>();
    let frame = || Frame::new(IN[0], IN[1], inner);
    match kind {
        Kind::Encaps(sids) => expect::encaps(inner, SOURCE, &path(sids)),
        Kind::EncapsRed(sids) => expect::encaps_red(inner, SOURCE, &path(sids)),
        Kind::EncapsL2 => expect::encaps_l2(&frame(), SOURCE, &L2.map(address)),
        Kind::EncapsL2Red => expect::encaps_l2_red(&frame(), SOURCE, &L2.map(address)),
        Kind::Insert => expect::insert(&Packet::parse(inner)?, &INSERTED.map(address)),
        _ => None,
    }
}

impl Side for Model {
    fn pass(&mut self, packets: &[Vec<u8>]) -> Result<Vec<Left>, String> {
        Ok(packets.iter().map(|packet| self.one(packet).into_iter().collect()).collect())
    }
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

/// A packet in the frame in which the router sends it.
fn out(port: Port, packet: &[u8]) -> (Port, Frame) {
    let cable = [1, 2, 3][port as usize];
    (port, Frame::new([2, 0, 0, 0, cable, 2], [2, 0, 0, 0, cable, 1], packet))
}

/// Hop-by-hop and destination options in front of an SRH, and the packet without them. None if it is cut.
fn without_options(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (header, mut rest) = bytes.split_at_checked(40)?;
    let (mut next, mut options) = (header[6], Vec::new());
    while matches!(next, 0 | 60) {
        let (option, behind) = rest.split_at_checked((usize::from(*rest.get(1)?) + 1) * 8)?;
        (next, rest) = (option[0], behind);
        options.extend(option);
    }
    if next != protocol::ROUTING {
        return Some((Vec::new(), bytes.to_vec()));
    }
    let mut bare = [header, rest].concat();
    bare[6] = next;
    bare[4..6].copy_from_slice(&u16::try_from(rest.len()).ok()?.to_be_bytes());
    Some((options, bare))
}

/// The packet with options behind its IPv6 header.
fn with_options(options: &[u8], packet: &[u8]) -> Vec<u8> {
    if options.is_empty() {
        return packet.to_vec();
    }
    let (header, rest) = packet.split_at(40);
    let mut all = [header, options, rest].concat();
    let length = u16::try_from(all.len() - 40).expect("a test's packet fits 64 KiB");
    all[4..6].copy_from_slice(&length.to_be_bytes());
    all[6] = OPTIONS;
    // The last option leads to what is behind it now.
    let mut at = 40;
    loop {
        let end = at + (usize::from(all[at + 1]) + 1) * 8;
        if end >= 40 + options.len() {
            all[at] = header[6];
            return all;
        }
        at = end;
    }
}
