//! Faults of interfaces, VRFs, routes and neighbours: of one entry, or of two together. Not here: finding them (the reader).

use std::net::IpAddr;

use miette::Diagnostic;

use crate::names::IfName;

/// A fault of the plain network around SRv6.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum NetworkFault {
    /// `match = {}`.
    #[error("`match` is empty, so it fits any hardware")]
    #[diagnostic(
        code(segbox::match_empty),
        help("add `mac`, `pci` or both; or remove `match`, and segbox finds the interface by its name")
    )]
    MatchEmpty,
    /// Two names for one piece of hardware.
    #[error("`{first}` and `{second}` match the same hardware")]
    #[diagnostic(
        code(segbox::same_hardware),
        help("an interface has one name: remove one of the two, or give each another `match`")
    )]
    SameHardware {
        /// The one further up.
        first: IfName,
        /// The one further down.
        second: IfName,
    },
    /// Under IPv6's minimum.
    #[error("`{interface}` has IPv6, and its MTU of {mtu} is too small for IPv6")]
    #[diagnostic(
        code(segbox::mtu_too_small),
        help("write 1280 or more (RFC 8200 section 5): with less, the kernel turns IPv6 off on the interface")
    )]
    MtuTooSmall {
        /// The interface.
        interface: IfName,
        /// As written, in bytes.
        mtu: u32,
    },
    /// An address that no interface can have.
    #[error("`{address}` is {what}, which no interface can have")]
    #[diagnostic(code(segbox::address_unusable), help("write a unicast address"))]
    AddressUnusable {
        /// The address.
        address: IpAddr,
        /// `a multicast address`, `the unspecified address`.
        what: &'static str,
    },
    /// The same address twice on an interface.
    #[error("`{interface}` has the address `{address}` twice")]
    #[diagnostic(code(segbox::address_twice), help("remove one of the two"))]
    AddressTwice {
        /// The interface.
        interface: IfName,
        /// The address.
        address: IpAddr,
    },
    /// A table that the kernel uses.
    #[error("the VRF `{vrf}` cannot have table {table}: it is the kernel's `{owner}` table")]
    #[diagnostic(code(segbox::reserved_table), help("use another number, such as 100"))]
    ReservedTable {
        /// The VRF.
        vrf: IfName,
        /// Its table.
        table: u32,
        /// `local`, `main`, `default`.
        owner: &'static str,
    },
    /// Two VRFs with one table.
    #[error("the VRFs `{first}` and `{second}` both have table {table}")]
    #[diagnostic(
        code(segbox::same_table),
        help("give each VRF another table: the kernel refuses two VRFs with one table (net.vrf.strict_mode)")
    )]
    SameTable {
        /// The one further up.
        first: IfName,
        /// The one further down.
        second: IfName,
        /// Their table.
        table: u32,
    },
    /// A VRF is a device.
    #[error("`{name}` is the name of a VRF and of an interface")]
    #[diagnostic(code(segbox::vrf_is_interface), help("a VRF is a device too: use two names"))]
    VrfIsInterface {
        /// The name.
        name: IfName,
    },
    /// A device has one master.
    #[error("`{interface}` is in the VRFs `{first}` and `{second}`")]
    #[diagnostic(code(segbox::two_vrfs), help("an interface can be in one VRF only: remove it from one of the two"))]
    TwoVrfs {
        /// The interface.
        interface: IfName,
        /// The VRF further up.
        first: IfName,
        /// The VRF further down, or the same.
        second: IfName,
    },
    /// A VRF that is not in the file.
    #[error("the file has no `[vrf.{name}]`")]
    #[diagnostic(code(segbox::unknown_vrf), help("{near}"))]
    UnknownVrf {
        /// As written.
        name: String,
        /// The most similar name.
        near: String,
    },
    /// A route without a next hop.
    #[error("the route to `{destination}` has no gateway and no interface")]
    #[diagnostic(code(segbox::route_nowhere), help("add `via`, `interface` or both"))]
    RouteNowhere {
        /// Its destination.
        destination: String,
    },
    /// An IPv4 gateway for an IPv6 prefix, or an IPv6 gateway for an IPv4 prefix.
    #[error("the gateway `{via}` and the destination `{destination}` are of different address families")]
    #[diagnostic(code(segbox::family_mismatch), help("write a gateway of the destination's family"))]
    FamilyMismatch {
        /// The next hop.
        via: IpAddr,
        /// The destination.
        destination: String,
    },
    /// A link-local address means nothing without its link.
    #[error("`{via}` is a link-local address, and its link is not known")]
    #[diagnostic(code(segbox::via_needs_interface), help("add `interface` to name the link"))]
    ViaNeedsInterface {
        /// The next hop.
        via: IpAddr,
    },
    /// An address that no neighbour can have.
    #[error("`{address}` cannot be a neighbour's address: it is {what}")]
    #[diagnostic(code(segbox::next_hop_unusable), help("write the neighbour's unicast address"))]
    NextHopUnusable {
        /// The next hop.
        address: IpAddr,
        /// `a multicast address` and so on.
        what: &'static str,
    },
    /// Two entries that the kernel cannot tell apart: it refuses the second with EEXIST.
    #[error("{who} are for the same destination `{destination}` in table {table} with metric {metric}")]
    #[diagnostic(
        code(segbox::same_route),
        help(
            "keep one of the two; or give a route or policy a higher `metric`: it takes over when the other one is gone"
        )
    )]
    SameRoute {
        /// `two policies`, `a route and a SID`.
        who: String,
        /// The destination.
        destination: String,
        /// Routing table.
        table: u32,
        /// The kernel's default counted in.
        metric: u32,
    },
    /// The entry with the lower metric gets all traffic.
    #[error("this gets no traffic: another entry for `{destination}` in table {table} has a lower metric")]
    #[diagnostic(
        severity(Warning),
        code(segbox::never_used),
        help("remove it, unless it is meant to take over when the other one is gone")
    )]
    NeverUsed {
        /// The destination.
        destination: String,
        /// Routing table.
        table: u32,
    },
    /// The same neighbour twice.
    #[error("`{interface}` has the neighbour `{address}` twice")]
    #[diagnostic(code(segbox::neighbor_twice), help("remove one of the two"))]
    NeighborTwice {
        /// The interface.
        interface: IfName,
        /// Its address.
        address: IpAddr,
    },
    /// A group address, or zero.
    #[error("`{mac}` is not the MAC address of a single station")]
    #[diagnostic(
        code(segbox::mac_unusable),
        help("write a unicast MAC address: its first byte is even, and not all bytes are zero")
    )]
    MacUnusable {
        /// The address.
        mac: crate::model::Mac,
    },
}
