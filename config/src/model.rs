//! A Config: the content of a segbox.toml without faults, with defaults filled in and names resolved. Not here: text, places, files.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv6Net};

use crate::behavior::Endpoint;
pub use crate::bond::{BOND_MTU, Bond, BondMode};
use crate::domain::Domain;
pub use crate::fast_path::{FAST_PATH_PROGRAM, FastPath, PortXdp, XdpMode};
pub use crate::hop_limit::{FlowLabel, HOP_LIMIT_PROGRAM, HopLimit};
pub use crate::mac::Mac;
pub use crate::management::Learns;
pub use crate::names::{IfName, IfNameError};
use crate::object::Hook;
use crate::password::PasswordHash;
pub use crate::policy::{Policy, SegmentList, Steer};
pub use crate::vlan::{Vlan, VlanProtocol};

/// The routing tables that segbox numbers itself: `V`, its protocol number 86, and then from 0 on.
pub const OWN_TABLES: std::ops::RangeInclusive<u32> = 0x5600_0000..=0x56ff_ffff;

/// The priorities of rules for policies with `from` in VRFs: before the kernel's rule for VRFs, which has 1000 (drivers/net/vrf.c, FIB_RULE_PREF).
pub const FIRST_IN_VRFS: u32 = 600;
/// How many such priorities there are; the one of the rule for sources in VRFs is behind them.
pub const MOST_IN_VRFS: usize = 399;

/// The smallest MTU that IPv6 runs over, in bytes (RFC 8200, section 5).
pub const IPV6_MIN_MTU: u32 = 1280;

/// IP6_RT_PRIO_USER (include/uapi/linux/ipv6_route.h): the kernel's metric for an IPv6 route without one, or with 0.
pub const IPV6_METRIC: u32 = 1024;

/// One box. Every reference inside it (a VRF, a program, a key) leads to an entry that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[system]`.
    pub system: System,
    /// `[interface.NAME]`.
    pub interfaces: BTreeMap<IfName, Interface>,
    /// `[vrf.NAME]`: the routing table of each.
    pub vrfs: BTreeMap<IfName, Vrf>,
    /// `[[route]]`.
    pub routes: Vec<Route>,
    /// `[[neighbor]]`.
    pub neighbors: Vec<Neighbor>,
    /// `[srv6] source`: the outer source address of packets that this box encapsulates.
    pub encap_source: Option<Ipv6Addr>,
    /// `[srv6]`: the SR domain and segbox's filters.
    pub domain: Domain,
    /// `[srv6] hop-limit`.
    pub hop_limit: HopLimit,
    /// `[srv6] flow-label`; None leaves it as the box has it.
    pub flow_label: Option<FlowLabel>,
    /// `[srv6] fast-path`.
    pub fast_path: FastPath,
    /// `[srv6.hmac-key.ID]`.
    pub hmac_keys: BTreeMap<u32, HmacKey>,
    /// `[[srv6.sid]]`: My Local SID Table.
    pub sids: Vec<LocalSid>,
    /// `[[srv6.policy]]`.
    pub policies: Vec<Policy>,
    /// `[management.console] password-hash`: the console asks for this password.
    pub console_password: Option<PasswordHash>,
    /// `[program.NAME]`, only those that a SID or a policy uses, [`HOP_LIMIT_PROGRAM`] and [`FAST_PATH_PROGRAM`].
    pub programs: BTreeMap<String, Program>,
}

/// `[system]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// The box's name.
    pub hostname: Option<String>,
    /// The choice of the hardware profile.
    pub hardware: Hardware,
}

/// The choice of the hardware profile that tunes the box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hardware {
    /// The best match.
    #[default]
    Auto,
    /// No NIC, IRQ or CPU setting is touched.
    None,
    /// A profile by name.
    Profile(String),
}

/// `[interface.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// The hardware that this name belongs to; without it the interface is found by its name.
    pub matches: Option<Matcher>,
    /// segbox makes the interface: a VLAN on another one.
    pub vlan: Option<Vlan>,
    /// segbox makes the interface: a bond of others.
    pub bond: Option<Bond>,
    /// Addresses with their on-link prefix length.
    pub addresses: Vec<IpNet>,
    /// `dhcp` and `accept-ra`.
    pub learns: Learns,
    /// Link MTU in bytes.
    pub mtu: Option<u32>,
    /// Accept SRv6 packets here (seg6_enabled).
    pub srv6: bool,
    /// The check of the HMAC TLV of incoming packets (seg6_require_hmac).
    pub hmac: Option<HmacMode>,
    /// `xdp`: the fast path here; None: as the driver can.
    pub xdp: Option<PortXdp>,
}

