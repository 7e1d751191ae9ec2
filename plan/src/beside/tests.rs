//! Chains as the programs write them.

use super::chain::{Chain, Family, Hook, Rule, Verdict};
use super::firewall::hazards;

fn chain(name: &str, hook: Option<Hook>) -> Chain {
    Chain {
        family: Family::Ipv6,
        table: "filter".into(),
        name: name.into(),
        hook,
        priority: 0,
        drops_by_policy: false,
        is_legacy: false,
        rules: Vec::new(),
    }
}

fn rule(verdict: Verdict) -> Rule {
    Rule { verdict, ..Rule::default() }
}

fn leads(to: &str) -> Rule {
    Rule { leads_to: vec![to.into()], ..Rule::default() }
}

fn at(port: &str, rule: Rule) -> Rule {
    Rule { port: Some(port.into()), ..rule }
}

/// On a box whose port of the core is eth1.
fn words(chains: &[Chain]) -> Vec<String> {
    hazards(chains, &["eth1".parse().expect("a name")]).into_iter().map(|hazard| hazard.what).collect()
}

#[test]
fn a_closed_forward_chain_is_named_with_its_owner() {
    let closed = Chain { drops_by_policy: true, ..chain("FORWARD", Some(Hook::Forward)) };
    let drops = |owner: &str| {
        vec![format!("the chain `ip6 filter FORWARD` drops forwarded packets that no rule accepts ({owner})")]
    };
    assert_eq!(words(std::slice::from_ref(&closed)), drops("iptables"));
    assert_eq!(words(&[closed.clone(), chain("DOCKER-USER", None)]), drops("Docker"));
    assert_eq!(words(&[closed.clone(), chain("ufw6-user-forward", None)]), drops("ufw"));
    let input = Chain { drops_by_policy: true, ..chain("INPUT", Some(Hook::Other)) };
    let own = Chain { table: "segbox".into(), ..closed.clone() };
    assert!(words(&[input, own, chain("FORWARD", Some(Hook::Forward))]).is_empty());
    let legacy = Chain { is_legacy: true, ..closed };
    assert_eq!(
        words(&[legacy]),
        ["the chain FORWARD of `ip6tables-legacy` drops forwarded packets that no rule accepts (iptables)"]
    );
    let last = Chain {
        table: "firewalld".into(),
        rules: vec![rule(Verdict::Drop)],
        ..chain("filter_FORWARD", Some(Hook::Forward))
    };
    assert_eq!(
        words(&[last]),
        ["the chain `ip6 firewalld filter_FORWARD` drops forwarded packets that no rule accepts (firewalld)"]
    );
}

#[test]
fn a_chain_that_accepts_the_cores_ports_is_not_named() {
    let with = |rules: Vec<Rule>| Chain { drops_by_policy: true, rules, ..chain("forward", Some(Hook::Forward)) };
    assert!(words(&[with(vec![at("eth1", rule(Verdict::Accept))])]).is_empty());
    assert_eq!(words(&[with(vec![at("docker0", rule(Verdict::Accept))])]).len(), 1, "another port");
    assert!(words(&[with(vec![at("eth*", rule(Verdict::Accept))])]).is_empty());
    assert_eq!(words(&[with(vec![at("et", rule(Verdict::Accept))])]).len(), 1, "no beginning without its star");
    let other = Rule { has_conditions: true, ..at("eth1", rule(Verdict::Accept)) };
    assert_eq!(words(&[with(vec![other])]).len(), 1, "only some of its packets");
    assert_eq!(words(&[with(vec![rule(Verdict::Drop), at("eth1", rule(Verdict::Accept))])]).len(), 1, "too late");
    // As firewalld's zones: a rule for the port leads to a chain that accepts all.
    let zone = Chain { rules: vec![rule(Verdict::Accept)], ..chain("zone", None) };
    assert!(words(&[with(vec![at("eth1", leads("zone"))]), zone.clone()]).is_empty());
    assert_eq!(words(&[with(vec![at("eth0", leads("zone"))]), zone]).len(), 1);
    assert_eq!(hazards(&[with(vec![at("eth1", rule(Verdict::Accept))])], &[]).len(), 1, "no port is known");
}

#[test]
fn invalid_counts_where_srv6_comes_by() {
    let invalid = Rule { is_invalid: true, has_conditions: true, ..rule(Verdict::Drop) };
    let deep = Chain { rules: vec![invalid], ..chain("deep", None) };
    let middle = Chain { rules: vec![leads("deep")], ..chain("middle", None) };
    let with =
        |hook| vec![deep.clone(), middle.clone(), Chain { rules: vec![leads("middle")], ..chain("base", Some(hook)) }];
    for (hook, said) in [(Hook::Forward, "drops forwarded packets"), (Hook::Prerouting, "drops incoming packets")] {
        let found = words(&with(hook));
        assert!(found.len() == 1 && found[0].contains(said), "{hook:?}: {found:?}");
        let untracks = Chain {
            family: Family::Both,
            table: "srv6".into(),
            priority: -300,
            rules: vec![rule(Verdict::Untrack)],
            ..chain("early", Some(hook))
        };
        assert!(words(&[with(hook), vec![untracks.clone()]].concat()).is_empty(), "the fix is in");
        let late = Chain { priority: 10, ..untracks };
        assert_eq!(words(&[with(hook), vec![late]].concat()).len(), 1, "too late");
    }
    assert!(words(&with(Hook::Other)).is_empty());
    let map = Rule { maps_invalid_to_drop: true, has_conditions: true, ..Rule::default() };
    assert_eq!(words(&[Chain { rules: vec![map], ..chain("base", Some(Hook::Forward)) }]).len(), 1);
    let mut circle = with(Hook::Forward);
    circle[1].rules = vec![leads("base")];
    assert!(words(&circle).is_empty(), "a circle ends, and nothing leads to it");
}

#[test]
fn a_rule_about_the_way_back_is_named() {
    let back = Rule { looks_back: true, has_conditions: true, ..rule(Verdict::Drop) };
    let early = Chain { rules: vec![back], ..chain("early", Some(Hook::Prerouting)) };
    assert_eq!(words(std::slice::from_ref(&early)).len(), 1);
    assert!(words(&[Chain { hook: Some(Hook::Other), ..early }]).is_empty());
}

#[test]
fn the_kernels_switch_for_more_hooks_is_named_where_it_is_on() {
    let with = |value: Option<&str>| {
        let beside = super::Beside { lwtunnel_hooks: value.map(str::to_owned), ..super::Beside::default() };
        super::hazards(&beside).into_iter().map(|hazard| hazard.what).collect::<Vec<_>>()
    };
    assert_eq!(with(Some("1")), ["net.netfilter.nf_hooks_lwtunnel is 1"]);
    assert!(with(Some("0")).is_empty() && with(None).is_empty());
}
