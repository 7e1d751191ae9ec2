//! The parts of a router, in one vocabulary for the desired and the actual state. Every key survives a reboot: names, prefixes and SIDs, but
//! never an ifindex, a handle or a file descriptor. Not here: reading and writing them, and routes (`route`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use segbox_config::model::{HmacAlgorithm, Matcher, OWN_TABLES, Vlan, XdpMode};
use segbox_config::{Hook, IfName, LinkSeen, Mac};
use serde::{Deserialize, Serialize};

use crate::bonding::{BondSeen, Bonding};
use crate::filter::{Filter, FilterName};
use crate::lookup::Lookup;
use crate::nexthop::Nexthop;
use crate::route::{Route, RouteKey};
use crate::rows::as_rows;
use crate::tune::{Knob, Machine};

/// The route protocol number of everything that segbox makes (rtm_protocol, IFA_PROTO, NDA_PROTOCOL), after RFC 8986. It is free in the
/// kernel's include/uapi/linux/rtnetlink.h and in iproute2's rt_protos.
pub const PROTOCOL: u8 = 86;

/// The alias (IFLA_IFALIAS) of the devices that segbox makes: a name for people, and the mark of those made before there was the group.
pub const LINK_ALIAS: &str = "segbox";

/// The group (IFLA_GROUP) of the devices that segbox makes, "segb" in ASCII. The kernel takes it in the request that makes a device, so a
/// segbox that is killed leaves none without a mark.
pub const LINK_GROUP: u32 = u32::from_be_bytes(*b"segb");

/// The routing tables for single hops of the ways to policies' first segments. Those below are for sources (`steering`).
pub const HOP_TABLES: std::ops::RangeInclusive<u32> = 0x5680_0000..=*OWN_TABLES.end();

/// The main routing table.
pub const MAIN_TABLE: u32 = 254;

/// The device of SIDs and policies for which the file names none: they must not vanish with a port.
pub const ANCHOR: &str = "segbox0";

/// The state of a router: everything in it that segbox made, and its settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct State {
    /// A desired state holds the settings that it asks for, an actual state those that could be read.
    #[serde(with = "as_rows")]
    pub settings: BTreeMap<Setting, String>,
    /// Devices that segbox made.
    #[serde(with = "as_rows")]
    pub links: BTreeMap<IfName, Link>,
    /// Addresses.
    #[serde(with = "as_rows")]
    pub addresses: BTreeMap<AddressKey, ()>,
    /// Permanent neighbour entries.
    #[serde(with = "as_rows")]
    pub neighbors: BTreeMap<NeighborKey, Mac>,
    /// HMAC keys by id.
    #[serde(with = "as_rows")]
    pub hmac_keys: BTreeMap<u32, HmacKey>,
    /// Loaded programs by name, `stamp@1a2b…`. The hash covers all that defines a program.
    #[serde(with = "as_rows")]
    pub programs: BTreeMap<String, Hook>,
    /// Rows of the maps that the file fills.
    #[serde(with = "as_rows")]
    pub rows: BTreeMap<RowKey, Bytes>,
    /// Programs at the ways out of ports.
    #[serde(with = "as_rows", skip_serializing_if = "BTreeMap::is_empty")]
    pub attachments: BTreeMap<Attachment, ()>,
    /// XDP programs at the ways in of ports: a port has one at most.
    #[serde(with = "as_rows", skip_serializing_if = "BTreeMap::is_empty")]
    pub xdp: BTreeMap<IfName, XdpAt>,
    /// The filters of segbox's nf_tables tables.
    #[serde(with = "as_rows")]
    pub filters: BTreeMap<FilterName, Filter>,
    /// Rules: the table that is looked up for a source address.
    #[serde(with = "as_rows")]
    pub rules: BTreeMap<Rule, ()>,
    /// Nexthop objects by id.
    #[serde(with = "as_rows", skip_serializing_if = "BTreeMap::is_empty")]
    pub nexthops: BTreeMap<u32, Nexthop>,
    /// Routes: plain ones, local SIDs and policies.
    #[serde(with = "as_rows")]
    pub routes: BTreeMap<RouteKey, Route>,
}

/// A setting of the router: it always has a value. segbox changes it, and `clear` restores the value that it had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The host name; only in the network namespace of PID 1.
    Hostname,
    /// A sysctl by its dotted name. A dot in an interface's name is written as `/`, as in sysctl(8).
    Sysctl(String),
    /// The name of the interface with this hardware.
    LinkName(Matcher),
    /// The VRF that an interface is in, or the bond that it is a member of; empty for none.
    LinkMaster(IfName),
    /// MTU in bytes.
    LinkMtu(IfName),
    /// `up` or `down`.
    LinkUp(IfName),
    /// Outer source address of encapsulations (the kernel's tunsrc). With `::` the kernel chooses.
    EncapSource,
    /// A knob of the machine; only in the network namespace of PID 1.
    Tuning(Knob),
}

/// A device that segbox makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// A VRF over this table.
    Vrf(u32),
    /// A VLAN on another device.
    Vlan(Vlan),
    /// A bond of cards, which name it as their master.
    Bond(Bonding),
    /// The anchor: a dummy device.
    Dummy,
    /// The anchor, where the kernel has no dummy devices.
    Ifb,
}

