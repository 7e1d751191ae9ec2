//! The headend behaviors with a segment list (RFC 8986 section 5). Not here: their keys (the table's rows), and H.BPF, which has no
//! segment list.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The headend behavior of a policy with a segment list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HeadendMode {
    /// Outer IPv6 header with an SRH.
    #[serde(rename = "H.Encaps")]
    Encaps,
    /// The same, with the first segment in the destination only.
    #[serde(rename = "H.Encaps.Red")]
    EncapsRed,
    /// The whole Ethernet frame inside.
    #[serde(rename = "H.Encaps.L2")]
    EncapsL2,
    /// The same, reduced.
    #[serde(rename = "H.Encaps.L2.Red")]
    EncapsL2Red,
    /// SRH put into the packet itself; IPv6 only.
    #[serde(rename = "H.Insert")]
    Insert,
}

impl HeadendMode {
    /// The name as RFC 8986 spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encaps => "H.Encaps",
            Self::EncapsRed => "H.Encaps.Red",
            Self::EncapsL2 => "H.Encaps.L2",
            Self::EncapsL2Red => "H.Encaps.L2.Red",
            Self::Insert => "H.Insert",
        }
    }
}

impl fmt::Display for HeadendMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
