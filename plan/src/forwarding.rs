//! The sysctls that forwarding depends on, asked for where the kernel looks at them: of the namespace, of each port that the file names, of
//! each device that segbox makes. And those that turning on forwarding would take away from another. Not here: how sysctls are named and read
//! (`sysctl`), all other settings (`desired`).
//!
//! A port that the file does not name keeps its own, also where the kernel would change it along with `default`. Where the kernel takes the
//! stricter of `all` and the port's, `all` is enough to let it work, and the port's owner decides.

use std::collections::{BTreeMap, BTreeSet};

use segbox_config::model::{FlowLabel, HmacMode, IPV6_MIN_MTU};
use segbox_config::{Config, IfName};

use crate::dhcp;
use crate::state::{Actual, Setting, State};
use crate::step::{Delta, Step};
use crate::sysctl;
use crate::tune::{CardKnob, Knob};

/// Asks for them. `state` has the devices of segbox already; `base` is what segbox has changed so far.
pub(crate) fn forwarding(config: &Config, actual: &Actual, base: &BTreeMap<Setting, String>, state: &mut State) {
    let mut ask = |name: &str, value: &str| state.settings.insert(Setting::Sysctl(name.into()), value.into());
    let forwards = forwards(config);
    if forwards {
        ask("net.ipv4.conf.all.forwarding", "1");
        ask("net.ipv6.conf.all.forwarding", "1");
    }
    if !config.interfaces.is_empty() {
        // Without it the kernel removes others' addresses of a subnet along with ours, if ours was the first there
        // (net/ipv4/devinet.c, __inet_del_ifa).
        ask("net.ipv4.conf.all.promote_secondaries", "1");
    }
    // The kernel takes the lower of conf.all and the interface's own (net/ipv6/exthdrs.c, ipv6_srh_rcv).
    if !config.sids.is_empty() || config.interfaces.values().any(|interface| interface.srv6) {
        ask("net.ipv6.conf.all.seg6_enabled", "1");
    }
    // Without it the kernel refuses SEG6_LOCAL_VRFTABLE (net/ipv6/seg6_local.c, __seg6_end_dt_vrf_build). Another program that waits for the
    // device tries once, when the device appears, so this comes first.
    if !config.vrfs.is_empty() {
        ask(sysctl::STRICT_MODE, "1");
    }
    if decapsulates_ipv4(config) {
        // The kernel takes the higher of conf.all and the interface's own (include/linux/inetdevice.h, IN_DEV_RPFILTER). A device that is
        // made later, also by another, begins with `default`.
        ask("net.ipv4.conf.all.rp_filter", "0");
        ask("net.ipv4.conf.default.rp_filter", "0");
    }
    if let Some(label) = config.flow_label {
        ask(sysctl::FLOW_LABEL, flow_label_value(label));
    }
    of_ports(config, actual, state);
    of_own_devices(config, actual, state);
    if forwards {
        forwarded_everywhere(config, actual, state);
        keep_advertised_routes(actual, base, state);
        hold(actual, base, state);
    }
}

/// Whether the file makes a router of the box: it has more than a name and a profile.
fn forwards(config: &Config) -> bool {
    let Config { interfaces, vrfs, routes, sids, policies, encap_source, .. } = config;
    !(interfaces.is_empty() && vrfs.is_empty() && routes.is_empty() && sids.is_empty() && policies.is_empty())
        || encap_source.is_some()
}

/// IPv4 that comes out of a tunnel arrives where its source is not routed to: a reverse-path filter would drop it.
fn decapsulates_ipv4(config: &Config) -> bool {
    config.sids.iter().any(|sid| sid.endpoint.behavior.row().forwards_inner_ipv4())
}

fn flow_label_value(label: FlowLabel) -> &'static str {
    match label {
        FlowLabel::Copy => "0",
        FlowLabel::Hash => "1",
        FlowLabel::Zero => "-1",
    }
}

