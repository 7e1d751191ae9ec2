//! Chains as the programs write them.

use segbox_config::Hazard;

use super::chain::{Chain, Family, Hook, Rule, Verdict};
use super::{Beside, hazards};

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
    Rule { input: Some(port.into()), ..rule }
}

fn to(port: &str, rule: Rule) -> Rule {
    Rule { output: Some(port.into()), ..rule }
}

/// On a box with these ports in the core and beside it.
fn found(chains: &[Chain], ports: &[&str], others: &[&str]) -> Vec<Hazard> {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect();
    let (chains, ports, others) = (Some(chains.to_vec()), names(ports), names(others));
    hazards(&Beside { chains, ports, others, ..Beside::default() })
}

/// On a box whose only port is eth1.
fn words(chains: &[Chain]) -> Vec<String> {
    found(chains, &["eth1"], &[]).into_iter().map(|hazard| hazard.what).collect()
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
    let accepts = with(vec![at("eth1", rule(Verdict::Accept))]);
    assert_eq!(found(&[accepts], &[], &[]).len(), 1, "no port is known");
}

#[test]
fn every_way_by_a_port_of_the_core_has_to_be_accepted() {
    let is_named = |rules: Vec<Rule>| {
        let chain = Chain { drops_by_policy: true, rules, ..chain("forward", Some(Hook::Forward)) };
        !found(&[chain], &["eth1"], &["eth0"]).is_empty()
    };
    let accept = || rule(Verdict::Accept);
    assert!(is_named(vec![at("eth1", accept())]), "what enters a policy leaves by it");
    assert!(!is_named(vec![at("eth1", accept()), to("eth1", accept())]));
    assert!(!is_named(vec![at("eth*", accept())]));
    assert!(!is_named(vec![at("eth1", accept()), at("eth0", to("eth1", accept()))]), "both interfaces in a rule");
    assert!(!is_named(vec![at("eth1", to("eth0", accept())), at("eth0", to("eth1", accept()))]));
    assert!(is_named(vec![at("eth1", to("eth0", accept()))]), "the way in is open, the way out is not");
    assert!(is_named(vec![at("eth1", rule(Verdict::Drop)), accept()]), "before the rule that accepts");
    assert!(is_named(vec![rule(Verdict::Return), accept()]), "behind the end of the chain");
    assert!(!is_named(vec![at("docker0", rule(Verdict::Drop)), accept()]));
}

#[test]
fn what_a_chain_returns_goes_on_where_it_was_called() {
    let base = |rules| Chain { drops_by_policy: true, rules, ..chain("FORWARD", Some(Hook::Forward)) };
    let user = |rules| Chain { rules, ..chain("DOCKER-USER", None) };
    let accept = || rule(Verdict::Accept);
    let returns = || rule(Verdict::Return);
    assert!(words(&[base(vec![leads("DOCKER-USER")]), user(vec![at("eth1", accept()), returns()])]).is_empty());
    assert_eq!(words(&[base(vec![leads("DOCKER-USER")]), user(vec![returns(), at("eth1", accept())])]).len(), 1);
    assert!(words(&[base(vec![leads("DOCKER-USER"), accept()]), user(vec![returns()])]).is_empty());
    // `goto`.
    let leaves = Rule { verdict: Verdict::Return, ..leads("DOCKER-USER") };
    assert_eq!(words(&[base(vec![leaves, accept()]), user(vec![returns()])]).len(), 1);
}

#[test]
fn a_fix_is_typed_as_it_is_printed() {
    let closed = |name: &str| Chain { drops_by_policy: true, ..chain(name, Some(Hook::Forward)) };
    let fix = |chains: &[Chain], ports: &[&str]| found(chains, ports, &["eth0"]).remove(0).fix;
    let begins = |fix: String, expected: &str| assert!(fix.starts_with(expected), "{fix}");
    begins(
        fix(&[closed("FORWARD")], &["eth1"]),
        "run `ip6tables -I FORWARD -i eth1 -j ACCEPT; ip6tables -I FORWARD -o eth1 -j ACCEPT`;",
    );
    begins(
        fix(&[closed("forward")], &["eth1", "eth2"]),
        "run `for port in eth1 eth2; do nft insert rule ip6 filter forward iifname $port accept; \
         nft insert rule ip6 filter forward oifname $port accept; done`;",
    );
    let docker = Chain { rules: vec![leads("DOCKER-USER")], ..closed("FORWARD") };
    begins(
        fix(&[docker, chain("DOCKER-USER", None)], &["eth1"]),
        "run `ip6tables -I DOCKER-USER -i eth1 -j ACCEPT; ip6tables -I DOCKER-USER -o eth1 -j ACCEPT`;",
    );
    begins(fix(&[closed("FORWARD"), chain("DOCKER-USER", None)], &["eth1"]), "run `ip6tables -I FORWARD -i eth1");
    let ufw = || [closed("FORWARD"), chain("ufw6-user-forward", None)];
    begins(fix(&ufw(), &["eth1"]), "run `for port in eth1 eth0; do ufw route allow in on $port; done`, or");
    let many: Vec<String> = (1..9).map(|number| format!("eth{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    begins(fix(&ufw(), &many), "run `ufw route allow in on PORT` for each port of the router, or");
}

#[test]
fn a_chain_of_ipv4_concerns_what_sids_take_out() {
    let closed = |family| Chain { drops_by_policy: true, family, ..chain("FORWARD", Some(Hook::Forward)) };
    let ipv4_only = |family| found(&[closed(family)], &["eth1"], &[])[0].ipv4_only;
    assert_eq!([Family::Ipv4, Family::Ipv6, Family::Both].map(ipv4_only), [true, false, false]);
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
fn chains_of_the_box_are_named_where_packets_of_sids_pass_them() {
    let with = |value: Option<&str>| {
        let closed = |name, hook| Chain { drops_by_policy: true, ..chain(name, Some(hook)) };
        let to_sids = at("eth1", Rule { to_unicast: true, ..rule(Verdict::Accept) });
        let open = Chain { rules: vec![to_sids], ..closed("open", Hook::Input) };
        let chains = Some(vec![closed("in", Hook::Input), closed("out", Hook::Output), open]);
        let ports = vec!["eth1".parse().expect("a name")];
        let beside = Beside { lwtunnel_hooks: value.map(str::to_owned), chains, ports, ..Beside::default() };
        hazards(&beside).into_iter().map(|hazard| hazard.what).collect::<Vec<_>>()
    };
    let named = |name| {
        format!("the chain `ip6 filter {name}` drops what no rule accepts, and net.netfilter.nf_hooks_lwtunnel is 1")
    };
    assert_eq!(with(Some("1")), ["in", "out"].map(named));
    assert!(with(Some("0")).is_empty() && with(None).is_empty());
}
