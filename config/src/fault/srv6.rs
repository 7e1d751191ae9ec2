//! Faults of SIDs, policies and HMAC keys.

use std::net::{IpAddr, Ipv6Addr};

use miette::Diagnostic;

/// What is wrong with what the box does for SRv6.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum Srv6Fault {
    /// A key that the behavior has no use for.
    #[error("{behavior} takes no `{key}`")]
    #[diagnostic(code(segbox::key_not_taken), help("{behavior} takes {takes}"))]
    KeyNotTaken {
        /// RFC 8986's name.
        behavior: &'static str,
        /// The key.
        key: &'static str,
        /// The keys it has a use for.
        takes: String,
    },
    /// A key that the behavior needs.
    #[error("{behavior} needs `{key}`")]
    #[diagnostic(code(segbox::key_needed), help("add `{key} = {example}`"))]
    KeyNeeded {
        /// RFC 8986's name.
        behavior: &'static str,
        /// The key.
        key: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// Neither or both of two keys.
    #[error("{behavior} needs `{first}` or `{second}`, and one of them only")]
    #[diagnostic(code(segbox::one_key_of_two), help("{mend}"))]
    OneKeyOfTwo {
        /// RFC 8986's name.
        behavior: &'static str,
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Add one, or remove one.
        mend: String,
    },
    /// A SID that isn't a unicast address.
    #[error("`{sid}` is {what}, which no packet is sent to as a segment")]
    #[diagnostic(code(segbox::sid_unusable), help("take one of your locator, like `fc00:0:2:1::`"))]
    SidUnusable {
        /// The SID.
        sid: Ipv6Addr,
        /// `the unspecified address` and so on.
        what: &'static str,
    },
    /// Not routed to this box, perhaps.
    #[error("`{sid}` lies outside the locator `{locator}`")]
    #[diagnostic(
        severity(Warning),
        code(segbox::outside_locator),
        help("take one inside it, or see that others route this one here")
    )]
    OutsideLocator {
        /// The SID.
        sid: String,
        /// `[srv6] locator`.
        locator: String,
    },
    /// The local table is looked up before any SID.
    #[error("`{sid}` is an address of `{interface}`, so the kernel takes its packets in before it sees a SID")]
    #[diagnostic(code(segbox::sid_is_address), help("give the SID an address of its own"))]
    SidIsAddress {
        /// The SID.
        sid: Ipv6Addr,
        /// Who has it.
        interface: crate::names::IfName,
    },
    /// Two behaviors for a SID.
    #[error("the SID `{sid}` is there twice")]
    #[diagnostic(code(segbox::sid_twice), help("a SID has one behavior: keep one, or give the other another function"))]
    SidTwice {
        /// The SID.
        sid: String,
    },
    /// What the kernel cannot do.
    #[error("Linux does not have the flavor {flavor}")]
    #[diagnostic(code(segbox::flavor_unsupported), help("{instead}"))]
    FlavorUnsupported {
        /// RFC 8986's or RFC 9800's name.
        flavor: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A flavor that goes with other behaviors.
    #[error("the kernel has no {flavor} for {behavior}")]
    #[diagnostic(code(segbox::flavor_not_here), help("{flavor} goes with {goes_with}: remove it from `flavors`"))]
    FlavorNotHere {
        /// The flavor.
        flavor: &'static str,
        /// The behavior.
        behavior: &'static str,
        /// Those that have it.
        goes_with: String,
    },
    /// The same flavor twice.
    #[error("the flavor {flavor} is there twice")]
    #[diagnostic(code(segbox::flavor_twice), help("keep one"))]
    FlavorTwice {
        /// The flavor.
        flavor: &'static str,
    },
    /// Lengths without the flavor they belong to.
    #[error("`csid` says how long the fields of NEXT-CSID are, and that flavor is not there")]
    #[diagnostic(code(segbox::csid_alone), help("add `flavors = [\"NEXT-CSID\"]`, or remove `csid`"))]
    CsidAlone,
    /// Lengths the kernel refuses.
    #[error("the kernel takes no NEXT-CSID of {block} + {function} bits")]
    #[diagnostic(
        code(segbox::csid_lengths),
        help(
            "each length is a multiple of 8 from 8 to 120, and both together at most 128 (net/ipv6/seg6_local.c, next_csid_chk_*)"
        )
    )]
    CsidLengths {
        /// Locator-block, in bits.
        block: i128,
        /// Locator-node and function, in bits.
        function: i128,
    },
    /// Containers with an argument don't match.
    #[error(
        "`{sid}` is longer than block and function ({bits} bits), so a container with more C-SIDs behind never fits it"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::csid_prefix),
        help("write the SID as a /{bits} (RFC 9800 section 4.1)")
    )]
    CsidPrefix {
        /// The SID.
        sid: String,
        /// Block and function, in bits.
        bits: u8,
    },
    /// `segments = []`.
    #[error("{behavior} has no segment to send a packet to")]
    #[diagnostic(code(segbox::no_segments), help("write at least one, in the order the packet visits them"))]
    NoSegments {
        /// RFC 8986's name.
        behavior: &'static str,
    },
    /// The SRH's length is one byte of 8-byte units.
    #[error("{behavior} has {count} segments, over the {most} that fit{why}")]
    #[diagnostic(
        code(segbox::too_many_segments),
        help("split the list: a SID with End.B6.Encaps further on can carry the rest (RFC 8986 section 4.13)")
    )]
    TooManySegments {
        /// RFC 8986's name.
        behavior: &'static str,
        /// As written.
        count: usize,
        /// What fits.
        most: usize,
        /// What takes room.
        why: &'static str,
    },
    /// Not a unicast address.
    #[error("the segment `{segment}` is {what}")]
    #[diagnostic(code(segbox::segment_unusable), help("write a SID of the node the packet is to visit"))]
    SegmentUnusable {
        /// The segment.
        segment: Ipv6Addr,
        /// `a multicast address` and so on.
        what: &'static str,
    },
    /// The outer destination is steered again.
    #[error("the first segment `{segment}` lies in `{destination}` itself, so its packets would be steered here again")]
    #[diagnostic(
        severity(Warning),
        code(segbox::steers_itself),
        help(
            "add a route to the segment's locator, more specific than `{destination}`, unless a routing daemon brings one"
        )
    )]
    SteersItself {
        /// The segment.
        segment: Ipv6Addr,
        /// The policy's destination.
        destination: String,
    },
    /// Only IPv6 has extension headers.
    #[error("H.Insert puts an SRH into the packet itself, and `{destination}` is IPv4")]
    #[diagnostic(code(segbox::insert_ipv4), help("use `H.Encaps`"))]
    InsertIpv4 {
        /// The policy's destination.
        destination: String,
    },
    /// bpf_push_seg6_encap says IPv6 of whatever it wraps.
    #[error("on IPv4 traffic `{destination}` bpf_lwt_push_encap cannot push an SRH")]
    #[diagnostic(
        severity(Warning),
        code(segbox::bpf_ipv4),
        help(
            "see that the program pushes BPF_LWT_ENCAP_IP only, or nothing: BPF_LWT_ENCAP_SEG6 marks the inner packet as IPv6 \
             (net/core/filter.c, bpf_push_seg6_encap); `H.Encaps` does IPv4"
        )
    )]
    BpfIpv4 {
        /// The policy's destination.
        destination: String,
    },
    /// `[srv6] source` that can be no source.
    #[error("`{address}` is {what}, which no packet can come from")]
    #[diagnostic(
        code(segbox::source_unusable),
        help("write an address of this box that others reach, like `fc00:0:2::1`")
    )]
    SourceUnusable {
        /// The address.
        address: IpAddr,
        /// `a multicast address` and so on.
        what: &'static str,
    },
    /// Policies in a VRF whose packets cannot be told from a customer's.
    #[error(
        "IPv6 that comes into the VRF `{vrf}` can reach the main table: the box has no address that its policies send from"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::vrf_needs_source),
        help("add `source` to `[srv6]`, an address of this box that others reach, like `fc00:0:2::1`")
    )]
    VrfNeedsSource {
        /// The VRF.
        vrf: String,
    },
    /// An HMAC key that isn't in the file.
    #[error("there is no `[srv6.hmac-key.{id}]`")]
    #[diagnostic(code(segbox::unknown_hmac_key), help("{near}"))]
    UnknownHmacKey {
        /// As written.
        id: u32,
        /// What may have been meant.
        near: String,
    },
}