/// Identifies an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressKey {
    /// Its interface.
    pub interface: IfName,
    /// The address, with the prefix length of the link.
    pub address: IpNet,
}

/// Identifies a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NeighborKey {
    /// The interface of its link.
    pub interface: IfName,
    /// Its address.
    pub address: IpAddr,
}

/// An HMAC key. A dump holds only a digest of the secret, which the router seals before anybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacKey {
    /// The algorithm of the HMAC.
    pub algorithm: HmacAlgorithm,
    /// Names the secret, in hexadecimal: first 8 bytes of its SHA-256, or these sealed.
    pub digest: String,
}

/// A program at the way out of a port. Both fields identify it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attachment {
    /// The loaded program's name.
    pub program: String,
    /// The port.
    pub interface: IfName,
}

/// The XDP program of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XdpAt {
    /// The loaded program's name.
    pub program: String,
    /// Where it runs.
    pub mode: XdpMode,
}

/// Identifies a row of a program's map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowKey {
    /// The loaded program's name.
    pub program: String,
    /// The map's name in the object.
    pub map: String,
    /// The row's key.
    pub key: Bytes,
}

/// Bytes of a map, written in hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

/// A routing rule. All of its fields identify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// The lowest is tried first. The kernel's rule for VRFs has 1000 (drivers/net/vrf.c, FIB_RULE_PREF).
    pub priority: u32,
    /// The source addresses of the packets; a single one is written without a prefix length.
    #[serde(with = "one_or_many")]
    pub from: IpNet,
    /// The device that the packets come in by, a VRF's; None for any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interface: Option<IfName>,
    /// The table that is looked up.
    pub table: u32,
    /// A route with a prefix of at most this length does not count, and the next rule is tried.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub suppress: Option<u8>,
}

impl Rule {
    /// The table for a source address.
    pub fn of_source(priority: u32, from: Ipv6Addr, table: u32) -> Self {
        Self { priority, from: IpNet::from(IpAddr::V6(from)), interface: None, table, suppress: None }
    }

    /// The source as text.
    pub fn source(&self) -> String {
        one_or_many::text(self.from)
    }
}

/// A prefix as text: a single address without its length.
mod one_or_many {
    use std::net::IpAddr;

    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn text(net: IpNet) -> String {
        if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
    }

    pub(super) fn serialize<S: Serializer>(net: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(*net))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpNet, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let one = text.parse::<IpAddr>().map(IpNet::from);
        one.or_else(|_| text.parse()).map_err(serde::de::Error::custom)
    }
}

/// The actual state of a router, as `observe` found it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Actual {
    /// The settings, and everything that segbox made.
    pub state: State,
    /// Every interface of the namespace.
    pub links: Vec<LinkSeen>,
    /// Addresses that other programs made.
    #[serde(with = "as_rows")]
    pub foreign_addresses: BTreeMap<AddressKey, ()>,
    /// Ids of other programs' nexthop objects among those that segbox takes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub foreign_nexthops: BTreeSet<u32>,
    /// The routes of the addresses that the file's policies and SIDs lead to. Earlier dumps have none.
    #[serde(with = "as_rows", skip_serializing_if = "BTreeMap::is_empty")]
    pub lookups: BTreeMap<IpAddr, Lookup>,
    /// The bonds of the namespace as they run. Earlier dumps have none.
    #[serde(with = "as_rows", skip_serializing_if = "BTreeMap::is_empty")]
    pub bonds: BTreeMap<IfName, BondSeen>,
    /// Interfaces on which the kernel has learned a route or an address by router advertisements.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub advertised: BTreeSet<IfName>,
    /// Interfaces that are at work and have no link-local IPv6 address, or only one that segbox made. Earlier dumps have none.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub without_link_local: BTreeSet<IfName>,
    /// What interfaces can do with XDP. Earlier dumps have none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub xdp_seen: BTreeMap<IfName, XdpSeen>,
    /// The machine; None outside the network namespace of PID 1: a router in another one leaves the hardware alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
}

/// What an interface can do with XDP, and who uses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct XdpSeen {
    /// Its driver runs XDP programs.
    pub native: bool,
    /// Another program's XDP program is there: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<u32>,
}

impl Setting {
    /// Whether it is a setting of this interface.
    pub fn is_of(&self, link: IfName) -> bool {
        match self {
            Self::LinkMaster(name) | Self::LinkMtu(name) | Self::LinkUp(name) => *name == link,
            Self::Sysctl(name) => name.contains(&format!(".conf.{}.", link.as_str().replace('.', "/"))),
            Self::Hostname | Self::LinkName(_) | Self::EncapSource | Self::Tuning(_) => false,
        }
    }

    /// Whether it is a setting of segbox0, which ends with the device: there is no value before segbox.
    pub(crate) fn goes_with_anchor(&self) -> bool {
        match self {
            Self::LinkMaster(name) | Self::LinkMtu(name) | Self::LinkUp(name) => name.as_str() == ANCHOR,
            Self::Sysctl(name) => name.contains(&format!(".conf.{ANCHOR}.")),
            Self::Hostname | Self::LinkName(_) | Self::EncapSource | Self::Tuning(_) => false,
        }
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        hex::decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}
