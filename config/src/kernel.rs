//! What the kernel must have for what a file asks, as a table: feature, first Linux version, build option. Not here: finding out.

use std::collections::BTreeMap;

/// A part of the kernel that some behavior needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// seg6 and seg6local routes.
    Seg6Lwtunnel,
    /// HMAC keys and checks.
    Seg6Hmac,
    /// End.BPF.
    Seg6Bpf,
    /// LWT BPF (H.BPF).
    LwtBpf,
    /// VRF devices: End.DT4, End.DT46 and `[vrf]`.
    Vrf,
    /// Dummy devices: where segbox's own routes hang; an ifb device is used in their place.
    Dummy,
    /// Per-SID counters.
    Counters,
    /// End.DT4.
    EndDt4,
    /// End.DT46.
    EndDt46,
    /// H.Encaps.Red and H.Encaps.L2.Red.
    Reduced,
    /// NEXT-CSID on End.
    NextCsid,
    /// NEXT-CSID on End.X.
    NextCsidEndX,
    /// PSP on End.
    Psp,
    /// An interface beside End.X's next hop.
    EndXInterface,
    /// nf_tables: policies in a VRF.
    NfTables,
}

/// What a feature needs.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// Which feature.
    pub feature: Feature,
    /// What a person calls it.
    pub name: &'static str,
    /// First Linux version that has it.
    pub since: (u32, u32),
    /// The build option it comes with.
    pub option: &'static str,
    /// What goes without it.
    pub without: &'static str,
}

/// Every need, in the order `segbox doctor` shows them.
pub const NEEDS: [Need; 15] = [
    need(Feature::Seg6Lwtunnel, "seg6 and seg6local routes", (4, 10), "CONFIG_IPV6_SEG6_LWTUNNEL", "no SRv6 at all"),
    need(Feature::Seg6Hmac, "SRH HMAC", (4, 10), "CONFIG_IPV6_SEG6_HMAC", "no hmac-key and no interface hmac mode"),
    need(Feature::Seg6Bpf, "End.BPF", (4, 18), "CONFIG_IPV6_SEG6_BPF", "no End.BPF SID"),
    need(Feature::LwtBpf, "LWT BPF", (4, 10), "CONFIG_LWTUNNEL_BPF", "no H.BPF policy"),
    need(Feature::Vrf, "VRF devices", (4, 3), "CONFIG_NET_VRF", "no [vrf], End.DT4 or End.DT46; End.DT6 takes a table"),
    need(Feature::Dummy, "dummy devices", (2, 2), "CONFIG_DUMMY", "segbox's own routes hang on an ifb device"),
    need(
        Feature::Counters,
        "per-SID counters",
        (5, 14),
        "CONFIG_IPV6_SEG6_LWTUNNEL",
        "status shows no packets per SID",
    ),
    need(Feature::EndDt4, "End.DT4", (5, 11), "CONFIG_IPV6_SEG6_LWTUNNEL", "no End.DT4 SID"),
    need(Feature::EndDt46, "End.DT46", (5, 14), "CONFIG_IPV6_SEG6_LWTUNNEL", "no End.DT46 SID"),
    need(
        Feature::Reduced,
        "reduced encapsulation",
        (6, 0),
        "CONFIG_IPV6_SEG6_LWTUNNEL",
        "no H.Encaps.Red, H.Encaps.L2.Red",
    ),
    need(Feature::NextCsid, "NEXT-CSID on End", (6, 1), "CONFIG_IPV6_SEG6_LWTUNNEL", "no compressed SIDs"),
    need(Feature::NextCsidEndX, "NEXT-CSID on End.X", (6, 6), "CONFIG_IPV6_SEG6_LWTUNNEL", "NEXT-CSID on End only"),
    need(Feature::Psp, "PSP on End", (6, 3), "CONFIG_IPV6_SEG6_LWTUNNEL", "no PSP"),
    need(
        Feature::EndXInterface,
        "End.X with an interface",
        (6, 17),
        "CONFIG_IPV6_SEG6_LWTUNNEL",
        "no link-local next hop for End.X",
    ),
    // NFT_META_IIFKIND.
    need(Feature::NfTables, "nf_tables", (5, 6), "CONFIG_NF_TABLES", "no policy in a [vrf]"),
];

const fn need(
    feature: Feature,
    name: &'static str,
    since: (u32, u32),
    option: &'static str,
    without: &'static str,
) -> Need {
    Need { feature, name, since, option, without }
}

impl Feature {
    /// The row of [`NEEDS`].
    pub fn need(self) -> &'static Need {
        NEEDS.iter().find(|need| need.feature == self).expect("every feature has its row; a test says so")
    }
}

/// The kernel as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Its version, (6, 18).
    pub version: (u32, u32),
    /// Build options found on (true) or off (false); one that is not here could not be found out.
    pub options: BTreeMap<String, bool>,
}

impl Kernel {
    /// Whether the feature is there: by version, and by build option where that could be found out.
    pub fn has(&self, feature: Feature) -> bool {
        let need = feature.need();
        self.version >= need.since && self.options.get(need.option).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_one_row() {
        for need in &NEEDS {
            assert_eq!(NEEDS.iter().filter(|other| other.feature == need.feature).count(), 1, "{}", need.name);
        }
        assert_eq!(NEEDS.len(), Feature::NfTables as usize + 1, "a feature without a row");
    }

    #[test]
    fn an_option_that_is_off_wins_over_the_version() {
        let mut kernel = Kernel { version: (6, 18), ..Kernel::default() };
        assert!(kernel.has(Feature::Vrf));
        kernel.options.insert("CONFIG_NET_VRF".into(), false);
        assert!(!kernel.has(Feature::Vrf));
        kernel.version = (4, 9);
        assert!(!kernel.has(Feature::Seg6Lwtunnel));
    }
}
