//! Faults of interfaces, VRFs, routes and neighbours, each in itself or with another.

use std::net::IpAddr;

use miette::Diagnostic;

use crate::names::IfName;

/// What is wrong with the plain network around SRv6.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum NetworkFault {
    /// `match = {}`.
    #[error("`match` fits any hardware")]
    #[diagnostic(
        code(segbox::match_empty),
        help("give `mac`, `pci` or both; without `match` the interface is found by its name")
    )]
    MatchEmpty,
    /// Two names for one piece of hardware.
    #[error("`{first}` and `{second}` match the same hardware")]
    #[diagnostic(
        code(segbox::same_hardware),
        help("an interface has one name: keep one of the two, or make the matches differ")
    )]
    SameHardware {
        /// The one further up.
        first: IfName,
        /// The one further down.
        second: IfName,
    },
    /// Under IPv6's minimum.
    #[error("an MTU of {mtu} is too small for IPv6 on `{interface}`")]
    #[diagnostic(
        code(segbox::mtu_too_small),
        help("write 1280 or more (RFC 8200 section 5): below it the kernel takes IPv6 off the interface")
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
    #[diagnostic(code(segbox::address_twice), help("keep one of the two"))]
    AddressTwice {
        /// The interface.
        interface: IfName,
        /// The address.
        address: IpAddr,
    },
    /// The kernel's own tables.
    #[error("the VRF `{vrf}` cannot have table {table}: it is the kernel's `{owner}` table")]
    #[diagnostic(code(segbox::reserved_table), help("take another number, like 100"))]
    ReservedTable {
        /// The VRF.
        vrf: IfName,
        /// Its table.
        table: u32,
        /// `local`, `main`, `default`.
        owner: &'static str,
    },
    /// Two VRFs on a table.
    #[error("the VRFs `{first}` and `{second}` have the same table {table}")]
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
    #[error("`{name}` names a VRF and an interface")]
    #[diagnostic(code(segbox::vrf_is_interface), help("a VRF is a device itself: give it a name of its own"))]
    VrfIsInterface {
        /// The name.
        name: IfName,
    },
    /// A device has one master.
    #[error("`{interface}` is in the VRFs `{first}` and `{second}`")]
    #[diagnostic(code(segbox::two_vrfs), help("an interface is in one VRF at most: take it out of one"))]
    TwoVrfs {
        /// The interface.
        interface: IfName,
        /// The VRF further up.
        first: IfName,
        /// The VRF further down, or the same.
        second: IfName,
    },
    /// A VRF that isn't in the file.
    #[error("there is no `[vrf.{name}]`")]
    #[diagnostic(code(segbox::unknown_vrf), help("{near}"))]
    UnknownVrf {
        /// As written.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// A route to nowhere.
    #[error("the route to `{destination}` leads nowhere")]
    #[diagnostic(code(segbox::route_nowhere), help("add `via`, `interface` or both"))]
    RouteNowhere {
        /// Its destination.
        destination: String,
    },
    /// An IPv4 gateway for an IPv6 prefix or the other way about.
    #[error("`{via}` is of another family than `{destination}`")]
    #[diagnostic(code(segbox::family_mismatch), help("write a next hop of the destination's family"))]
    FamilyMismatch {
        /// The next hop.
        via: IpAddr,
        /// Where to.
        destination: String,
    },
    /// fe80:: is on every link.
    #[error("`{via}` is link-local: it is on every link")]
    #[diagnostic(code(segbox::via_needs_interface), help("add `interface` to say on which"))]
    ViaNeedsInterface {
        /// The next hop.
        via: IpAddr,
    },
    /// Not a neighbour's address.
    #[error("`{address}` is {what}, which no neighbour can have")]
    #[diagnostic(code(segbox::next_hop_unusable), help("write a neighbour's unicast address"))]
    NextHopUnusable {
        /// The next hop.
        address: IpAddr,
        /// `a multicast address` and so on.
        what: &'static str,
    },
    /// What the kernel would answer with EEXIST.
    #[error("{who} are for the same destination `{destination}` in table {table} with metric {metric}")]
    #[diagnostic(
        code(segbox::same_route),
        help("keep one; a route or policy with a higher `metric` may stand in when the other goes")
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
    /// The lower metric takes all.
    #[error("this never takes traffic: `{destination}` in table {table} has a lower metric elsewhere")]
    #[diagnostic(
        severity(Warning),
        code(segbox::never_used),
        help("remove it, unless it is to stand in when the other goes")
    )]
    NeverUsed {
        /// The destination.
        destination: String,
        /// Routing table.
        table: u32,
    },
    /// The same neighbour twice.
    #[error("`{interface}` has two neighbours `{address}`")]
    #[diagnostic(code(segbox::neighbor_twice), help("keep one of the two"))]
    NeighborTwice {
        /// The interface.
        interface: IfName,
        /// Its address.
        address: IpAddr,
    },
    /// A group address, or zero.
    #[error("`{mac}` is not the address of one station")]
    #[diagnostic(
        code(segbox::mac_unusable),
        help("write a station's own address: its first byte is even, and it is not all zero")
    )]
    MacUnusable {
        /// The address.
        mac: crate::model::Mac,
    },
}
