//! A file is applied and cleared again in memory, with the base in between, as `segbox-router` does it.

use segbox_config::{Kernel, Surroundings};

use super::*;
use crate::desired::{Context, Desired, desired, nothing};
use crate::diff::{Plan, diff};
use crate::tune::Refusals;

struct Host {
    actual: Actual,
    base: BTreeMap<Setting, String>,
}

fn sysctl(name: &str) -> Setting {
    Setting::Sysctl(name.to_owned())
}

impl Host {
    fn new(sysctls: &[(&str, &str)]) -> Self {
        let mut actual = Actual::default();
        for name in ["lo", "eth0", "eth1"] {
            let name = name.parse().expect("a name");
            actual.links.push(segbox_config::LinkSeen::named(name));
        }
        actual.state.settings.extend(sysctls.iter().map(|(name, value)| (sysctl(name), (*value).to_owned())));
        Self { actual, base: BTreeMap::new() }
    }

    fn rounds(&mut self, want: impl Fn(&Actual, &BTreeMap<Setting, String>) -> Desired) -> Vec<String> {
        let mut lines = Vec::new();
        let mut known = self.base.clone();
        for _ in 0..crate::rounds::ROUNDS {
            let plan: Plan = diff(&want(&self.actual, &known).state, &self.actual).round();
            if plan.is_empty() {
                break;
            }
            plan.extend_base(&self.actual, &mut self.base);
            plan.rename_base(&self.actual, &mut known);
            self.actual.apply(&plan);
            lines.extend(plan.steps.iter().map(ToString::to_string));
        }
        let want = want(&self.actual, &known);
        assert!(diff(&want.state, &self.actual).is_empty(), "{:?}", diff(&want.state, &self.actual));
        let returned = want.returned;
        self.base.retain(|setting, _| !returned.contains(setting));
        lines
    }

    fn apply(&mut self, file: &str) -> Vec<String> {
        let around = Surroundings { links: Some(self.actual.links.clone()), ..Surroundings::default() };
        let checked = segbox_config::read(file.to_owned(), "segbox.toml").resolve(&around);
        let config = checked.unwrap_or_else(|faults| panic!("{faults}")).config;
        let kernel = Kernel { version: (6, 18), ..Kernel::default() };
        self.rounds(|actual, base| {
            desired(&config, Context { actual, base, kernel: &kernel, own_box: false, tuning: None })
        })
    }

    fn clear(&mut self) -> Vec<String> {
        self.rounds(|actual, base| nothing(actual, base, &Refusals::default()))
    }

    fn is(&self, name: &str) -> &str {
        &self.actual.state.settings[&sysctl(name)]
    }
}

const PORT: &str = "[interface.eth1]\naddresses = [\"192.0.2.1/24\"]\n";

/// The place of the step that sets this.
fn place(steps: &[String], name: &str) -> usize {
    let place = steps.iter().position(|step| step.contains(&format!(" {name}  ")));
    place.unwrap_or_else(|| panic!("no step sets {name}: {steps:#?}"))
}

const VPN: &str = r#"
[interface.eth0]
srv6 = true
[interface.eth1]
addresses = ["2001:db8:b1::1/64"]
[vrf.blue]
table = 100
interfaces = ["eth1"]
[[srv6.sid]]
sid = "fc00:0:1:100::"
behavior = "End.DT46"
vrf = "blue"
"#;

#[test]
fn a_distributions_reverse_path_filter_stops_nothing_that_is_decapsulated() {
    let mut names: Vec<String> =
        ["all", "default", "eth0", "eth1"].map(|group| format!("net.ipv4.conf.{group}.rp_filter")).into();
    let before: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "2")).collect();
    let mut host = Host::new(&before);
    names.extend(["blue", "segbox0"].map(|device| format!("net.ipv4.conf.{device}.rp_filter")));
    let steps = host.apply(VPN);
    for name in &names {
        assert_eq!(host.is(name), "0", "{name}");
    }
    let vrf = steps.iter().position(|step| step.contains("blue  vrf")).expect("a VRF is made");
    assert!(place(&steps, "net.ipv4.conf.default.rp_filter") < vrf, "the VRF begins with it: {steps:#?}");
    host.clear();
    for name in &names[..4] {
        assert_eq!(host.is(name), "2", "{name}");
    }
}

#[test]
fn a_device_that_begins_right_needs_no_step() {
    let steps = Host::new(&[("net.ipv4.conf.default.rp_filter", "0")]).apply(VPN);
    let of_blue: Vec<_> = steps.iter().filter(|step| step.contains("conf.blue")).collect();
    assert!(of_blue.is_empty(), "{of_blue:?}");
}