fn of_ports(config: &Config, actual: &Actual, state: &mut State) {
    let no_rp_filter = decapsulates_ipv4(config);
    for (port, settings) in &config.interfaces {
        let is_small = is_too_small(*port, actual, state);
        let mut ask = |family, name, value: &str| {
            state.settings.insert(Setting::Sysctl(sysctl::of_a_link(family, *port, name)), value.to_owned());
        };
        // A port that is there and too small for IPv6 (net/ipv6/addrconf.c, addrconf_notify) has no such switch, and needs none.
        let has_ipv6 = |name| actual.setting(&Setting::Sysctl(sysctl::of_a_link("ipv6", *port, name))).is_some();
        if settings.srv6 || has_ipv6("seg6_enabled") || !is_small {
            ask("ipv6", "seg6_enabled", if settings.srv6 { "1" } else { "0" });
        }
        if let Some(mode) = settings.hmac {
            ask("ipv6", "seg6_require_hmac", hmac_value(mode));
        }
        if no_rp_filter {
            ask("ipv4", "rp_filter", "0");
        }
    }
    for port in ports_with_ipv6(config) {
        ask_on(port, ("ipv6", "disable_ipv6"), "0", actual, state);
    }
    for (port, _) in config.interfaces.iter().filter(|(_, one)| one.learns.accept_ra) {
        for (name, value) in advertisements() {
            ask_on(*port, ("ipv6", name), &value, actual, state);
        }
    }
    // An interface that enters or leaves a VRF goes down and up, and loses its IPv6 addresses, also those that another program made
    // (drivers/net/vrf.c, cycle_netdev; net/ipv6/addrconf.c, addrconf_ifdown).
    for port in config.vrfs.values().flat_map(|vrf| &vrf.interfaces) {
        ask_on(*port, ("ipv6", "keep_addr_on_down"), "1", actual, state);
    }
    // The kernel verifies the HMAC of what a VRF's SID decapsulates by the setting of the VRF's device.
    if config.interfaces.values().any(|port| port.hmac == Some(HmacMode::Require)) {
        for vrf in config.vrfs.keys() {
            let require = Setting::Sysctl(sysctl::of_a_link("ipv6", *vrf, "seg6_require_hmac"));
            state.settings.insert(require, hmac_value(HmacMode::Require).to_owned());
        }
    }
}

/// What lets a router learn an address and a default route by router advertisements. Any other default route goes before that one.
fn advertisements() -> [(&'static str, String); 4] {
    let metric = dhcp::METRIC.to_string();
    [
        ("accept_ra", "2".to_owned()),
        ("accept_ra_defrtr", "1".to_owned()),
        ("autoconf", "1".to_owned()),
        ("ra_defrtr_metric", metric),
    ]
}

/// By the MTU that it has, or that it is made with.
fn is_too_small(port: IfName, actual: &Actual, wanted: &State) -> bool {
    let setting = Setting::LinkMtu(port);
    let mtu = actual.setting(&setting).or_else(|| wanted.settings.get(&setting).cloned());
    mtu.and_then(|mtu| mtu.parse::<u32>().ok()).is_some_and(|mtu| mtu < IPV6_MIN_MTU)
}

fn hmac_value(mode: HmacMode) -> &'static str {
    match mode {
        HmacMode::Ignore => "-1",
        HmacMode::Check => "0",
        HmacMode::Require => "1",
    }
}

/// Ports on which the file needs IPv6. A distribution may have turned it off, and the kernel refuses addresses and routes there with EACCES.
fn ports_with_ipv6(config: &Config) -> BTreeSet<IfName> {
    let named = config.interfaces.iter();
    let named = named.filter(|(_, one)| one.has_ipv6());
    let routes = config.routes.iter().filter(|route| route.destination.addr().is_ipv6());
    let neighbors = config.neighbors.iter().filter(|neighbor| neighbor.address.is_ipv6());
    let policies = config.policies.iter().filter_map(|policy| policy.interface);
    let of_routes = routes.filter_map(|route| route.interface);
    named.map(|(name, _)| *name).chain(of_routes).chain(policies).chain(neighbors.map(|one| one.interface)).collect()
}

/// Decapsulated packets come in by a VRF's device: it has its own filter, switch and IPv6, and begins with those of `default`.
fn of_own_devices(config: &Config, actual: &Actual, state: &mut State) {
    let no_rp_filter = decapsulates_ipv4(config);
    for device in state.links.keys().copied().collect::<Vec<_>>() {
        ask_on(device, ("ipv6", "disable_ipv6"), "0", actual, state);
        if no_rp_filter {
            ask_on(device, ("ipv4", "rp_filter"), "0", actual, state);
        }
    }
}

