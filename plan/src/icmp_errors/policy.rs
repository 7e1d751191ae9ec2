//! Whether a policy makes packets such as the one that an error quotes. Not here: finding the policy, which is the route to the encapsulated
//! packet's destination.

use std::net::Ipv6Addr;

use segbox_config::{Behavior, HeadendMode};

use super::quote::Quote;
use crate::hop::Encap;

impl Quote<'_> {
    /// Whether the tunnel of a route made the quoted packet.
    pub fn fits(&self, tunnel: &Encap) -> bool {
        match tunnel {
            Encap::Seg6 { mode: HeadendMode::Encaps | HeadendMode::EncapsRed, segments, .. } => self.follows(segments),
            Encap::Seg6Local(endpoint) => match &endpoint.behavior {
                Behavior::EndB6Encaps { segments } => self.follows(segments),
                _ => false,
            },
            // A program chooses the segments of each packet: only the policy's prefix can be compared.
            Encap::BpfIn(_) => true,
            // Frames have no sender that understands ICMP, and H.Insert keeps the host's own address as source.
            Encap::Seg6 { .. } | Encap::None => false,
        }
    }

    /// Whether the packet is on its way over these segments.
    fn follows(&self, segments: &[Ipv6Addr]) -> bool {
        let Some((_, after_first)) = segments.split_first() else { return false };
        match &self.segments {
            // A reduced SRH leaves out the first segment (RFC 8986, 5.2).
            Some(list) => list == segments || (!list.is_empty() && list == after_first),
            // A single segment needs no SRH if reduced, and PSP removes the SRH before the last one.
            None => segments.last().is_some_and(|last| is_or_was(self.destination, *last)),
        }
    }
}

/// Whether a destination is this segment, or what is left of it after some compressed SIDs were shifted out (NEXT-CSID, RFC 9800, 4.1): the
/// locator block stays, the rest moves to the front, and zeros fill the end. The length of the block is the other routers'; whole bytes are
/// what Linux takes, and a block is 16 bits at least.
fn is_or_was(destination: Ipv6Addr, segment: Ipv6Addr) -> bool {
    let (now, then) = (destination.octets(), segment.octets());
    let shifted = |block: usize, by: usize| {
        let left = &now[block..16 - by];
        now[..block] == then[..block]
            && left == &then[block + by..]
            && left.iter().any(|byte| *byte != 0)
            && now[16 - by..].iter().all(|byte| *byte == 0)
    };
    // The next compressed SID of what is left is not 0.
    now == then || (2..15).any(|block| (1..16 - block).any(|by| shifted(block, by)))
}