#[test]
fn strict_mode_is_on_before_a_vrf_appears_and_off_after_the_last() {
    // As a module it has no sysctl before the first VRF.
    let mut host = Host::new(&[]);
    let steps = host.apply(VPN);
    let vrf = steps.iter().position(|step| step.contains("blue  vrf")).expect("a VRF is made");
    assert!(place(&steps, sysctl::STRICT_MODE) < vrf, "{steps:#?}");
    host.clear();
    assert_eq!(host.is(sysctl::STRICT_MODE), "0");
}

#[test]
fn an_interface_that_was_turned_off_alone_is_turned_on() {
    let of = ["all", "default", "eth0", "eth1"].map(|group| format!("net.ipv4.conf.{group}.forwarding"));
    let mut host = Host::new(&[(&of[0], "1"), (&of[1], "0"), (&of[2], "0"), (&of[3], "1")]);
    host.apply(VPN);
    assert_eq!(["all", "eth0", "eth1", "blue"].map(|on| host.is(&format!("net.ipv4.conf.{on}.forwarding"))), ["1"; 4]);
    host.clear();
    assert_eq!(of.each_ref().map(|name| host.is(name)), ["1", "0", "0", "1"]);
}

#[test]
fn a_file_with_nothing_but_srv6_forwards_and_one_with_a_name_does_not() {
    for (file, forwards) in [
        ("[srv6]\nsource = \"fc00:0:1::1\"\n", true),
        ("[[srv6.sid]]\nsid = \"fc00:0:1:1::\"\nbehavior = \"End\"\n", true),
        ("[system]\nhostname = \"r1\"\n", false),
    ] {
        let steps = Host::new(&[]).apply(file);
        for family in ["ipv4", "ipv6"] {
            let name = format!(" net.{family}.conf.all.forwarding  ");
            assert_eq!(steps.iter().any(|step| step.contains(&name)), forwards, "{file}{steps:?}");
        }
    }
}

#[test]
fn what_forwarding_takes_away_comes_back() {
    let forwarding = ["net.ipv4.conf.all.forwarding", "net.ipv4.conf.eth1.forwarding", "net.ipv6.conf.eth1.forwarding"];
    let redirects = "net.ipv4.conf.all.accept_redirects";
    // A host that takes no redirects, and forwards from one interface only.
    let before = [(forwarding[0], "0"), (forwarding[1], "1"), (forwarding[2], "1"), (redirects, "0")];
    let mut host = Host::new(&before);
    host.actual.state.settings.insert(sysctl("net.ipv6.conf.all.forwarding"), "0".into());
    for _ in 0..2 {
        host.apply(VPN);
        assert_eq!(forwarding.map(|name| host.is(name)), ["1"; 3]);
    }
    host.clear();
    for (name, value) in before {
        assert_eq!(host.is(name), value, "{name}");
    }
    // One that takes redirects gets them back from the kernel.
    let mut host = Host::new(&[(forwarding[0], "0"), (redirects, "1")]);
    host.apply(VPN);
    assert_eq!(host.is(redirects), "0");
    assert!(!host.base.contains_key(&sysctl(redirects)));
    host.clear();
    assert_eq!(host.is(redirects), "1");
}

#[test]
fn cards_that_merge_packets_do_so_again_afterwards() {
    let lro = |card: &str| Setting::Tuning(Knob::Card(card.parse().expect("a name"), CardKnob::Offload("lro".into())));
    let mut host = Host::new(&[("net.ipv4.conf.all.forwarding", "0")]);
    let cards = [("eth0", "on"), ("eth1", "on"), ("eth2", "off")];
    for (card, value) in cards {
        host.actual.state.settings.insert(lro(card), value.into());
    }
    for _ in 0..2 {
        host.apply(VPN);
        for (card, _) in cards {
            assert_eq!(host.actual.setting(&lro(card)).as_deref(), Some("off"), "{card}");
        }
    }
    host.clear();
    for (card, value) in cards {
        assert_eq!(host.actual.setting(&lro(card)).as_deref(), Some(value), "{card}");
    }
}

#[test]
fn a_port_that_came_later_ends_as_it_would_have_begun() {
    for born in ["0", "1"] {
        let of = ["all", "default", "eth1"].map(|group| format!("net.ipv4.conf.{group}.forwarding"));
        let mut host = Host::new(&[(&of[0], "0"), (&of[1], born), (&of[2], "0")]);
        host.apply(VPN);
        assert_eq!(host.is(&of[1]), "1");
        let later = "net.ipv4.conf.veth7.forwarding";
        host.actual.state.settings.insert(sysctl(later), "1".into());
        host.clear();
        assert_eq!(host.is(later), born);
        assert_eq!(of.each_ref().map(|name| host.is(name)), ["0", born, "0"]);
    }
}

