//! Features of the kernel that a file may need: name, first Linux version, build option. Not here: finding out whether a kernel has
//! them (linux), and the features of single behaviors (the table of behaviors has them; [`crate::features`] puts both together).

use std::collections::BTreeMap;

/// A part of the kernel that something in a file needs. No two features share a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its name in messages.
    pub name: &'static str,
    /// First Linux version that has it.
    pub since: (u32, u32),
    /// The build option it comes with.
    pub option: &'static str,
    /// The consequence where a kernel does not have it.
    pub without: &'static str,
}

impl Feature {
    /// seg6 and seg6local routes.
    pub const SEG6_LWTUNNEL: Self = Self::seg6("seg6 and seg6local routes", (4, 10), "no SRv6 at all");
    /// HMAC keys and checks.
    pub const SEG6_HMAC: Self =
        Self::new("SRH HMAC", (4, 10), "CONFIG_IPV6_SEG6_HMAC", "no hmac-key and no interface hmac mode");
    /// VRF devices.
    pub const VRF: Self = Self::new(
        "VRF devices",
        (4, 3),
        "CONFIG_NET_VRF",
        "no [vrf], and no SID that needs one; End.T and End.DT6 can use a table",
    );
    /// VLAN devices, with 802.1ad.
    pub const VLAN: Self = Self::new("VLAN devices", (3, 10), "CONFIG_VLAN_8021Q", "no [interface] with `vlan`");
    /// Bonds that hash what is in a tunnel (encap3+4) and are set up by netlink.
    pub const BOND: Self = Self::new("bonds", (3, 14), "CONFIG_BONDING", "no [interface] with `bond`");
    /// Dummy devices, for the device of SIDs and policies (segbox0). Without them it is an ifb device.
    pub const DUMMY: Self = Self::new("dummy devices", (2, 2), "CONFIG_DUMMY", "segbox0 is an ifb device");
    /// Per-SID counters.
    pub const COUNTERS: Self = Self::seg6("per-SID counters", (5, 14), "status shows no packets per SID");
    /// nf_tables with NFT_META_IIFKIND: policies in a VRF, and segbox's filters.
    pub const NF_TABLES: Self = Self::new(
        "nf_tables",
        (5, 6),
        "CONFIG_NF_TABLES",
        "no policy in a [vrf], no edge-filter, no mss-clamp, no dscp = \"copy\", and hmac = \"require\" does not guard decapsulating SIDs",
    );
    /// An outer source address of a policy's own (SEG6_IPTUNNEL_SRC). Older kernels take it and ignore it.
    pub const POLICY_SOURCE: Self = Self::seg6("outer source of a policy", (7, 1), "no policy with `source`");
    /// A table for the lookup of what a policy has encapsulated (SEG6_IPTUNNEL_TABLE). Older kernels take it and ignore it.
    pub const POLICY_TABLE: Self = Self::seg6(
        "lookup table of a policy",
        (7, 3),
        "a policy spreads its flows over several links by chance, by copies of its tunnel",
    );
    /// Rules that suppress short prefixes.
    pub const RULES: Self = Self::new("routing rules", (3, 12), "CONFIG_IPV6_MULTIPLE_TABLES", "no policy with `from`");
    /// Programs at the ways in and out of a port, by tcx.
    pub const TCX: Self = Self::new("tcx", (6, 6), "CONFIG_NET_XGRESS", "no hop-limit = \"rfc\"");

    /// XDP, with the features of each port by netlink (family netdev).
    pub const XDP: Self =
        Self::new("XDP with features of ports", (6, 3), "CONFIG_BPF_SYSCALL", "no fast-path = \"xdp\"");

    /// The features that do not belong to one behavior.
    pub(crate) const GENERAL: [Self; 11] = [
        Self::SEG6_LWTUNNEL,
        Self::SEG6_HMAC,
        Self::VRF,
        Self::VLAN,
        Self::BOND,
        Self::DUMMY,
        Self::COUNTERS,
        Self::NF_TABLES,
        Self::TCX,
        Self::POLICY_TABLE,
        Self::XDP,
    ];

    /// Whether a router is whole without it, unless its file asks for it: then `check` says so.
    pub fn is_extra(&self) -> bool {
        [Self::POLICY_SOURCE, Self::POLICY_TABLE].contains(self)
    }

    pub(crate) const fn new(
        name: &'static str,
        since: (u32, u32),
        option: &'static str,
        without: &'static str,
    ) -> Self {
        Self { name, since, option, without }
    }

    /// A later part of SRv6; its build option is that of SRv6.
    pub(crate) const fn seg6(name: &'static str, since: (u32, u32), without: &'static str) -> Self {
        Self::new(name, since, "CONFIG_IPV6_SEG6_LWTUNNEL", without)
    }
}

/// The kernel as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Its version, (6, 18).
    pub version: (u32, u32),
    /// Build options found on (true) or off (false), and features by their names that were tried out; one that is not here could not be
    /// found out.
    pub options: BTreeMap<String, bool>,
}

impl Kernel {
    /// Whether the feature is there: by version, and by build option and by trying it out where that could be done.
    pub fn has(&self, feature: &Feature) -> bool {
        let found = |name: &str| self.options.get(name).copied().unwrap_or(true);
        self.version >= feature.since && found(feature.option) && found(feature.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_is_off_wins_over_the_version() {
        let mut kernel = Kernel { version: (6, 18), ..Kernel::default() };
        assert!(kernel.has(&Feature::VRF));
        kernel.options.insert("CONFIG_NET_VRF".into(), false);
        assert!(!kernel.has(&Feature::VRF));
        kernel.version = (4, 9);
        assert!(!kernel.has(&Feature::SEG6_LWTUNNEL));
    }
}
