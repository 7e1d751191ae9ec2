//! What a router is made of, in one vocabulary for desired and actual. Every key survives a reboot: names, prefixes, SIDs;
//! never an ifindex, a handle or a file descriptor. Not here: how any of it is read or written.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use segbox_config::model::{HmacAlgorithm, Matcher};
use segbox_config::{Hook, IfName, LinkSeen, Mac};
use serde::{Deserialize, Serialize};

use crate::route::{Route, RouteKey};
use crate::rows::as_rows;
use crate::tune::{Knob, Machine};

/// The route protocol number of all that segbox makes (rtm_protocol, IFA_PROTO, NDA_PROTOCOL): after RFC 8986.
/// Free in the kernel's include/uapi/linux/rtnetlink.h and in iproute2's rt_protos.
pub const PROTOCOL: u8 = 86;

/// The alias (IFLA_IFALIAS) that marks a device as segbox's own.
pub const LINK_ALIAS: &str = "segbox";

/// The main routing table.
pub const MAIN_TABLE: u32 = 254;

/// The device that segbox's own routes hang on where the file names none: SIDs outlive any one port.
pub const ANCHOR: &str = "segbox0";

/// A router's state: what segbox owns in it, and the settings it has a say in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct State {
    /// Things that always have a value. A desired state holds those it cares for, an actual state those it could read.
    #[serde(with = "as_rows")]
    pub settings: BTreeMap<Setting, String>,
    /// Devices of segbox's own making.
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
    /// Loaded programs by name, `stamp@1a2b3c4d`: the hash covers object, program and globals, so the name says it all.
    #[serde(with = "as_rows")]
    pub programs: BTreeMap<String, Hook>,
    /// Rows of the maps that the file fills.
    #[serde(with = "as_rows")]
    pub rows: BTreeMap<RowKey, Bytes>,
    /// Source addresses that no packet in a VRF may come with: they are the box's own encapsulations'.
    /// (Earlier dumps call them `guards`.)
    #[serde(with = "as_rows", alias = "guards")]
    pub source_filters: BTreeMap<Ipv6Addr, ()>,
    /// Rules: which table is looked up for whom.
    #[serde(with = "as_rows")]
    pub rules: BTreeMap<Rule, ()>,
    /// Routes: plain ones, local SIDs and policies.
    #[serde(with = "as_rows")]
    pub routes: BTreeMap<RouteKey, Route>,
}

/// Something that is always there and has a value; segbox changes it and, on `clear`, puts back what it found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The box's name; only where segbox runs in the box's own network namespace.
    Hostname,
    /// A sysctl by its dotted name. An interface's dot is written as `/`, as sysctl(8) does.
    Sysctl(String),
    /// The name of the interface with this hardware.
    LinkName(Matcher),
    /// The VRF an interface is in; empty for none.
    LinkMaster(IfName),
    /// MTU in bytes.
    LinkMtu(IfName),
    /// `up` or `down`.
    LinkUp(IfName),
    /// Outer source address of encapsulations (the kernel's tunsrc); `::` lets the kernel choose.
    EncapSource,
    /// A knob of the machine; only where segbox runs in the box's own network namespace.
    Tuning(Knob),
}

/// A device that segbox makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// A VRF over this table.
    Vrf(u32),
    /// The anchor of segbox's own routes: a dummy device.
    Dummy,
    /// The same, where the kernel has no dummy devices.
    Ifb,
}

/// An address is one by where it is and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressKey {
    /// On this interface.
    pub interface: IfName,
    /// With its on-link prefix length.
    pub address: IpNet,
}

/// A neighbour is one by link and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NeighborKey {
    /// On this link.
    pub interface: IfName,
    /// Whose link-layer address is known.
    pub address: IpAddr,
}

/// An HMAC key, its secret by digest only: a dump can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacKey {
    /// How the HMAC is made.
    pub algorithm: HmacAlgorithm,
    /// First 8 bytes of the secret's SHA-256, in hexadecimal.
    pub digest: String,
}

/// A row of a program's map.
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

/// A routing rule of IPv6: all of it is its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// Lower is asked first; the VRFs' own is at 1000 (drivers/net/vrf.c, FIB_RULE_PREF).
    pub priority: u32,
    /// For packets with this source address.
    pub from: Ipv6Addr,
    /// This table is looked up.
    pub table: u32,
}

/// What `observe` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Actual {
    /// Settings, and what is segbox's own.
    pub state: State,
    /// Every interface of the namespace.
    pub links: Vec<LinkSeen>,
    /// Addresses that others made.
    #[serde(with = "as_rows")]
    pub foreign_addresses: BTreeMap<AddressKey, ()>,
    /// The machine; None in a namespace that is not the box's own, whose hardware is none of its business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
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
