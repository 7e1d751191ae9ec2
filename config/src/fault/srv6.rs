//! Faults of SIDs, policies and HMAC keys. Not here: finding them (the reader).

use std::net::{IpAddr, Ipv6Addr};

use miette::Diagnostic;

/// A fault of `[srv6]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum Srv6Fault {
    /// `hop-limit = "rfc"` without `source`.
    #[error("`hop-limit = \"rfc\"` needs `source`: the kernel would choose another outer source for each port")]
    #[diagnostic(
        code(segbox::hop_limit_without_source),
        help(
            "add an address of this box, such as `source = \"fc00:0:2::1\"`: segbox knows by it what this box has encapsulated"
        )
    )]
    HopLimitWithoutSource,
    /// A key that the behavior does not use.
    #[error("{behavior} does not use `{key}`")]
    #[diagnostic(code(segbox::key_not_taken), help("remove it; {behavior} uses {uses}"))]
    KeyNotTaken {
        /// RFC 8986's name.
        behavior: &'static str,
        /// The key.
        key: &'static str,
        /// The keys that it uses.
        uses: String,
    },
    /// A key that the behavior needs.
    #[error("{behavior} needs `{key}`")]
    #[diagnostic(code(segbox::key_needed), help("add it, for example `{key} = {example}`"))]
    KeyNeeded {
        /// RFC 8986's name.
        behavior: &'static str,
        /// The key.
        key: &'static str,
        /// One that is right.
        example: &'static str,
    },
    /// Neither or both of two keys.
    #[error("{behavior} needs exactly one of `{first}` and `{second}`")]
    #[diagnostic(code(segbox::one_key_of_two), help("{fix}"))]
    OneKeyOfTwo {
        /// RFC 8986's name.
        behavior: &'static str,
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Add one, or remove one.
        fix: String,
    },
    /// An address that no SID can have.
    #[error("`{sid}` cannot be a SID: it is {what}")]
    #[diagnostic(code(segbox::sid_unusable), help("write an address inside your locator, such as `fc00:0:2:1::`"))]
    SidUnusable {
        /// The SID.
        sid: Ipv6Addr,
        /// `the unspecified address` and so on.
        what: &'static str,
    },
    /// A SID that other routers may not route to this box.
    #[error("the SID `{sid}` is outside the locator `{locator}`")]
    #[diagnostic(
        severity(Warning),
        code(segbox::outside_locator),
        help("use a SID inside the locator, or make sure that other routers route this one to this box")
    )]
    OutsideLocator {
        /// The SID.
        sid: String,
        /// `[srv6] locator`.
        locator: String,
    },
    /// The kernel looks up local addresses before SIDs.
    #[error(
        "the SID `{sid}` is also an address of `{interface}`: the kernel delivers its packets to this box and never looks up the SID"
    )]
    #[diagnostic(code(segbox::sid_is_address), help("give the SID an address that no interface has"))]
    SidIsAddress {
        /// The SID.
        sid: Ipv6Addr,
        /// The interface that has it.
        interface: crate::names::IfName,
    },
    /// No behavior of Linux takes an ICMPv6 message out (net/ipv6/seg6_local.c): it is dropped, and counted as an error of the SID.
    #[error(
        "the SID `{sid}` is also `source`: it drops the errors about this box's encapsulated packets, so hosts learn no path MTU"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::sid_is_source),
        help("give `source` an address of its own: errors go to it (RFC 2473 section 8)")
    )]
    SidIsSource {
        /// The SID.
        sid: Ipv6Addr,
    },
    /// Two behaviors for a SID.
    #[error("the SID `{sid}` appears twice")]
    #[diagnostic(code(segbox::sid_twice), help("a SID has one behavior: remove one of the two, or change its address"))]
    SidTwice {
        /// The SID.
        sid: String,
    },
    /// A behavior that Linux does not have.
    #[error("the kernel cannot do `{behavior}` ({defined})")]
    #[diagnostic(code(segbox::behavior_unsupported), help("{instead}"))]
    BehaviorUnsupported {
        /// Its name.
        behavior: &'static str,
        /// `RFC 9433`
        defined: &'static str,
        /// A way to do without it.
        instead: &'static str,
    },
    /// A behavior by a name that other programs have for it.
    #[error("`behavior` cannot be `{name}`: it has another name here")]
    #[diagnostic(code(segbox::behavior_renamed), help("write {right}"))]
    BehaviorRenamed {
        /// As others call it.
        name: &'static str,
        /// RFC 8986's name, with its flavor.
        right: &'static str,
    },
    /// A flavor that Linux does not have.
    #[error("Linux does not have the flavor {flavor}")]
    #[diagnostic(code(segbox::flavor_unsupported), help("{instead}"))]
    FlavorUnsupported {
        /// RFC 8986's or RFC 9800's name.
        flavor: &'static str,
        /// A way to do without it.
        instead: &'static str,
    },
    /// A flavor that Linux has for other behaviors.
    #[error("Linux does not have the flavor {flavor} for {behavior}")]
    #[diagnostic(code(segbox::flavor_not_here), help("remove it; Linux has {flavor} for {goes_with}"))]
    FlavorNotHere {
        /// The flavor.
        flavor: &'static str,
        /// The behavior.
        behavior: &'static str,
        /// Those that have it.
        goes_with: String,
    },
    /// The same flavor twice.
    #[error("the flavor {flavor} appears twice")]
    #[diagnostic(code(segbox::flavor_twice), help("remove one of the two"))]
    FlavorTwice {
        /// The flavor.
        flavor: &'static str,
    },
    /// Lengths without the flavor they belong to.
    #[error("`csid` needs the flavor NEXT-CSID, which is missing")]
    #[diagnostic(code(segbox::csid_alone), help("add `flavors = [\"NEXT-CSID\"]`, or remove `csid`"))]
    CsidAlone,
    /// Lengths that the kernel refuses.
    #[error("the kernel refuses NEXT-CSID with {block} + {function} bits")]
    #[diagnostic(
        code(segbox::csid_lengths),
        help("write multiples of 8 from 8 to 120, both together at most 128 (net/ipv6/seg6_local.c, next_csid_chk_*)")
    )]
    CsidLengths {
        /// Locator-block, in bits.
        block: i128,
        /// Locator-node and function, in bits.
        function: i128,
    },
    /// A SID that a container with further C-SIDs does not match.
    #[error(
        "the SID `{sid}` is longer than its block and function ({bits} bits): no container with further C-SIDs matches it"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::csid_prefix),
        help("write the SID with the prefix length /{bits} (RFC 9800 section 4.1)")
    )]
    CsidPrefix {
        /// The SID.
        sid: String,
        /// Block and function, in bits.
        bits: u8,
    },
    /// `segments = []`.
    #[error("{behavior} has no segments")]
    #[diagnostic(code(segbox::no_segments), help("write at least one"))]
    NoSegments {
        /// RFC 8986's name.
        behavior: &'static str,
    },
    /// The SRH's length is one byte of 8-byte units.
    #[error("{behavior} has {count} segments, and only {most} fit{room}")]
    #[diagnostic(
        code(segbox::too_many_segments),
        help(
            "shorten the list: a node on the path can add the rest, by a SID with End.B6.Encaps (RFC 8986 section 4.13)"
        )
    )]
    TooManySegments {
        /// RFC 8986's name.
        behavior: &'static str,
        /// As written.
        count: usize,
        /// The most that fit.
        most: usize,
        /// Into what.
        room: &'static str,
    },
    /// An address that no segment can have.
    #[error("`{segment}` cannot be a segment: it is {what}")]
    #[diagnostic(code(segbox::segment_unusable), help("write a SID of the node that the packet is to visit"))]
    SegmentUnusable {
        /// The segment.
        segment: Ipv6Addr,
        /// `a multicast address` and so on.
        what: &'static str,
    },
    /// A policy that steers the packets that it has encapsulated.
    #[error(
        "the first segment `{segment}` is inside the policy's destination `{destination}`: the policy steers its encapsulated packets again"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::steers_itself),
        help(
            "add a route to the segment's locator that is more specific than `{destination}`, unless a routing daemon adds one"
        )
    )]
    SteersItself {
        /// The segment.
        segment: Ipv6Addr,
        /// The policy's destination.
        destination: String,
    },
    /// Only IPv6 has extension headers.
    #[error(
        "H.Insert cannot steer the IPv4 traffic to `{destination}`: it inserts an SRH, which only IPv6 packets can have"
    )]
    #[diagnostic(code(segbox::insert_ipv4), help("use `H.Encaps`"))]
    InsertIpv4 {
        /// The policy's destination.
        destination: String,
    },
    /// bpf_push_seg6_encap marks the inner packet as IPv6, always.
    #[error("the program cannot push an SRH onto the IPv4 traffic to `{destination}`")]
    #[diagnostic(
        severity(Warning),
        code(segbox::bpf_ipv4),
        help(
            "make sure that it calls bpf_lwt_push_encap with BPF_LWT_ENCAP_IP only, or use `H.Encaps`: BPF_LWT_ENCAP_SEG6 marks \
             the inner packet as IPv6 (net/core/filter.c, bpf_push_seg6_encap)"
        )
    )]
    BpfIpv4 {
        /// The policy's destination.
        destination: String,
    },
    /// An address that no packet can come from.
    #[error("`{address}` cannot be a source address: it is {what}")]
    #[diagnostic(
        code(segbox::source_unusable),
        help("write an address of this box that other routers can reach, such as `fc00:0:2::1`")
    )]
    SourceUnusable {
        /// The address.
        address: IpAddr,
        /// `a multicast address` and so on.
        what: &'static str,
    },
    /// Policies in a VRF whose packets cannot be told from a customer's: segbox goes by their source address.
    #[error(
        "IPv6 packets of the VRF `{vrf}` can leave it by the main table: this box has no known source address for its policies, so segbox cannot stop them"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::vrf_needs_source),
        help(
            "add the key `source` to `[srv6]`: an address of this box that other routers can reach, such as `fc00:0:2::1`"
        )
    )]
    VrfNeedsSource {
        /// The VRF.
        vrf: String,
    },
    /// The edge filter shuts off every port.
    #[error(
        "no packet reaches the SIDs: no interface has `srv6 = true`, and the edge filter guards SIDs on all others"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::no_port_inside),
        help(
            "add `srv6 = true` to each interface inside the SR domain, or `edge-filter = false` to `[srv6]` (RFC 8754 section 5.1)"
        )
    )]
    NoPortInside,
    /// A link outside of the SR domain with addresses of the domain.
    #[error(
        "`{interface}` is outside of the SR domain (it has no `srv6 = true`), and its address `{address}` lies in the domain's `{block}`"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::port_in_domain),
        help(
            "add `srv6 = true` if the link belongs to the domain, or number the link from another prefix: the edge filter lets its neighbours \
             talk to this address and to the world outside, and to nothing else of the domain"
        )
    )]
    PortInDomain {
        /// The interface.
        interface: crate::names::IfName,
        /// Its address.
        address: ipnet::IpNet,
        /// The locator, or a block of `domain`.
        block: ipnet::Ipv6Net,
    },
    /// An HMAC key that is not in the file.
    #[error("the file has no `[srv6.hmac-key.{id}]`")]
    #[diagnostic(code(segbox::unknown_hmac_key), help("{near}"))]
    UnknownHmacKey {
        /// As written.
        id: u32,
        /// The most similar name.
        near: String,
    },
}
