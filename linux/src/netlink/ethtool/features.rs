//! Offloads (ETHTOOL_MSG_FEATURES_*, Linux 5.7): features of the kernel, in groups that have the short names of ethtool(8).

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;
use segbox_config::IfName;

use super::{Attributes, Ethtool, FEATURES_GET, FEATURES_SET, nest};
use crate::netlink::frame::{attributes, text_of};
use crate::netlink::{Refusal, TalkError};

/// ETHTOOL_A_FEATURES_*.
const HARDWARE: u16 = 2;
const WANTED: u16 = 3;
const ACTIVE: u16 = 4;
const NO_CHANGE: u16 = 5;
/// ETHTOOL_A_BITSET_NOMASK and _BITS, ETHTOOL_A_BITSET_BITS_BIT, ETHTOOL_A_BITSET_BIT_NAME and _VALUE.
const NO_MASK: u16 = 1;
const BITS: u16 = 3;
const BIT: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;

/// The short names, and the features of each group (net/ethtool/common.c, netdev_features_strings).
const OFFLOADS: [(&str, &[&str]); 10] = [
    ("gro", &["rx-gro"]),
    ("gso", &["tx-generic-segmentation"]),
    ("lro", &["rx-lro"]),
    ("ntuple", &["rx-ntuple-filter"]),
    ("rx-checksum", &["rx-checksum"]),
    ("rxhash", &["rx-hashing"]),
    ("rxvlan", &["rx-vlan-hw-parse"]),
    ("tso", &["tx-tcp-segmentation", "tx-tcp6-segmentation"]),
    ("tx-checksum", &["tx-checksum-ipv4", "tx-checksum-ip-generic", "tx-checksum-ipv6"]),
    ("txvlan", &["tx-vlan-hw-insert"]),
];

/// The offloads of a card, and whether each is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offloads {
    /// Those that can be turned on and off.
    pub(crate) turns: BTreeMap<&'static str, bool>,
    /// Those that cannot.
    pub(crate) fixed: BTreeMap<&'static str, bool>,
}

/// Names of features that are set.
#[derive(Default)]
struct Features {
    hardware: BTreeSet<String>,
    active: BTreeSet<String>,
    no_change: BTreeSet<String>,
}

impl Features {
    fn turns(&self, feature: &str) -> bool {
        self.hardware.contains(feature) && !self.no_change.contains(feature)
    }
}

impl Ethtool {
    fn features(&mut self, interface: IfName) -> Result<Features, TalkError> {
        let found = self.ask_for(FEATURES_GET, interface, |answer| Features {
            hardware: names(answer, HARDWARE),
            active: names(answer, ACTIVE),
            no_change: names(answer, NO_CHANGE),
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The features that are on and can be turned off, by the kernel's names.
    pub(crate) fn features_on(&mut self, interface: IfName) -> Result<Vec<String>, TalkError> {
        let features = self.features(interface)?;
        Ok(features.active.iter().filter(|feature| features.turns(feature)).cloned().collect())
    }

    /// A group counts as on if any of its features is: off means that all of them are.
    pub(crate) fn offloads(&mut self, interface: IfName) -> Result<Offloads, TalkError> {
        let features = self.features(interface)?;
        let mut offloads = Offloads::default();
        for (name, group) in OFFLOADS {
            let mut turning = group.iter().filter(|feature| features.turns(feature)).peekable();
            if turning.peek().is_some() {
                offloads.turns.insert(name, turning.any(|feature| features.active.contains(*feature)));
            } else {
                offloads.fixed.insert(name, group.iter().any(|feature| features.active.contains(*feature)));
            }
        }
        Ok(offloads)
    }

    /// Turns all features of a group that can be turned.
    pub(crate) fn set_offload(&mut self, interface: IfName, name: &str, on: bool) -> Result<(), TalkError> {
        let unknown = || TalkError::Refused(Refusal { errno: Errno::INVAL.raw_os_error(), words: None });
        let (_, group) = OFFLOADS.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
        let features = self.features(interface)?;
        let bits = group.iter().filter(|feature| features.turns(feature)).map(|feature| {
            let name = (BIT_NAME, [feature.as_bytes(), b"\0"].concat());
            nest(BIT, std::iter::once(name).chain(on.then(|| (BIT_VALUE, Vec::new()))))
        });
        self.set(FEATURES_SET, interface, [nest(WANTED, [nest(BITS, bits)])])
    }
}

/// The bits that are set. A verbose bitset with a mask lists all bits of the mask, one without lists those that are set
/// (net/ethtool/bitset.c, ethnl_put_bitset32).
fn names(answer: Attributes<'_>, kind: u16) -> BTreeSet<String> {
    let set = Attributes(answer.find(kind).unwrap_or_default());
    let masked = set.find(NO_MASK).is_none();
    let bits = attributes(set.find(BITS).unwrap_or_default()).map(|(_, bit)| Attributes(bit));
    let on = bits.filter(|bit| !masked || bit.find(BIT_VALUE).is_some());
    on.filter_map(|bit| text_of(bit.find(BIT_NAME)?).map(str::to_owned)).collect()
}
