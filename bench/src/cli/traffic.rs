//! Arguments that say what packets are sent.

use std::net::Ipv6Addr;

use crate::traffic::{Inside, Shape, Sizes, Spread};

/// What packets look like.
#[derive(Debug, clap::Args)]
pub(super) struct Traffic {
    /// Source address; flows count its last bytes up.
    #[arg(long, value_name = "ADDRESS", default_value = "2001:db8:1::2")]
    source: Ipv6Addr,
    /// Segments in the order the packet visits them, separated by commas: the packets have an SRH.
    #[arg(long, value_name = "SID,...", value_delimiter = ',', conflicts_with = "destination")]
    path: Vec<Ipv6Addr>,
    /// Segments left; all but the first by default.
    #[arg(long, value_name = "N", requires = "path")]
    left: Option<u8>,
    /// What the path carries: UDP directly, or an IPv6 packet with it.
    #[arg(long, value_enum, default_value = "udp", requires = "path")]
    inside: InsideArgument,
    /// Destination of packets without SRH, or of the packet inside.
    #[arg(long, value_name = "ADDRESS")]
    destination: Option<Ipv6Addr>,
    /// `payload=64` (bytes of UDP payload), a packet size in bytes such as 1500, or `imix`.
    #[arg(long, default_value = "payload=64")]
    size: Sizes,
    /// Flows to spread over: outer source address and flow label.
    #[arg(long, default_value_t = 1)]
    flows: u32,
    /// Destinations to spread over: bytes 4 to 7 of the destination count up.
    #[arg(long, default_value_t = 1)]
    targets: u32,
    /// Number of the run: the sink tells its packets by it from others.
    #[arg(long, default_value_t = 1)]
    pub(super) run: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum InsideArgument {
    Udp,
    V6,
}

impl Traffic {
    /// The packets' shape.
    pub(super) fn shape(&self) -> Result<Shape, super::Error> {
        let from = self.source;
        let to = self.destination.unwrap_or(Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 2));
        let Some(last) = self.path.len().checked_sub(1) else {
            return match self.destination {
                Some(to) => Ok(Shape::Plain { from, to, inside: Inside::Udp }),
                None => Err("say where the packets go: --path SID,SID or --destination ADDRESS".into()),
            };
        };
        let left = self.left.map_or(last, usize::from);
        if left > last {
            return Err(format!("--left {left} points behind the path, which has {} segments", last + 1).into());
        }
        let inside = match self.inside {
            InsideArgument::Udp => Inside::Udp,
            InsideArgument::V6 => Inside::V6 { from, to },
        };
        Ok(Shape::Path { from, path: self.path.clone(), left: left as u8, tlvs: Vec::new(), signature: None, inside })
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
