//! What a file says of the SR domain (RFC 8754, 5.1) and of segbox's own filters. Not here: the rules that follow (plan).

use ipnet::Ipv6Net;

/// The keys of `[srv6]` about the SR domain and the filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domain {
    /// `locator`.
    pub locator: Option<Ipv6Net>,
    /// `domain`: the SID blocks of the SR domain.
    pub blocks: Vec<Ipv6Net>,
    /// `domain-sources`; None where the file does not name it.
    pub named_sources: Option<Vec<Ipv6Net>>,
    /// `edge-filter`.
    pub edge_filter: Switch,
    /// `mss-clamp`.
    pub mss_clamp: Switch,
    /// `locator-blackhole`.
    pub locator_blackhole: Switch,
    /// `dscp`: on is `copy`.
    pub copy_dscp: Switch,
}

/// A key that is on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Whether it is on.
    pub on: bool,
    /// Whether the file names it: a kernel that cannot do it then is a fault, and not a warning.
    pub named: bool,
}

impl Default for Switch {
    fn default() -> Self {
        Self { on: true, named: false }
    }
}

impl Domain {
    /// The sources that may reach this box's SIDs on ports with `srv6 = true`; empty: any.
    pub fn sources(&self) -> &[Ipv6Net] {
        self.named_sources.as_deref().unwrap_or(&self.blocks)
    }
}
