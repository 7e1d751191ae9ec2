//! The list of all sysctls that segbox reads and sets. Not here: the values that a file asks for.

use segbox_config::IfName;

/// Of the whole network namespace.
pub const GLOBAL: [&str; 6] = [
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.promote_secondaries",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.all.seg6_enabled",
    "net.vrf.strict_mode",
];

/// Of each interface: family and name.
pub const OF_A_LINK: [(&str, &str); 3] =
    [("ipv4", "rp_filter"), ("ipv6", "seg6_enabled"), ("ipv6", "seg6_require_hmac")];

/// Of the whole box, for a hardware profile. They affect speed only; `seg6_flowlabel` also changes the outer flow label. All of `net` except
/// the last are only in the network namespace of PID 1.
pub const TUNING: [&str; 19] = [
    "kernel.nmi_watchdog",
    "kernel.numa_balancing",
    "kernel.timer_migration",
    "net.core.bpf_jit_enable",
    "net.core.bpf_jit_harden",
    "net.core.bpf_jit_kallsyms",
    "net.core.bpf_jit_limit",
    "net.core.default_qdisc",
    "net.core.dev_weight",
    "net.core.dev_weight_rx_bias",
    "net.core.dev_weight_tx_bias",
    "net.core.flow_limit_table_len",
    "net.core.gro_normal_batch",
    "net.core.netdev_budget",
    "net.core.netdev_budget_usecs",
    "net.core.netdev_max_backlog",
    "net.core.netdev_tstamp_prequeue",
    "vm.stat_interval",
    "net.ipv6.seg6_flowlabel",
];

/// The dotted name of an interface's sysctl. A dot in the interface's name becomes `/`, as in sysctl(8).
pub fn of_a_link(family: &str, interface: IfName, name: &str) -> String {
    format!("net.{family}.conf.{}.{name}", interface.as_str().replace('.', "/"))
}

/// The name of a sysctl after an interface has got another name.
pub(crate) fn with_link_renamed(sysctl: String, from: IfName, to: IfName) -> String {
    for family in ["ipv4", "ipv6"] {
        if let Some(name) = sysctl.strip_prefix(&of_a_link(family, from, "")) {
            return of_a_link(family, to, name);
        }
    }
    sysctl
}

/// Whether a sysctl comes with a link: it is an interface's, or the VRF module's.
pub(crate) fn comes_with_a_link(name: &str) -> bool {
    let mut parts = name.split('.').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("vrf"), _, _) => true,
        (_, Some("conf"), Some(interface)) => !matches!(interface, "all" | "default"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_links_sysctl_from_the_boxs() {
        let name = of_a_link("ipv6", "eth0.100".parse().expect("a name"), "seg6_enabled");
        assert_eq!(name, "net.ipv6.conf.eth0/100.seg6_enabled");
        assert!(comes_with_a_link(&name));
        let late: Vec<_> = GLOBAL.iter().filter(|name| comes_with_a_link(name)).collect();
        assert_eq!(late, [&"net.vrf.strict_mode"]);
    }
}
