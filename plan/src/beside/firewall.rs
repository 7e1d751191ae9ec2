//! Firewalls that lose SRv6: chains that drop what no rule accepts, what connection tracking calls invalid, or what comes by another way than its
//! answer would go. Not here: reading the chains, and which of their packets come (`reach`).

use segbox_config::{Hazard, IfName};

use super::chain::{Chain, Family, Hook, Rule, Verdict};
use super::reach::{is_reached, opens};

/// segbox's own table.
const OWN: &str = "segbox";
/// nf_ct_state is compared at this priority or later (NF_IP6_PRI_FILTER); a chain before it can take the packet out.
const FILTER: i32 = 0;

pub(super) fn hazards(chains: &[Chain], ports: &[IfName]) -> Vec<Hazard> {
    let others = || chains.iter().filter(|chain| chain.table != OWN);
    let mut found = Vec::new();
    for chain in others() {
        let owner = owner(chain, chains);
        let reached = |hook| is_reached(chain, chains, hook);
        if chain.hook == Some(Hook::Forward) && chain.is_closed() && !ports_are_open(chain, chains, ports) {
            found.push(chain.forward_drop(owner));
        }
        if chain.rules.iter().any(Rule::drops_invalid) {
            if reached(Hook::Forward) && !is_untracked(chains, Hook::Forward) {
                found.push(chain.invalid_in_forward(owner));
            } else if reached(Hook::Prerouting) && !is_untracked(chains, Hook::Prerouting) {
                found.push(chain.invalid_in_prerouting(owner));
            }
        }
        if chain.rules.iter().any(Rule::drops_by_way_back) && (reached(Hook::Prerouting) || reached(Hook::Forward)) {
            found.push(chain.way_back(owner));
        }
    }
    found
}

/// Whether a rule accepts each port of the core, on the way in or on the way out. Without a known port no rule is taken for it.
fn ports_are_open(chain: &Chain, chains: &[Chain], ports: &[IfName]) -> bool {
    !ports.is_empty() && ports.iter().all(|port| opens(chain, chains, port.as_str()))
}

/// Whether a chain before the filters takes all packets out of connection tracking.
fn is_untracked(chains: &[Chain], hook: Hook) -> bool {
    let all = |rule: &Rule| rule.verdict == Verdict::Untrack && rule.port.is_none() && !rule.has_conditions;
    let early = |chain: &&Chain| chain.hook == Some(hook) && chain.priority < FILTER && chain.family == Family::Both;
    chains.iter().filter(early).any(|chain| chain.rules.iter().any(all))
}

impl Rule {
    fn drops_invalid(&self) -> bool {
        self.maps_invalid_to_drop || self.is_invalid && self.verdict == Verdict::Drop
    }

    fn drops_by_way_back(&self) -> bool {
        self.looks_back && self.verdict == Verdict::Drop
    }
}

impl Chain {
    /// What comes to its end is lost.
    fn is_closed(&self) -> bool {
        self.drops_by_policy || self.rules.iter().any(|rule| rule.takes_all() && rule.verdict == Verdict::Drop)
    }

    fn title(&self) -> String {
        match self.is_legacy {
            true => format!("the chain {} of `{}`", self.name, self.legacy_tool()),
            false => format!("the chain `{} {} {}`", self.family_word(), self.table, self.name),
        }
    }

    fn legacy_tool(&self) -> &'static str {
        if self.family == Family::Ipv4 { "iptables-legacy" } else { "ip6tables-legacy" }
    }

    fn family_word(&self) -> &'static str {
        match self.family {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
            Family::Both => "inet",
        }
    }

    fn forward_drop(&self, owner: &str) -> Hazard {
        let loses = match self.family {
            Family::Ipv4 => "IPv4 packets that End.DX4, End.DT4 and End.DT46 decapsulate are lost",
            Family::Ipv6 | Family::Both => "packets of SIDs and policies are lost, and all that the router forwards",
        };
        let (family, table, name, tool) = (self.family_word(), &self.table, &self.name, self.legacy_tool());
        let fix = match owner {
            "ufw" => "run `ufw route allow in on PORT` for each port of the router, or `ufw default allow routed`".to_owned(),
            "firewalld" => "run `firewall-cmd --permanent --zone=trusted --change-interface=PORT` for each port of the router, then \
                            `firewall-cmd --reload`"
                .to_owned(),
            _ if self.is_legacy => format!(
                "run `{tool} -I {name} -i PORT -j ACCEPT` and `{tool} -I {name} -o PORT -j ACCEPT` for each port of the core"
            ),
            _ => format!(
                "run `nft insert rule {family} {table} {name} iifname PORT accept` and `nft insert rule {family} {table} {name} \
                 oifname PORT accept` for each port of the core"
            ),
        };
        Hazard {
            what: format!("{} drops forwarded packets that no rule accepts ({owner})", self.title()),
            loses: loses.into(),
            fix,
        }
    }

    fn invalid_in_forward(&self, owner: &str) -> Hazard {
        Hazard {
            what: format!("{} drops forwarded packets of the connection state invalid ({owner})", self.title()),
            loses: "packets of SIDs and policies are lost: where Linux encapsulates or decapsulates, it takes the connection off the \
                    packet, and a packet without one counts as invalid"
                .into(),
            fix: "take such packets out of connection tracking: `nft 'add table inet srv6; add chain inet srv6 forward { type filter \
                  hook forward priority raw; }; add rule inet srv6 forward notrack'`; a packet that has a connection keeps it"
                .into(),
        }
    }

    fn invalid_in_prerouting(&self, owner: &str) -> Hazard {
        Hazard {
            what: format!("{} drops incoming packets of the connection state invalid ({owner})", self.title()),
            loses: "the last packets of TCP connections through a policy are lost: connection tracking sees one direction only".into(),
            fix: "run `nft 'add table inet srv6; add chain inet srv6 raw { type filter hook prerouting priority raw; }; add rule inet \
                  srv6 raw notrack'`, or let the last rule name the policies' destinations alone"
                .into(),
        }
    }

    fn way_back(&self, owner: &str) -> Hazard {
        Hazard {
            what: format!(
                "{} drops packets that come in by another way than their answer would go ({owner})",
                self.title()
            ),
            loses: "what comes from a policy's prefix is lost: the way back to it is the policy, on segbox0".into(),
            fix: match owner {
                "firewalld" => {
                    "write `IPv6_rpfilter=no` into /etc/firewalld/firewalld.conf, and restart firewalld".into()
                }
                _ => "remove that rule, or let it look at the ports of customers alone".into(),
            },
        }
    }
}

/// The program that wrote a chain, by the names that it uses.
fn owner(chain: &Chain, chains: &[Chain]) -> &'static str {
    let has = |prefix: &str| chains.iter().any(|other| other.is_beside(chain) && other.name.starts_with(prefix));
    match () {
        () if chain.table == "firewalld" => "firewalld",
        () if has("ufw") => "ufw",
        () if has("DOCKER") => "Docker",
        () if chain.name.chars().all(|letter| letter.is_ascii_uppercase()) => "iptables",
        () => "nftables",
    }
}