impl Interface {
    /// Whether segbox makes it.
    pub fn is_made(&self) -> bool {
        self.vlan.is_some() || self.bond.is_some()
    }
}

/// Hardware that an interface name belongs to; all that is given must fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Matcher {
    /// Permanent MAC address.
    pub mac: Option<Mac>,
    /// PCI address, `0000:03:00.0`.
    pub pci: Option<String>,
}

/// net.ipv6.conf.IF.seg6_require_hmac.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacMode {
    /// -1: it is not checked.
    Ignore,
    /// 0: it is checked in packets that have one.
    Check,
    /// 1: each packet must have one, and a right one.
    Require,
}

/// A VRF: a master device with a routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vrf {
    /// Its routing table.
    pub table: u32,
    /// The interfaces in it.
    pub interfaces: Vec<IfName>,
}

/// A plain route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The traffic of the route.
    pub destination: IpNet,
    /// The gateway; without one the destination is on the interface's link.
    pub via: Option<IpAddr>,
    /// The interface that packets leave by; without it the kernel finds it by the gateway.
    pub interface: Option<IfName>,
    /// Instead of both: the next hops that share the flows. Empty without `hops`.
    pub hops: Vec<NextHop>,
    /// Packets are dropped instead.
    pub drops: Option<Drops>,
    /// Routing table: 254 (main), the VRF's, or any other.
    pub table: u32,
    /// The lowest wins; None is the kernel's default (1024 for IPv6, 0 for IPv4).
    pub metric: Option<u32>,
}

/// One of a route's next hops.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The gateway; without one the destination is on the interface's link.
    pub via: Option<IpAddr>,
    /// The interface that packets leave by; without it that of the link that the gateway is on.
    pub interface: Option<IfName>,
    /// Its share of the flows, relative to the other hops: 1 to 256.
    pub weight: u16,
}

/// What the sender of a packet is told by a route that drops it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Drops {
    /// There is no route (RTN_UNREACHABLE).
    #[default]
    Unreachable,
    /// Nothing (RTN_BLACKHOLE).
    Blackhole,
    /// It is prohibited (RTN_PROHIBIT).
    Prohibit,
}

/// A permanent neighbour entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbor {
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its link-layer address.
    pub mac: Mac,
    /// The interface of its link.
    pub interface: IfName,
}

/// An HMAC key (RFC 8754 section 2.1.2.1).
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey {
    /// The hash function.
    pub algorithm: HmacAlgorithm,
    /// The shared secret, 1 to 64 bytes (the kernel's SEG6_HMAC_SECRET_LEN).
    pub secret: Vec<u8>,
}

/// The kernel's hash functions for an HMAC (include/uapi/linux/seg6_hmac.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HmacAlgorithm {
    /// SEG6_HMAC_ALGO_SHA1.
    Sha1,
    /// SEG6_HMAC_ALGO_SHA256.
    Sha256,
}

/// An entry of My Local SID Table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSid {
    /// The SID; a /128 unless the file has a prefix length.
    pub sid: Ipv6Net,
    /// Its behavior and flavors.
    pub endpoint: Endpoint,
}

/// The most rows that a file can have in one map.
pub const MOST_ROWS: usize = 1 << 18;
/// The most bytes of a map's rows. They are in memory several times during a change, and a short entry of the file may be a field of a
/// large value.
pub const MOST_ROW_BYTES: usize = 64 << 20;

/// A program that is ready to be loaded. Its globals and its maps' entries are already bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    /// The whole ELF object.
    pub object: Arc<[u8]>,
    /// The program's ELF section, by the object's name for it.
    pub section: String,
    /// The program's function in that section.
    pub function: String,
    /// The hook that it runs on.
    pub hook: Hook,
    /// Values of read-only globals, in the object's byte order (little endian). They are set before the program is verified.
    pub globals: BTreeMap<String, Vec<u8>>,
    /// Maps that the file fills: map name → key → value, in the kernel's bytes.
    pub rows: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Drops {
    /// The words of a file, as `ip route` has them.
    pub(crate) const WORDS: [&'static str; 3] = ["unreachable", "blackhole", "prohibit"];

    /// Its name in a file.
    pub fn name(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Unreachable, Self::Blackhole, Self::Prohibit].into_iter().find(|one| one.name() == name)
    }
}

impl std::fmt::Debug for HmacKey {
    /// Without the secret: a Config may get into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HmacKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("function", &self.function)
            .field("hook", &self.hook)
            .field("object", &format_args!("{} bytes", self.object.len()))
            .finish_non_exhaustive()
    }
}