/// Turning on `all` turns on every interface. Where `all` is on already, an interface may have been turned off on its own: IPv4 looks at the
/// one that a packet came in by (net/ipv4/route.c, ip_route_input_slow), IPv6 only at `all` (net/ipv6/ip6_output.c, ip6_forward).
fn forwarded_everywhere(config: &Config, actual: &Actual, state: &mut State) {
    let all = Setting::Sysctl("net.ipv4.conf.all.forwarding".into());
    if actual.setting(&all).as_deref() != Some("1") {
        return;
    }
    for device in config.interfaces.keys().chain(config.vrfs.keys()) {
        ask_on(*device, ("ipv4", "forwarding"), "1", actual, state);
    }
}

/// A host that becomes a router forgets the routes that it has learned by router advertisements, and takes no new ones (net/ipv6/route.c,
/// rt6_purge_dflt_routers; net/ipv6/ndisc.c, ipv6_accept_ra), unless the port has accept_ra 2. The step comes before forwarding is on.
fn keep_advertised_routes(actual: &Actual, base: &BTreeMap<Setting, String>, state: &mut State) {
    for link in &actual.links {
        let setting = Setting::Sysctl(sysctl::of_a_link("ipv6", link.name, "accept_ra"));
        let learns = actual.setting(&setting).as_deref() == Some("1");
        let learned = base.get(&setting).is_some_and(|before| before == "1");
        if learned || (learns && actual.advertised.contains(&link.name)) {
            state.settings.insert(setting, "2".into());
        }
    }
}

/// What the base knows of others' settings that the switch of forwarding changes as well stays there until the switch goes back.
fn hold(actual: &Actual, base: &BTreeMap<Setting, String>, state: &mut State) {
    for setting in base.keys().filter(|setting| setting.follows_forwarding()) {
        if let Some(found) = actual.setting(setting) {
            state.settings.entry(setting.clone()).or_insert(found);
        }
    }
}

/// Asks for a link's sysctl, unless the link is to be made and begins with that value.
fn ask_on(link: IfName, (family, name): (&str, &str), value: &str, actual: &Actual, state: &mut State) {
    let setting = Setting::Sysctl(sysctl::of_a_link(family, link, name));
    if actual.setting(&setting).is_some() || sysctl::at_birth(actual, family, name) != value {
        state.settings.insert(setting, value.to_owned());
    }
}

/// The settings that the kernel changes along with `setting`, each with the value that this switch gives it.
pub(crate) fn changed_along(
    setting: &Setting,
    value: &str,
    found: &BTreeMap<Setting, String>,
) -> BTreeMap<Setting, String> {
    let Setting::Sysctl(name) = setting else { return BTreeMap::new() };
    let mut along = BTreeMap::new();
    for family in ["ipv4", "ipv6"] {
        if *name != format!("net.{family}.conf.all.forwarding") {
            continue;
        }
        let prefix = format!("net.{family}.conf.");
        let of_links = found.keys().filter(|other| {
            matches!(other, Setting::Sysctl(other) if other.starts_with(&prefix) && other.ends_with(".forwarding"))
        });
        along.extend(of_links.filter(|other| *other != setting).map(|other| (other.clone(), value.to_owned())));
        let redirects = Setting::Sysctl("net.ipv4.conf.all.accept_redirects".into());
        if family == "ipv4" && found.contains_key(&redirects) {
            // net/ipv4/devinet.c, inet_forward_change.
            along.insert(redirects, if value == "0" { "1" } else { "0" }.to_owned());
        }
        if value != "0" {
            // Both families do so (net/core/dev.c, dev_disable_lro), and neither turns it on again.
            let merging = found.iter().filter(|(other, value)| is_lro(other) && *value == "on");
            along.extend(merging.map(|(other, _)| (other.clone(), "off".to_owned())));
        }
    }
    along
}

/// Steps that keep the settings of ports that the kernel would change along with `default`.
///
/// A port follows `default` until its own value is written for the first time, and the kernel does not tell which ports do
/// (net/ipv4/devinet.c, devinet_copy_dflt_conf). So the port's own value is written first.
pub(crate) fn kept_apart(steps: &[Step], found: &State) -> Vec<Step> {
    let changed =
        |wanted: &Setting| steps.iter().any(|step| matches!(step, Step::Setting(delta) if delta.key == *wanted));
    let mut kept = Vec::new();
    for name in sysctl::OF_A_LINK.iter().filter_map(|(family, name)| (*family == "ipv4").then_some(*name)) {
        // This one has a switch of its own, which copies nothing (devinet_sysctl_forward).
        if name == "forwarding" || !changed(&default_of(name)) {
            continue;
        }
        for (setting, value) in &found.settings {
            let is_of_a_port = matches!(setting, Setting::Sysctl(of_it)
                if of_it.starts_with("net.ipv4.conf.") && of_it.ends_with(&format!(".{name}")) && sysctl::comes_with_a_link(of_it));
            let is_own = || setting.goes_with_anchor() || found.links.keys().any(|device| setting.is_of(*device));
            if is_of_a_port && !is_own() && !changed(setting) {
                let (before, after) = (Some(value.clone()), Some(value.clone()));
                kept.push(Step::Setting(Delta { key: setting.clone(), before, after }));
            }
        }
    }
    kept
}

