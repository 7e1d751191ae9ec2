//! What a file says of the outer headers that a headend writes: hop limits and flow labels. Not here: who writes them.

/// The program of `hop-limit = "rfc"` in [`Config::programs`](crate::Config::programs). No `[program.NAME]` can have this name.
pub const HOP_LIMIT_PROGRAM: &str = "segbox:hop-limit";

/// What a headend does with the hop limit or TTL of what it encapsulates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HopLimit {
    /// As Linux: it stays.
    #[default]
    Linux,
    /// As RFC 8986, 5.1: it is lowered.
    Rfc,
}

/// The outer flow label of what a headend encapsulates (net.ipv6.seg6_flowlabel).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowLabel {
    /// That of the inner packet; 0 for IPv4.
    Copy,
    /// A hash of the inner packet's flow.
    Hash,
    /// 0.
    Zero,
}

impl FlowLabel {
    /// The words of a file.
    pub(crate) const WORDS: [&'static str; 3] = ["copy", "hash", "zero"];

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .zip([Self::Copy, Self::Hash, Self::Zero])
            .find(|(word, _)| **word == name)
            .map(|(_, one)| one)
    }
}
