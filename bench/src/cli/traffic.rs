//! Arguments that describe the packets to send.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tlv::{Tlv, padded};
use crate::traffic::{Inside, Shape, Sizes, Spread};

/// The packets.
#[derive(Debug, clap::Args)]
pub(super) struct Traffic {
    /// Source address; IPv4 if the destination is IPv4. With several flows, the flow's number is added to its last 4 bytes
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Segments of the SRH in the order in which the packet visits them, separated by commas
    #[arg(long, value_name = "SID,...", value_delimiter = ',')]
    path: Vec<Ipv6Addr>,
    /// Segments left [default: one less than the number of segments]
    #[arg(long, value_name = "N", requires = "path")]
    left: Option<u8>,
    /// A TLV of the SRH in hexadecimal: type, length, value, such as 7c06010203040506. May be repeated; padding to a multiple of 8
    /// bytes is added
    #[arg(long, value_name = "HEX", requires = "path")]
    tlv: Vec<Tlv>,
    /// Content behind the SRH: UDP, or an IPv4 or IPv6 packet with UDP
    #[arg(long, value_enum, value_name = "WHAT", default_value = "udp", requires = "path")]
    inside: InsideArgument,
    /// Destination of packets without --path, or of the packet of --inside
    #[arg(long, value_name = "ADDRESS")]
    destination: Option<IpAddr>,
    /// Size of packets: `payload=64` (UDP payload in bytes), `1500` (packet in bytes), or `imix`
    #[arg(long, default_value = "payload=64")]
    size: Sizes,
    /// Number of flows, which differ in outer source address and flow label
    #[arg(long, value_name = "N", default_value_t = 1)]
    flows: u32,
    /// Number of destinations: the destination's number is added to bytes 4 to 7 of the address
    #[arg(long, value_name = "N", default_value_t = 1)]
    targets: u32,
    /// Number of the run, by which `segbench receive` recognizes the packets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) run: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum InsideArgument {
    Udp,
    V4,
    V6,
}

/// Default addresses: source and destination.
const V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2), Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 2)];
/// The same for IPv4.
const V4: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 9), Ipv4Addr::new(198, 51, 100, 2)];

impl Traffic {
    /// The packets' shape.
    ///
    /// # Errors
    /// Addresses and headers contradict each other.
    pub(super) fn shape(&self) -> Result<Shape, super::Error> {
        let Some(last) = self.path.len().checked_sub(1) else { return self.without_path() };
        let left = self.left.map_or(last, usize::from);
        if left > last {
            return Err(format!("--left {left} points behind the path, which has {} segments", last + 1).into());
        }
        // First, because it also limits the number of segments.
        let tlvs = padded(&self.tlv, self.path.len())?;
        let from = self.source6()?;
        let inside = match (self.inside, self.destination) {
            (InsideArgument::Udp, None) => Inside::Udp,
            (InsideArgument::Udp, Some(_)) => {
                return Err(
                    "UDP directly behind the SRH goes to the last segment: remove --destination, or add the packet that it is the \
                     destination of with --inside v4 or v6"
                        .into(),
                );
            }
            (InsideArgument::V6, None) => Inside::V6 { from, to: V6[1] },
            (InsideArgument::V6, Some(IpAddr::V6(to))) => Inside::V6 { from, to },
            (InsideArgument::V4, None) => Inside::V4 { from: V4[0], to: V4[1] },
            (InsideArgument::V4, Some(IpAddr::V4(to))) => Inside::V4 { from: V4[0], to },
            (_, Some(to)) => {
                return Err(format!(
                    "{to} cannot be the destination of the packet of --inside, which is of the other IP version"
                )
                .into());
            }
        };
        Ok(Shape::Path { from, path: self.path.clone(), left: left as u8, tlvs, signature: None, inside })
    }