fn default_of(name: &str) -> Setting {
    Setting::Sysctl(format!("net.ipv4.conf.default.{name}"))
}

/// Whether a step that keeps a port's setting has nothing to keep it from.
pub(crate) fn keeps_for_nothing(step: &Step, steps: &[Step]) -> bool {
    let Step::Setting(delta @ Delta { key: Setting::Sysctl(name), .. }) = step else { return false };
    let cause = name.rsplit('.').next().map(default_of);
    delta.stays()
        && !steps.iter().any(|step| matches!(step, Step::Setting(delta) if Some(&delta.key) == cause.as_ref()))
}

/// The forwarding of ports that have appeared since `base`: they were made with the `default` that the switch gave them, and get that of
/// `base` where the switch goes back.
pub(crate) fn forwarding_since(
    actual: &Actual,
    base: &BTreeMap<Setting, String>,
    goes_back: impl Fn(&Setting, &String) -> bool,
) -> BTreeMap<Setting, String> {
    let mut since = BTreeMap::new();
    for family in ["ipv4", "ipv6"] {
        let of = |group| Setting::Sysctl(format!("net.{family}.conf.{group}.forwarding"));
        let (Some(all), Some(default)) = (base.get(&of("all")), base.get(&of("default"))) else { continue };
        if !goes_back(&of("all"), all) {
            continue;
        }
        let prefix = format!("net.{family}.conf.");
        let appeared = actual.state.settings.keys().filter(|setting| {
            let is_ports =
                matches!(setting, Setting::Sysctl(name) if name.starts_with(&prefix)) && is_forwarding_of_one(setting);
            let is_own =
                || setting.goes_with_anchor() || actual.state.links.keys().any(|device| setting.is_of(*device));
            is_ports && !base.contains_key(*setting) && !is_own() && !goes_with_ipv6(setting, base)
        });
        since.extend(appeared.map(|setting| (setting.clone(), default.clone())));
    }
    since
}

/// Whether it is a setting of IPv6 on a port that is too small for IPv6 with these settings: it ends as the MTU goes back.
pub(crate) fn goes_with_ipv6(setting: &Setting, base: &BTreeMap<Setting, String>) -> bool {
    let is_small = |mtu: &String| mtu.parse::<u32>().is_ok_and(|mtu| mtu < IPV6_MIN_MTU);
    matches!(setting, Setting::Sysctl(name) if name.starts_with("net.ipv6.conf."))
        && base.iter().any(|(one, mtu)| match one {
            Setting::LinkMtu(port) => is_small(mtu) && setting.is_of(*port),
            _ => false,
        })
}

/// Whether it is the forwarding of one interface, or of those to come.
pub(crate) fn is_forwarding_of_one(setting: &Setting) -> bool {
    matches!(setting, Setting::Sysctl(name)
        if name.contains(".conf.") && name.ends_with(".forwarding") && !name.ends_with(".all.forwarding"))
}

/// Whether it is a card's merging of received packets, which a router must not do.
fn is_lro(setting: &Setting) -> bool {
    matches!(setting, Setting::Tuning(Knob::Card(_, CardKnob::Offload(name))) if name == "lro")
}

impl Setting {
    /// Whether the switch of forwarding changes it as well: each interface's own, `default`, `all.accept_redirects`, and the cards' LRO.
    pub(crate) fn follows_forwarding(&self) -> bool {
        let is_redirects = matches!(self, Self::Sysctl(name) if name == "net.ipv4.conf.all.accept_redirects");
        is_redirects || is_forwarding_of_one(self) || is_lro(self)
    }
}

#[cfg(test)]
#[path = "forwarding_tests.rs"]
mod tests;
