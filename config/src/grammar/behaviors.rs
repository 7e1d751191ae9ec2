//! Which keys and flavors each behavior takes, and what it needs of the kernel, a row each. Not here: checking a file by them.

use crate::kernel::Feature;

/// A behavior and its keys, besides those that every behavior takes.
pub(crate) struct Row {
    /// RFC 8986's name.
    pub(crate) behavior: &'static str,
    /// What it does: a sentence.
    pub(crate) doc: &'static str,
    /// Keys that must be there.
    pub(crate) needs: &'static [&'static str],
    /// Keys that may be there.
    pub(crate) takes: &'static [&'static str],
    /// Keys of which one must be there, and one only: none or two.
    pub(crate) one_of: &'static [&'static str],
    /// What the kernel must have for it, besides SRv6 at all.
    pub(crate) feature: Option<Feature>,
}

impl Row {
    /// The keys it speaks of.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().chain(self.one_of).chain(self.takes).copied()
    }

    /// Whether it speaks of a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys().any(|name| name == key)
    }
}

const PLAIN: Row = Row { behavior: "", doc: "", needs: &[], takes: &[], one_of: &[], feature: None };

/// The behaviors of `[[srv6.sid]]`.
pub(crate) const SIDS: &[Row] = &[
    Row { behavior: "End", doc: "Go on to the next segment.", takes: &["csid"], ..PLAIN },
    Row {
        behavior: "End.X",
        doc: "Go on to the next segment, over one adjacency.",
        needs: &["next-hop"],
        takes: &["interface", "csid"],
        ..PLAIN
    },
    Row {
        behavior: "End.T",
        doc: "Go on to the next segment, looked up in a table.",
        one_of: &["vrf", "table"],
        ..PLAIN
    },
    Row {
        behavior: "End.DX2",
        doc: "Take the Ethernet frame out and send it from an interface.",
        needs: &["interface"],
        ..PLAIN
    },
    Row {
        behavior: "End.DX4",
        doc: "Take the IPv4 packet out and hand it to a neighbour.",
        needs: &["next-hop"],
        ..PLAIN
    },
    Row {
        behavior: "End.DX6",
        doc: "Take the IPv6 packet out and hand it to a neighbour.",
        needs: &["next-hop"],
        ..PLAIN
    },
    Row {
        behavior: "End.DT4",
        doc: "Take the IPv4 packet out and look it up in a VRF.",
        needs: &["vrf"],
        feature: Some(Feature::EndDt4),
        ..PLAIN
    },
    Row {
        behavior: "End.DT6",
        doc: "Take the IPv6 packet out and look it up in a VRF or table.",
        one_of: &["vrf", "table"],
        ..PLAIN
    },
    Row {
        behavior: "End.DT46",
        doc: "Take the packet out and look it up in a VRF, by its family.",
        needs: &["vrf"],
        feature: Some(Feature::EndDt46),
        ..PLAIN
    },
    Row { behavior: "End.B6.Insert", doc: "Put a policy's SRH into the packet.", needs: &["segments"], ..PLAIN },
    Row {
        behavior: "End.B6.Encaps",
        doc: "Wrap the packet in a policy's IPv6 header and SRH.",
        needs: &["segments"],
        ..PLAIN
    },
    Row {
        behavior: "End.BPF",
        doc: "Run a program after the segment was advanced; Linux's own, not RFC 8986's.",
        needs: &["program"],
        feature: Some(Feature::Seg6Bpf),
        ..PLAIN
    },
];

/// The behaviors of `[[srv6.policy]]`.
pub(crate) const HEADENDS: &[Row] = &[
    Row {
        behavior: "H.Encaps",
        doc: "Wrap the packet in an IPv6 header and SRH.",
        needs: &["segments"],
        takes: &["hmac-key"],
        ..PLAIN
    },
    Row {
        behavior: "H.Encaps.Red",
        doc: "The same, with the first segment in the destination only.",
        needs: &["segments"],
        takes: &["hmac-key"],
        feature: Some(Feature::Reduced),
        ..PLAIN
    },
    Row {
        behavior: "H.Encaps.L2",
        doc: "Wrap the whole Ethernet frame.",
        needs: &["segments"],
        takes: &["hmac-key"],
        ..PLAIN
    },
    Row {
        behavior: "H.Encaps.L2.Red",
        doc: "The same, with the first segment in the destination only.",
        needs: &["segments"],
        takes: &["hmac-key"],
        feature: Some(Feature::Reduced),
        ..PLAIN
    },
    Row {
        behavior: "H.Insert",
        doc: "Put an SRH into the packet itself; IPv6 only.",
        needs: &["segments"],
        takes: &["hmac-key"],
        ..PLAIN
    },
    Row {
        behavior: "H.BPF",
        doc: "Run a program on the way in (LWT BPF IN); Linux's own, not RFC 8986's.",
        needs: &["program"],
        takes: &["via"],
        feature: Some(Feature::LwtBpf),
        ..PLAIN
    },
];

/// A flavor that the kernel has, where, and since when.
pub(crate) struct FlavorRow {
    pub(crate) name: &'static str,
    pub(crate) behaviors: &'static [(&'static str, Feature)],
}

const FLAVORS: [FlavorRow; 2] = [
    FlavorRow { name: "PSP", behaviors: &[("End", Feature::Psp)] },
    FlavorRow { name: "NEXT-CSID", behaviors: &[("End", Feature::NextCsid), ("End.X", Feature::NextCsidEndX)] },
];

/// The row of a flavor that the kernel has.
pub(crate) fn flavor_row(name: &str) -> Option<&'static FlavorRow> {
    FLAVORS.iter().find(|row| row.name == name)
}

/// Flavors of RFC 8986 and RFC 9800 that the kernel has not (SEG6_LOCAL_FLV_SUPP_OPS in net/ipv6/seg6_local.c): name, reason, mend.
pub(crate) const REFUSED_FLAVORS: [(&str, &str, &str); 3] = [
    (
        "USP",
        "it names the flavor and refuses it; a packet for this box itself is taken in with its SRH all the same",
        "remove it: a host's stack reads past an SRH with no segments left by itself",
    ),
    (
        "USD",
        "it names the flavor and refuses it",
        "remove it, and give the packets to decapsulate a SID with End.DT6, End.DT4, End.DT46 or End.DX6",
    ),
    (
        "REPLACE-CSID",
        "of RFC 9800's two flavors it has NEXT-CSID only",
        "use `NEXT-CSID`, here and on the other nodes of the path",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behavior::{BEHAVIORS, HEADEND_BEHAVIORS};

    #[test]
    fn every_behavior_has_its_row() {
        assert!(SIDS.iter().map(|row| row.behavior).eq(BEHAVIORS));
        assert!(HEADENDS.iter().map(|row| row.behavior).eq(HEADEND_BEHAVIORS));
    }
}