    fn without_path(&self) -> Result<Shape, super::Error> {
        match (self.destination, self.source) {
            (Some(IpAddr::V6(to)), _) => Ok(Shape::Plain { from: self.source6()?, to, inside: Inside::Udp }),
            (Some(IpAddr::V4(_)), _) if self.flows > 1 || self.targets > 1 => {
                Err("IPv4 packets cannot spread over flows and targets: remove --flows and --targets".into())
            }
            (Some(IpAddr::V4(to)), None) => Ok(Shape::Plain4 { from: V4[0], to }),
            (Some(IpAddr::V4(to)), Some(IpAddr::V4(from))) => Ok(Shape::Plain4 { from, to }),
            (Some(IpAddr::V4(to)), Some(from)) => {
                Err(format!("a packet from {from} cannot go to {to}, which is of the other IP version").into())
            }
            (None, _) => Err("the packets have no destination: add --path SID,SID or --destination ADDRESS".into()),
        }
    }

    fn source6(&self) -> Result<Ipv6Addr, super::Error> {
        match self.source {
            None => Ok(V6[0]),
            Some(IpAddr::V6(from)) => Ok(from),
            Some(from) => Err(format!("--source {from} is not an IPv6 address, which these packets need").into()),
        }
    }

    /// Their sizes.
    pub(super) fn sizes(&self) -> &Sizes {
        &self.size
    }

    /// How they spread.
    pub(super) fn spread(&self) -> Spread {
        Spread { flows: self.flows, targets: self.targets }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        traffic: Traffic,
    }

    fn shape(arguments: &str) -> Result<Shape, String> {
        let parsed = Only::try_parse_from(std::iter::once("x").chain(arguments.split_whitespace()));
        parsed.map_err(|error| error.to_string())?.traffic.shape().map_err(|error| error.to_string())
    }

    #[test]
    fn any_srh_can_be_asked_for() {
        let path = "--path fc00:0:2:1::,fc00:0:3:1::";
        let Ok(Shape::Path { left, tlvs, inside, .. }) =
            shape(&format!("{path} --tlv 7c06010203040506 --tlv 7D020000"))
        else {
            panic!("a path")
        };
        assert_eq!((left, inside), (1, Inside::Udp));
        assert_eq!(tlvs, [124, 6, 1, 2, 3, 4, 5, 6, 125, 2, 0, 0, 4, 2, 0, 0], "padded (PadN)");
        let inside = |arguments: &str| match shape(&format!("{path} --left 0 {arguments}")) {
            Ok(Shape::Path { inside, left: 0, .. }) => inside,
            other => panic!("{other:?}"),
        };
        assert!(matches!(inside("--inside v4"), Inside::V4 { .. }));
        assert!(
            matches!(inside("--inside v6 --destination 2001:db8::9"), Inside::V6 { to, .. } if to.segments()[7] == 9)
        );
        assert!(matches!(inside("--inside v4 --destination 10.0.0.9"), Inside::V4 { to, .. } if to.octets()[3] == 9));
        assert!(matches!(shape("--destination 10.0.0.9"), Ok(Shape::Plain4 { .. })));
        assert!(matches!(shape("--destination 2001:db8::9"), Ok(Shape::Plain { .. })));
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        for (arguments, told) in [
            ("", "--path"),
            ("--destination 2001:db8::9 --tlv 0400", "--path"),
            ("--path fc00::1 --left 1", "behind the path"),
            ("--path fc00::1 --destination 2001:db8::9", "--inside v4 or v6"),
            ("--path fc00::1 --inside v4 --destination 2001:db8::9", "cannot be the destination of the packet"),
            ("--destination 10.0.0.9 --flows 2", "cannot spread"),
            ("--destination 10.0.0.9 --source 2001:db8::9", "cannot go to"),
            ("--destination 2001:db8::9 --source 10.0.0.9", "not an IPv6 address"),
            ("--path fc00::1 --tlv 7c0", "each byte needs two"),
            ("--path fc00::1 --tlv 7c06zz", "not hexadecimal"),
            ("--path fc00::1 --tlv 7c060102", "length is 6, but its value has 2 bytes"),
            ("--path fc00::1 --tlv 7c", "no length"),
        ] {
            let error = shape(arguments).expect_err(arguments);
            assert!(error.contains(told), "{arguments}: {error}");
        }
        let long = format!("--path fc00::1 {}", format!("--tlv 7cfe{} ", "00".repeat(254)).repeat(8));
        assert!(shape(&long).expect_err("too long").contains("longer than an SRH"));
        let long = format!("--path fc00::1{}", ",fc00::2".repeat(127));
        assert!(shape(&long).expect_err("too long").contains("128 segments"));
    }
}
