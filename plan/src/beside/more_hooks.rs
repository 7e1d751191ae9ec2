//! net.netfilter.nf_hooks_lwtunnel: with 1, packets to SIDs pass the hook `input`, and those of policies the hook `output`
//! (net/ipv6/seg6_local.c, seg6_local_input; seg6_iptunnel.c, seg6_input_core). A firewall of a host closes these.

use segbox_config::Hazard;

use super::chain::{Chain, Hook};
use super::firewall::{OWN, is_closed};
use super::ports::Ports;

/// The hooks: what loses a packet there, and the rule that accepts it. A SID is no address of the box, so its type is another one.
const HOOKS: [(Hook, &str, &str); 2] = [
    (Hook::Input, "packets to this box's SIDs are lost", "iifname PORT fib daddr type unicast accept"),
    (Hook::Output, "packets of policies are lost", "oifname PORT accept"),
];

/// Of a kernel with the switch on.
pub(super) fn hazards(chains: &[Chain], ports: &Ports<'_>) -> Vec<Hazard> {
    // In `input` only packets to SIDs go to addresses that are not the box's own.
    let mut chains = chains.to_vec();
    chains.iter_mut().flat_map(|chain| &mut chain.rules).for_each(|rule| rule.to_unicast = false);
    let others = || chains.iter().filter(|chain| chain.table != OWN);
    let of_hook = |(hook, loses, rule): (Hook, &str, &str)| {
        let ways: Vec<(&str, &str)> =
            ports.core().map(|port| if hook == Hook::Input { (port, "") } else { ("", port) }).collect();
        let closed = others().filter(|chain| chain.hook == Some(hook) && is_closed(chain, &chains, &ways));
        closed.map(|chain| hazard(chain, loses, rule, ports)).collect::<Vec<_>>()
    };
    HOOKS.into_iter().flat_map(of_hook).collect()
}

fn hazard(chain: &Chain, loses: &str, rule: &str, ports: &Ports<'_>) -> Hazard {
    let (family, table, name) = (chain.family_word(), &chain.table, &chain.name);
    let command = ports.for_the_core(&[format!("nft insert rule {family} {table} {name} {rule}")]);
    Hazard {
        what: format!("{} drops what no rule accepts, and net.netfilter.nf_hooks_lwtunnel is 1", chain.title()),
        loses: format!("{loses}: with 1 they pass that chain, too"),
        fix: format!("run {command}, or boot without the setting: the kernel takes no 0 once it was 1"),
        ipv4_only: false,
    }
}