#[test]
fn other_ports_keep_what_the_kernel_would_change_along_with_default() {
    let of = ["default", "eth0", "eth1", "eth9"].map(|group| format!("net.ipv4.conf.{group}.rp_filter"));
    let mut host = Host::new(&[(&of[0], "2"), (&of[1], "2"), (&of[2], "2"), (&of[3], "2")]);
    let steps = host.apply(VPN);
    assert!(place(&steps, &of[3]) < place(&steps, &of[0]), "the port is set before the kernel copies: {steps:#?}");
    assert_eq!(of.each_ref().map(|name| host.is(name)), ["0", "0", "0", "2"]);
    assert!(!host.base.contains_key(&sysctl(&of[3])), "segbox has not changed it");
    assert!(host.apply(VPN).is_empty());
    // Its owner changes it meanwhile.
    host.actual.state.settings.insert(sysctl(&of[3]), "1".into());
    host.clear();
    assert_eq!(of.each_ref().map(|name| host.is(name)), ["2", "2", "2", "1"]);
}

#[test]
fn routes_by_router_advertisement_stay() {
    let accept = ["lo", "eth0", "eth1"].map(|link| format!("net.ipv6.conf.{link}.accept_ra"));
    let mut host = Host::new(&accept.each_ref().map(|name| (name.as_str(), "1")));
    host.actual.state.settings.insert(sysctl("net.ipv6.conf.all.forwarding"), "0".into());
    host.actual.advertised.insert("eth1".parse().expect("a name"));
    let steps = host.apply(VPN);
    assert!(place(&steps, &accept[2]) < place(&steps, "net.ipv6.conf.all.forwarding"), "{steps:#?}");
    // The port was down for a while, and its routes are gone: it still waits for the next advertisement.
    host.actual.advertised.clear();
    assert!(host.apply(VPN).is_empty());
    assert_eq!(accept.each_ref().map(|name| host.is(name)), ["1", "1", "2"]);
    host.clear();
    assert_eq!(accept.each_ref().map(|name| host.is(name)), ["1"; 3]);
}

#[test]
fn ipv6_is_turned_on_where_the_file_needs_it() {
    let off = ["default", "eth0", "eth1"].map(|group| format!("net.ipv6.conf.{group}.disable_ipv6"));
    let mut host = Host::new(&off.each_ref().map(|name| (name.as_str(), "1")));
    let steps = host.apply("[interface.eth0]\nsrv6 = true\n[interface.eth1]\naddresses = [\"192.0.2.1/24\"]\n[[srv6.sid]]\nsid = \"fc00::1\"\nbehavior = \"End\"\n");
    assert_eq!(off.each_ref().map(|name| host.is(name)), ["1", "0", "1"]);
    let sid = steps.iter().position(|step| step.starts_with("+ sid ")).expect("a SID");
    assert!(place(&steps, "net.ipv6.conf.segbox0.disable_ipv6") < sid, "{steps:#?}");
    host.clear();
    assert_eq!(host.is(&off[1]), "1");
}

#[test]
fn a_port_keeps_others_addresses_when_it_enters_and_leaves_a_vrf() {
    let keeps = "net.ipv6.conf.eth1.keep_addr_on_down";
    let mut host = Host::new(&[(keeps, "0")]);
    host.actual.state.settings.insert(Setting::LinkMaster("eth1".parse().expect("a name")), String::new());
    let steps = host.apply(VPN);
    assert!(place(&steps, keeps) < place(&steps, "eth1 master"), "{steps:#?}");
    let steps = host.clear();
    assert!(place(&steps, "eth1 master") < place(&steps, keeps), "{steps:#?}");
}

#[test]
fn a_port_that_is_too_small_for_ipv6_needs_no_switch_of_it() {
    let eth1 = "eth1".parse().expect("a name");
    let switch = "net.ipv6.conf.eth1.seg6_enabled";
    let mut host = Host::new(&[]);
    host.actual.state.settings.insert(Setting::LinkMtu(eth1), "1200".into());
    let steps = host.apply(PORT);
    assert!(!steps.iter().any(|step| step.contains(switch)), "{steps:#?}");
    // Once it is larger, it has the one of `default`.
    host.actual.state.settings.insert(Setting::LinkMtu(eth1), "1500".into());
    host.actual.state.settings.insert(sysctl(switch), "1".into());
    assert!(place(&host.apply(PORT), switch) < 1);
}

