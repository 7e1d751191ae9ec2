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
    /// A VLAN that lies on itself, maybe through others.
    #[error("{}", lies_on_itself(round))]
    #[diagnostic(
        code(segbox::vlan_on_itself),
        help("a VLAN needs a card or another device in the end: write that as the `parent` of one of them")
    )]
    VlanOnItself {
        /// The VLANs, each on the next one, the last on the first.
        round: Vec<IfName>,
    },
    /// Two VLANs with the same tag on one parent.
    #[error("the VLANs `{first}` and `{second}` both have the {protocol} id {id} on `{parent}`")]
    #[diagnostic(
        code(segbox::vlan_twice),
        help("a frame with that tag goes to one of them: give the other another `id`")
    )]
    VlanTwice {
        /// The one further up.
        first: IfName,
        /// The one further down.
        second: IfName,
        /// Their parent.
        parent: IfName,
        /// Their number.
        id: u16,
        /// `802.1Q` or `802.1ad`.
        protocol: &'static str,
    },
    /// A name that says another number.
    #[error("the name of `{name}` says VLAN {named}, and its `id` is {id}")]
    #[diagnostic(code(segbox::vlan_name), help("write `id = {named}`, or rename the interface"))]
    VlanName {
        /// The interface.
        name: IfName,
        /// The number in its name.
        named: u16,
        /// Its `id`.
        id: u16,
    },
    /// A VLAN is no hardware.
    #[error("`{name}` is a VLAN, and has a `match`")]
    #[diagnostic(
        code(segbox::vlan_match),
        help(
            "segbox makes the interface, so it has no hardware of its own: write the `match` under `[interface.{parent}]`"
        )
    )]
    VlanMatch {
        /// The VLAN.
        name: IfName,
        /// Its parent.
        parent: IfName,
    },
    /// A device that the kernel puts no VLAN on, or makes itself.
    #[error("{what}")]
    #[diagnostic(code(segbox::vlan_parent), help("{fix}"))]
    VlanParent {
        /// `` `lo` carries no VLANs ``.
        what: String,
        /// What to write instead.
        fix: &'static str,
    },
    /// The kernel refuses it (ERANGE).
    #[error("the VLAN `{name}` has an MTU of {mtu}, and its parent `{parent}` one of {least}")]
    #[diagnostic(
        code(segbox::vlan_mtu),
        help("write `mtu = {least}` or less here, or `mtu = {mtu}` or more under `[interface.{parent}]`")
    )]
    VlanMtu {
        /// The VLAN.
        name: IfName,
        /// Its MTU.
        mtu: u32,
        /// Its parent.
        parent: IfName,
        /// The parent's MTU.
        least: u32,
    },
    /// A next hop for packets that are dropped.
    #[error("the route to `{destination}` is of type `{kind}`, and has {other}")]
    #[diagnostic(code(segbox::route_drops), help("its packets are dropped: remove `type` or {other}"))]
    RouteDrops {
        /// Its destination.
        destination: String,
        /// `blackhole`.
        kind: &'static str,
        /// `` `via` ``.
        other: &'static str,
    },
    /// `vrf` and `table`.
    #[error("a route has both `vrf` and `table`")]
    #[diagnostic(code(segbox::vrf_and_table), help("a VRF has its own table: keep one of the two"))]
    VrfAndTable,
    /// The table of the box's own addresses.
    #[error("a route cannot be in table 255: the kernel keeps the box's own addresses there")]
    #[diagnostic(
        code(segbox::local_table),
        help("use another number, such as 77; without `table` it is the main table")
    )]
    LocalTable,
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

fn lies_on_itself(round: &[IfName]) -> String {
    match round {
        [only] => format!("the VLAN `{only}` lies on itself"),
        several => {
            let names: Vec<String> = several.iter().chain(several.first()).map(|name| format!("`{name}`")).collect();
            format!("the VLANs lie on each other in a circle: {}", names.join(" on "))
        }
    }
}
