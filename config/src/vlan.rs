//! A VLAN of a file: a device on another interface that has the frames with one tag. Not here: checking it against others (`read`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::IfName;

/// `vlan` of an `[interface.NAME]`: segbox makes the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vlan {
    /// The interface that the tagged frames leave by.
    pub parent: IfName,
    /// The VLAN's number, 1 to 4094.
    pub id: u16,
    /// The kind of the tag.
    #[serde(default)]
    pub protocol: VlanProtocol,
}

/// VLANs on VLANs: the kernel allows 8 devices in a row (MAX_NEST_DEV, include/linux/netdevice.h), the card among them.
pub(crate) const MOST_IN_A_ROW: usize = 7;

/// The kind of a VLAN's tag: its EtherType.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VlanProtocol {
    /// 0x8100, the tag of a customer.
    #[default]
    #[serde(rename = "802.1Q")]
    Dot1Q,
    /// 0x88a8, the outer tag of two (QinQ).
    #[serde(rename = "802.1ad")]
    Dot1Ad,
}

impl VlanProtocol {
    /// The words of a file.
    pub(crate) const WORDS: [&'static str; 2] = ["802.1Q", "802.1ad"];

    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot1Q => Self::WORDS[0],
            Self::Dot1Ad => Self::WORDS[1],
        }
    }

    /// The protocol with this EtherType.
    pub fn of_ethertype(ethertype: u16) -> Option<Self> {
        [Self::Dot1Q, Self::Dot1Ad].into_iter().find(|one| one.ethertype() == ethertype)
    }

    /// ETH_P_8021Q or ETH_P_8021AD (include/uapi/linux/if_ether.h).
    pub fn ethertype(self) -> u16 {
        match self {
            Self::Dot1Q => 0x8100,
            Self::Dot1Ad => 0x88a8,
        }
    }
}

impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, id, protocol } = self;
        write!(f, "vlan {id} of {parent}")?;
        if *protocol == VlanProtocol::default() { Ok(()) } else { write!(f, " {}", protocol.name()) }
    }
}
