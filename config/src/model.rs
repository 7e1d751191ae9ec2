//! A Config: what a segbox.toml without a fault says, defaults filled in, names resolved. Not here: text, places, files.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv6Net};

use crate::behavior::{Endpoint, HeadendMode};
use crate::names::IfName;
use crate::object::Hook;

/// One box. Every reference inside it (a VRF, a program, a key) leads to something that is there.
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
    /// `[srv6] source`: the outer source address of what this box encapsulates.
    pub encap_source: Option<Ipv6Addr>,
    /// `[srv6.hmac-key.ID]`.
    pub hmac_keys: BTreeMap<u32, HmacKey>,
    /// `[[srv6.sid]]`: My Local SID Table.
    pub sids: Vec<LocalSid>,
    /// `[[srv6.policy]]`.
    pub policies: Vec<Policy>,
    /// `[program.NAME]`, only those that a SID or a policy uses.
    pub programs: BTreeMap<String, Program>,
}

/// `[system]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// The box's name.
    pub hostname: Option<String>,
    /// Which hardware profile.
    pub hardware: Hardware,
}

/// Which hardware profile tunes the box.
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
    /// The hardware this name belongs to; without one, the interface is found by its name.
    pub matches: Option<Matcher>,
    /// Addresses with their on-link prefix length.
    pub addresses: Vec<IpNet>,
    /// Link MTU in bytes.
    pub mtu: Option<u32>,
    /// Accept SRv6 packets here (seg6_enabled).
    pub srv6: bool,
    /// What is asked of the HMAC TLV of packets that come in here (seg6_require_hmac).
    pub hmac: Option<HmacMode>,
}

/// Hardware that an interface name belongs to: what is given must fit, all of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Matcher {
    /// Permanent MAC address.
    pub mac: Option<Mac>,
    /// PCI path, `0000:03:00.0`.
    pub pci: Option<String>,
}

/// net.ipv6.conf.IF.seg6_require_hmac.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacMode {
    /// -1: not looked at.
    Ignore,
    /// 0: checked where there.
    Check,
    /// 1: must be there and right.
    Require,
}

/// A VRF: a master device over a routing table.
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
    /// Where to.
    pub destination: IpNet,
    /// The gateway; without one the destination is on the interface's link.
    pub via: Option<IpAddr>,
    /// Leaves here; without one the kernel finds it from the gateway.
    pub interface: Option<IfName>,
    /// Routing table: 254 (main) or the VRF's.
    pub table: u32,
    /// Lower wins; None is the kernel's default (1024 for IPv6, 0 for IPv4).
    pub metric: Option<u32>,
}

/// A permanent neighbour entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbor {
    /// Whose.
    pub address: IpAddr,
    /// Its link-layer address.
    pub mac: Mac,
    /// On this link.
    pub interface: IfName,
}

/// An Ethernet address, printed in lower case with colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// An HMAC key (RFC 8754 section 2.1.2.1).
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey {
    /// How the digest is made.
    pub algorithm: HmacAlgorithm,
    /// The shared secret, 1 to 64 bytes (the kernel's SEG6_HMAC_SECRET_LEN).
    pub secret: Vec<u8>,
}

/// What the kernel can make an HMAC with (include/uapi/linux/seg6_hmac.h).
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
    /// The SID; /128 unless the file says otherwise.
    pub sid: Ipv6Net,
    /// What is done for it.
    pub endpoint: Endpoint,
}

/// What this box does as a headend for a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Traffic to here is steered.
    pub destination: IpNet,
    /// How.
    pub steer: Steer,
    /// The route's device; without one segbox's own.
    pub interface: Option<IfName>,
    /// H.BPF only: the gateway of packets that the program lets pass as they are.
    pub via: Option<IpAddr>,
    /// Routing table: 254 (main) or the VRF's.
    pub table: u32,
    /// Lower wins; None is the kernel's default.
    pub metric: Option<u32>,
}

/// How a policy steers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steer {
    /// By a segment list.
    Segments {
        /// Which headend behavior.
        mode: HeadendMode,
        /// In the order the packet visits them.
        segments: Vec<Ipv6Addr>,
        /// HMAC key id; 0 is none.
        hmac_key: u32,
    },
    /// By a program on the way in (LWT BPF IN): the name of a `[program.NAME]` table.
    Program(String),
}

/// A program, ready to be loaded: which one of which object, its globals and its managed maps' rows already as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    /// The whole ELF object.
    pub object: Arc<[u8]>,
    /// The ELF section that the program lies in, as the object names it.
    pub section: String,
    /// The program's function in that section.
    pub function: String,
    /// Where it runs.
    pub hook: Hook,
    /// Read-only globals to set before it is verified, in the object's byte order (little endian).
    pub globals: BTreeMap<String, Vec<u8>>,
    /// Maps that the file fills: map name → key → value, as the kernel keeps them.
    pub rows: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Mac {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().unwrap_or_default();
            // Two digits each, as the kernel prints them; a longer or signed part fails as a number does.
            *octet = u8::from_str_radix(if part.len() == 2 { part } else { "" }, 16)?;
        }
        if parts.next().is_some() { Err("".parse::<u8>().expect_err("nothing is no number")) } else { Ok(Self(octets)) }
    }
}

impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("six hexadecimal bytes with colons between"))
    }
}

impl std::fmt::Debug for HmacKey {
    /// Never the secret: a Config may end in a log.
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
