//! Flavors: an endpoint behavior's variations (RFC 8986 section 4.16, RFC 9800), and those that Linux refuses. Not here: which
//! behavior can have which (the table's rows say so).

use serde::{Deserialize, Serialize};

/// A flavor that Linux has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavor {
    /// Penultimate segment pop (RFC 8986 section 4.16.1).
    Psp,
    /// NEXT-CSID (RFC 9800 section 4.1).
    NextCsid,
}

/// The flavors of a SID.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flavors {
    /// Penultimate segment pop.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub psp: bool,
    /// NEXT-CSID: the lengths of its bit fields.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_csid: Option<Csid>,
}

/// Bit lengths of a NEXT-CSID container's fields; the kernel takes whole bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Csid {
    /// Locator-block, in bits: 8 to 120; the kernel's default is 32.
    pub block_length: u8,
    /// Locator-node and function, in bits: 8 to 120; the kernel's default is 16.
    pub function_length: u8,
}

impl Flavor {
    const ALL: [Self; 2] = [Self::Psp, Self::NextCsid];

    /// The name as the RFCs spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Psp => "PSP",
            Self::NextCsid => "NEXT-CSID",
        }
    }

    /// The flavor of that name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flavor| flavor.name() == name)
    }
}

/// The names of all flavors that Linux has.
pub(crate) const FLAVOR_NAMES: [&str; 2] = [Flavor::ALL[0].name(), Flavor::ALL[1].name()];

/// A flavor of RFC 8986 or RFC 9800 that Linux refuses (SEG6_LOCAL_FLV_SUPP_OPS in net/ipv6/seg6_local.c).
pub(crate) struct RefusedFlavor {
    pub(crate) name: &'static str,
    /// A way to do without it.
    pub(crate) instead: &'static str,
}

pub(crate) const REFUSED_FLAVORS: [RefusedFlavor; 4] = [
    RefusedFlavor {
        name: "USP",
        instead: "remove it; the host that a packet is for skips an SRH without segments left",
    },
    RefusedFlavor {
        name: "USD",
        instead: "remove it; give the packets that need decapsulation another SID, such as one with End.DT6",
    },
    RefusedFlavor {
        name: "REPLACE-CSID",
        instead: "use `NEXT-CSID`, RFC 9800's other flavor, here and on the other nodes of the path",
    },
    RefusedFlavor { name: "NEXT-ONLY-CSID", instead: "use `NEXT-CSID`, which also goes on to the next segment" },
];

/// The names of [`REFUSED_FLAVORS`].
pub(crate) const REFUSED_NAMES: [&str; 4] =
    [REFUSED_FLAVORS[0].name, REFUSED_FLAVORS[1].name, REFUSED_FLAVORS[2].name, REFUSED_FLAVORS[3].name];