#[test]
fn what_ends_with_ipv6_is_not_put_back() {
    let eth1 = "eth1".parse().expect("a name");
    let switch = "net.ipv6.conf.eth1.seg6_enabled";
    let mut host = Host::new(&[]);
    host.actual.state.settings.insert(Setting::LinkMtu(eth1), "1200".into());
    host.apply("[interface.eth1]\nmtu = 1500\n");
    // It comes with IPv6.
    host.actual.state.settings.insert(sysctl(switch), "0".into());
    host.apply("[interface.eth1]\nmtu = 1500\nsrv6 = true\n");
    assert_eq!((host.is(switch), host.base.contains_key(&sysctl(switch))), ("1", true));
    // The kernel has none of it once the port is small again.
    let steps = host.clear();
    assert!(!steps.iter().any(|step| step.contains(switch)), "{steps:#?}");
    assert_eq!(host.actual.setting(&Setting::LinkMtu(eth1)).as_deref(), Some("1200"));
}

#[test]
fn a_vrf_that_is_made_anew_gets_its_sids_anew() {
    let mut host = Host::new(&[]);
    host.apply(VPN);
    // Another program has removed it.
    host.actual.state.links.remove(&"blue".parse().expect("a name"));
    let steps = host.apply(VPN);
    let at = |line: &str| {
        steps.iter().position(|step| step.starts_with(line)).unwrap_or_else(|| panic!("{line}: {steps:#?}"))
    };
    let (away, made, back) =
        (at("- sid       fc00:0:1:100::/128"), at("+ device    blue"), at("+ sid       fc00:0:1:100::/128"));
    assert!(away < made && made < back, "{steps:#?}");
    assert!(host.apply(VPN).is_empty());
}

#[test]
fn a_device_that_another_took_down_comes_up_and_leaves_no_trace() {
    let mut host = Host::new(&[]);
    host.apply(VPN);
    for device in ["blue", "segbox0"] {
        host.actual.state.settings.insert(Setting::LinkUp(device.parse().expect("a name")), "down".into());
    }
    host.actual.state.settings.insert(sysctl("net.ipv4.conf.blue.rp_filter"), "2".into());
    let steps = host.apply(VPN);
    assert_eq!(steps.iter().filter(|step| step.ends_with("state  down -> up")).count(), 2, "{steps:#?}");
    assert!(place(&steps, "net.ipv4.conf.blue.rp_filter") > 1, "{steps:#?}");
    // The device goes with its settings: none of them is put back.
    let steps = host.clear();
    assert!(!steps.iter().any(|step| step.contains("blue state") || step.contains("conf.blue")), "{steps:#?}");
}

#[test]
fn the_source_rule_is_wherever_a_vrf_and_a_source_are() {
    let file = format!("{VPN}[srv6]\nsource = \"fc00:0:1::1\"\n");
    let steps = Host::new(&[]).apply(&file);
    for line in ["+ rule      999 from fc00:0:1::1 lookup main", "+ filter    vrf  in every VRF: drop from fc00:0:1::1"]
    {
        assert!(steps.iter().any(|step| step.starts_with(line)), "{line}: {steps:#?}");
    }
}

#[test]
fn a_port_that_learns_by_advertisements_gets_what_it_needs_and_gets_its_own_back() {
    let of = |name: &str| format!("net.ipv6.conf.eth1.{name}");
    // As PID 1 of the image leaves it.
    let before = [
        ("accept_ra", "0"),
        ("accept_ra_defrtr", "1"),
        ("autoconf", "0"),
        ("disable_ipv6", "1"),
        ("ra_defrtr_metric", "1024"),
        ("seg6_enabled", "0"),
    ]
    .map(|(name, value)| (of(name), value));
    let mut host = Host::new(&before.each_ref().map(|(name, value)| (name.as_str(), *value)));
    let steps = host.apply("[interface.eth1]\naccept-ra = true\n");
    assert!(place(&steps, &of("accept_ra")) < place(&steps, "net.ipv6.conf.all.forwarding"), "{steps:#?}");
    let learns = [("accept_ra", "2"), ("accept_ra_defrtr", "1"), ("autoconf", "1"), ("ra_defrtr_metric", "4096")];
    for (name, value) in learns.into_iter().chain([("disable_ipv6", "0")]) {
        assert_eq!(host.is(&of(name)), value, "{name}");
    }
    // The router goes on forwarding, and the port no longer learns.
    host.apply(PORT);
    for (name, value) in &before {
        assert_eq!(host.is(name), *value, "{name}");
    }
    host.apply("[interface.eth1]\naccept-ra = true\n");
    host.clear();
    for (name, value) in &before {
        assert_eq!(host.is(name), *value, "{name}");
    }
}
