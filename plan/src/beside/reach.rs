//! Which packets come to a chain of a firewall, and which a chain lets through. Not here: what is lost.

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

/// Whether a base chain lets all packets through that go from one port to another.
pub(super) fn passes(chain: &Chain, chains: &[Chain], from: &str, to: &str) -> bool {
    decides(chain, chains, (from, to), &mut BTreeSet::new()).unwrap_or(!chain.drops_by_policy)
}

/// What a chain and those that it leads to decide; None if they leave it to the chain that called it.
fn decides<'a>(
    chain: &'a Chain,
    chains: &'a [Chain],
    way: (&str, &str),
    callers: &mut BTreeSet<&'a str>,
) -> Option<bool> {
    // The kernel allows no circle.
    if !callers.insert(chain.name.as_str()) {
        return None;
    }
    let mut decided = None;
    for rule in chain.rules.iter().filter(|rule| rule.takes(way.0, way.1)) {
        let next = chains.iter().filter(|other| other.is_beside(chain) && rule.leads_to.contains(&other.name));
        decided = next.into_iter().find_map(|next| decides(next, chains, way, callers)).or(match rule.verdict {
            Verdict::Accept => Some(true),
            Verdict::Drop => Some(false),
            Verdict::Return | Verdict::Untrack | Verdict::Other => None,
        });
        if decided.is_some() || rule.verdict == Verdict::Return {
            break;
        }
    }
    callers.remove(chain.name.as_str());
    decided
}
