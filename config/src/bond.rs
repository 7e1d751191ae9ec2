//! A bond of a file: several cards that are one port. Not here: checking it against others (`read`).

use serde::{Deserialize, Serialize};

use crate::names::IfName;

/// The MTU that the kernel makes a bond with (drivers/net/bonding/bond_main.c, bond_setup: that of Ethernet).
pub const BOND_MTU: u32 = 1500;

/// `bond` of an `[interface.NAME]`: segbox makes the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// Its cards, in the order of the file.
    pub members: Vec<IfName>,
    /// How packets are spread over them.
    pub mode: BondMode,
}

/// How a bond uses its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BondMode {
    /// IEEE 802.3ad, now 802.1AX: all members that the other end has agreed on by LACP.
    #[serde(rename = "802.3ad")]
    Dot3Ad,
    /// One member at a time.
    #[serde(rename = "active-backup")]
    ActiveBackup,
}

impl BondMode {
    /// The words of a file.
    pub(crate) const WORDS: [&'static str; 2] = ["802.3ad", "active-backup"];

    /// Its name in a file, which is the kernel's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot3Ad => Self::WORDS[0],
            Self::ActiveBackup => Self::WORDS[1],
        }
    }

    /// The kernel's number (include/uapi/linux/if_bonding.h, BOND_MODE_*).
    pub fn number(self) -> u8 {
        match self {
            Self::Dot3Ad => 4,
            Self::ActiveBackup => 1,
        }
    }

    /// The mode with this number, if a file can ask for it.
    pub fn of_number(number: u8) -> Option<Self> {
        [Self::Dot3Ad, Self::ActiveBackup].into_iter().find(|one| one.number() == number)
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Dot3Ad, Self::ActiveBackup].into_iter().find(|one| one.name() == name)
    }
}
