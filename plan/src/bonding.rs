//! What a bond is and how it runs, as values. Not here: which bonds a file asks for, and what is wrong with one (`bonds`).

use std::collections::BTreeMap;
use std::fmt;

use segbox_config::model::BondMode;
use segbox_config::{IfName, Mac};
use serde::{Deserialize, Serialize};

use crate::rows::as_rows;

/// Milliseconds between two looks at the carriers: what Documentation/networking/bonding.rst begins with.
const MIIMON: u32 = 100;
/// BOND_XMIT_POLICY_ENCAP34: of two routers' SRv6 packets all other policies see the same addresses (drivers/net/bonding/bond_main.c,
/// bond_flow_dissect).
const ENCAP34: u8 = 4;
/// AD_LACP_FAST: the other end says every second that it lives, and is gone after three.
const FAST: u8 = 1;

/// What a bond is beside its members, by the kernel's numbers (IFLA_BOND_*).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bonding {
    /// BOND_MODE_*.
    pub mode: u8,
    /// Milliseconds between two looks at the carriers of the members.
    pub miimon: u32,
    /// BOND_XMIT_POLICY_*, with which 802.3ad chooses a member. 0 in another mode.
    #[serde(default)]
    pub xmit_hash: u8,
    /// AD_LACP_SLOW or _FAST. 0 in another mode than 802.3ad.
    #[serde(default)]
    pub lacp_rate: u8,
}

impl Bonding {
    /// What segbox makes of a mode.
    pub fn of(mode: BondMode) -> Self {
        let (xmit_hash, lacp_rate) = match mode {
            BondMode::Dot3Ad => (ENCAP34, FAST),
            BondMode::ActiveBackup => (0, 0),
        };
        Self { mode: mode.number(), miimon: MIIMON, xmit_hash, lacp_rate }
    }

    /// Whether the kernel makes the one of the other while it is up and has members (drivers/net/bonding/bond_options.c, bond_opts): the
    /// mode wants no members, the rate of LACP a bond that is down.
    pub fn changes_in_place(self, to: Self) -> bool {
        self.mode == to.mode && self.lacp_rate == to.lacp_rate
    }

    /// Whether the other end has a say in which members carry packets.
    pub(crate) fn has_lacp(self) -> bool {
        BondMode::of_number(self.mode) == Some(BondMode::Dot3Ad)
    }
}

impl fmt::Display for Bonding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, miimon, xmit_hash, lacp_rate } = self;
        match BondMode::of_number(*mode) {
            Some(known) if *self == Self::of(known) => write!(f, "bond {}", known.name()),
            Some(known) => {
                write!(f, "bond {} miimon {miimon} xmit-hash {xmit_hash} lacp-rate {lacp_rate}", known.name())
            }
            None => write!(f, "bond of mode {mode}"),
        }
    }
}

/// A bond as it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct BondSeen {
    /// What it is. Another program's may be of any mode.
    pub bonding: Bonding,
    /// The other end's system identifier, if it speaks LACP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<Mac>,
    /// Its members.
    #[serde(with = "as_rows")]
    pub members: BTreeMap<IfName, MemberSeen>,
}

/// A member of a bond that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct MemberSeen {
    /// It has a carrier, as the bond saw it last.
    pub carrier: bool,
    /// The bond sends and receives by it.
    pub active: bool,
}
