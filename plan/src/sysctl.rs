//! The list of all sysctls that segbox reads and sets. Not here: the values that a file asks for.

use segbox_config::IfName;

use crate::state::{Actual, Setting};

/// One table has one VRF (drivers/net/vrf.c). It is there once VRFs are: as a module they come with the first device.
pub const STRICT_MODE: &str = "net.vrf.strict_mode";

/// Of the whole network namespace. An interface begins with the values of `default`.
pub const GLOBAL: [&str; 12] = [
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.promote_secondaries",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.forwarding",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.all.seg6_enabled",
    "net.ipv6.conf.default.disable_ipv6",
    "net.ipv6.conf.default.forwarding",
    STRICT_MODE,
    FLOW_LABEL,
];

/// Of each interface: family and name.
pub const OF_A_LINK: [(&str, &str); 11] = [
    ("ipv4", "forwarding"),
    ("ipv4", "rp_filter"),
    ("ipv6", "accept_ra"),
    ("ipv6", "accept_ra_defrtr"),
    ("ipv6", "autoconf"),
    ("ipv6", "disable_ipv6"),
    ("ipv6", "forwarding"),
    ("ipv6", "keep_addr_on_down"),
    ("ipv6", "ra_defrtr_metric"),
    ("ipv6", "seg6_enabled"),
    ("ipv6", "seg6_require_hmac"),
];

/// The outer flow label of what the box encapsulates: 0 is that of the inner packet, 1 a hash, -1 none. A profile may ask for it, too.
pub const FLOW_LABEL: &str = "net.ipv6.seg6_flowlabel";

/// Of the whole box, for a hardware profile. They affect speed only. All of `net` are only in the network namespace of PID 1.
pub const TUNING: [&str; 18] = [
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
];

/// The dotted name of an interface's sysctl. A dot in the interface's name becomes `/`, as in sysctl(8).
pub fn of_a_link(family: &str, interface: IfName, name: &str) -> String {
    format!("net.{family}.conf.{}.{name}", interface.as_str().replace('.', "/"))
}

/// The name of a sysctl after its interface has got another name.
pub(crate) fn with_link_renamed(sysctl: String, name: impl Fn(IfName) -> IfName) -> String {
    for family in ["ipv4", "ipv6"] {
        let of_one = sysctl.strip_prefix(&format!("net.{family}.conf.")).and_then(|rest| rest.split_once('.'));
        if let Some((interface, of_it)) = of_one
            && let Ok(interface) = interface.replace('/', ".").parse()
        {
            return of_a_link(family, name(interface), of_it);
        }
    }
    sysctl
}

/// The value that an interface begins with: that of `default`, or the kernel's where that is not known.
pub(crate) fn at_birth(actual: &Actual, family: &str, name: &str) -> String {
    let of = |group: &str| actual.setting(&Setting::Sysctl(format!("net.{family}.conf.{group}.{name}")));
    let by_kernel = || if name == "forwarding" { of("all") } else { None };
    of("default").or_else(by_kernel).unwrap_or_else(|| "0".to_owned())
}

/// The value of a sysctl before its module is loaded.
pub(crate) fn before_its_module(setting: &Setting) -> Option<&'static str> {
    matches!(setting, Setting::Sysctl(name) if name == STRICT_MODE).then_some("0")
}

/// Whether a sysctl comes with a link.
pub(crate) fn comes_with_a_link(name: &str) -> bool {
    let mut parts = name.split('.').skip(2);
    matches!((parts.next(), parts.next()), (Some("conf"), Some(interface)) if !matches!(interface, "all" | "default"))
}

/// Whether a value saves what a later step of the plan would take away: what a port has learned from routers, or its addresses.
pub(crate) fn saves(name: &str, value: &str) -> bool {
    (name.ends_with(".accept_ra") && value == "2") || (name.ends_with(".keep_addr_on_down") && value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_links_sysctl_from_the_boxs() {
        let name = of_a_link("ipv6", "eth0.100".parse().expect("a name"), "seg6_enabled");
        assert_eq!(name, "net.ipv6.conf.eth0/100.seg6_enabled");
        assert!(comes_with_a_link(&name));
        assert!(!GLOBAL.into_iter().chain(TUNING).any(comes_with_a_link));
    }
}
