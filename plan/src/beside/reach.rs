//! Which packets come to a chain of a firewall, and which a chain accepts. Not here: what is lost.

use std::collections::BTreeSet;

use super::chain::{Chain, Hook, Verdict};

/// Whether packets come to a chain from this hook.
pub(super) fn is_reached(chain: &Chain, chains: &[Chain], hook: Hook) -> bool {
    let beside = || chains.iter().filter(|other| other.is_beside(chain));
    let mut reached: BTreeSet<&str> =
        beside().filter(|other| other.hook == Some(hook)).map(|base| base.name.as_str()).collect();
    loop {
        let before = reached.len();
        let next = beside().filter(|other| reached.contains(other.name.as_str()));
        let more: Vec<&str> =
            next.flat_map(|other| other.rules.iter().flat_map(|rule| &rule.leads_to)).map(String::as_str).collect();
        reached.extend(more);
        if reached.len() == before {
            return reached.contains(chain.name.as_str());
        }
    }
}

/// Whether a chain accepts all packets of a port, by itself or in a chain that it leads to.
pub(super) fn opens(chain: &Chain, chains: &[Chain], port: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![chain];
    while let Some(chain) = waiting.pop() {
        if !seen.insert(chain.name.as_str()) {
            continue;
        }
        let fitting = chain
            .rules
            .iter()
            .filter(|rule| !rule.has_conditions && rule.port.as_deref().is_none_or(|its| covers(its, port)));
        for rule in fitting {
            match rule.verdict {
                Verdict::Accept => return true,
                // What follows is not reached.
                Verdict::Drop => break,
                Verdict::Other | Verdict::Untrack => {}
            }
            let next = chains.iter().filter(|other| other.is_beside(chain) && rule.leads_to.contains(&other.name));
            waiting.extend(next);
        }
    }
    false
}

/// Whether the name in a rule is a port's, or the beginning of it with a `*`.
fn covers(name: &str, port: &str) -> bool {
    name.strip_suffix('*').map_or(name == port, |start| port.starts_with(start))
}
