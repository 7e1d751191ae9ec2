//! Faults of whole paths: packets that do not fit, and lists that lead nowhere. Not here: finding them ([`crate::resolve`]).

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use miette::Diagnostic;

use crate::names::IfName;

/// A fault of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum PathFault {
    /// The encapsulated packet is longer than the link.
    #[error("packets of more than {inner} bytes are lost: {adds}, {port}, and {need}")]
    #[diagnostic(severity(Warning), code(segbox::no_room), help("{fix}; the routers behind it need as much"))]
    NoRoom {
        /// Bytes that fit.
        inner: u32,
        /// `H.Encaps of 2 segments adds 40 + 8 + 16 * 2 = 80 bytes`
        adds: String,
        /// `eth0 has an MTU of 1500`
        port: String,
        /// `eth1 takes packets of 1500`
        need: String,
        /// `write mtu = 1580 or more under [interface.eth0]`
        fix: String,
    },
    /// Less than IPv6's minimum is left.
    #[error("IPv6 does not work with the {inner} bytes that are left for a packet: {adds}, and {port}")]
    #[diagnostic(
        code(segbox::inner_mtu),
        help(
            "{fix}, so that 1280 are left (RFC 8200 section 5); the routers behind it need as much; or shorten the list"
        )
    )]
    InnerMtu {
        /// Bytes that fit.
        inner: u32,
        /// `H.Encaps of 2 segments adds 40 + 8 + 16 * 2 = 80 bytes`
        adds: String,
        /// `eth0 has an MTU of 1300`
        port: String,
        /// `write mtu = 1360 or more under [interface.eth0]`
        fix: String,
    },
    /// Policies whose packets meet each other.
    #[error("packets go round in this box and are lost: {round}")]
    #[diagnostic(
        severity(Warning),
        code(segbox::lists_go_round),
        help(
            "add a route to one of the first segments that is more specific than the policy's destination, unless a routing daemon adds one"
        )
    )]
    ListsGoRound {
        /// `the policy A leads into the policy B, and that into the policy A`
        round: String,
    },
    /// Nothing in the file leads to the first segment.
    #[error(
        "no route, link or SID of the file leads to the first segment `{segment}`, though the file has routes to others"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::segment_unreachable),
        help("add a `[[route]]` to the segment's locator, unless a routing daemon adds one")
    )]
    SegmentUnreachable {
        /// The segment.
        segment: Ipv6Addr,
    },
    /// An address of the locator that is no SID.
    #[error(
        "`{segment}` is inside this box's locator `{locator}`, and no SID of the file has it: packets to it end here"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::segment_without_sid),
        help("add a `[[srv6.sid]]` for it, or write the SID of another router")
    )]
    SegmentWithoutSid {
        /// The segment.
        segment: Ipv6Addr,
        /// `[srv6] locator`.
        locator: Ipv6Net,
    },
    /// A SID that takes the packet out, with segments behind it.
    #[error(
        "{behavior} of this box drops the packet: its SID `{segment}` is segment {place} of {count}, and not the last"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::decapsulates_too_early),
        help("make it the last segment (RFC 8986 section 4.6), or use `End` in its place")
    )]
    DecapsulatesTooEarly {
        /// Its behavior.
        behavior: &'static str,
        /// The SID.
        segment: Ipv6Addr,
        /// From 1.
        place: usize,
        /// All segments.
        count: usize,
    },
    /// A SID that goes on to the next segment, without one.
    #[error(
        "{behavior} of this box drops the packet: its SID `{segment}` is the last segment, and nothing takes the packet out"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::never_decapsulated),
        help("end the list with a SID that takes the packet out, such as one with `End.DT6`")
    )]
    NeverDecapsulated {
        /// Its behavior.
        behavior: &'static str,
        /// The SID.
        segment: Ipv6Addr,
    },
    /// An address of the box where a SID belongs.
    #[error("`{segment}` is an address of `{interface}` and no SID: what {behavior} of this box sends to it is lost")]
    #[diagnostic(
        severity(Warning),
        code(segbox::segment_is_address),
        help("write a SID of this box, or remove the segment")
    )]
    SegmentIsAddress {
        /// The segment.
        segment: Ipv6Addr,
        /// The interface.
        interface: IfName,
        /// The behavior before it.
        behavior: &'static str,
    },
    /// More SIDs in a row than the kernel runs.
    #[error(
        "{count} SIDs of this box in a row{and}: the kernel drops a packet after 8 routes with a tunnel, a policy's too"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::sids_in_a_row),
        help("remove some: a packet need not visit one box so often")
    )]
    SidsInARow {
        /// The SIDs.
        count: usize,
        /// ` behind its policy`, or nothing.
        and: &'static str,
    },
}

impl PathFault {
    /// Whether the packets are lost whatever routes others add: segbox's own SIDs and addresses alone decide it.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::DecapsulatesTooEarly { .. }
            | Self::NeverDecapsulated { .. }
            | Self::SegmentIsAddress { .. }
            | Self::SidsInARow { .. } => true,
            Self::NoRoom { .. }
            | Self::InnerMtu { .. }
            | Self::ListsGoRound { .. }
            | Self::SegmentUnreachable { .. }
            | Self::SegmentWithoutSid { .. } => false,
        }
    }
}
