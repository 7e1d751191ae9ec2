//! Firewalls that lose SRv6: chains that drop what no rule accepts, what connection tracking calls invalid, or what comes by another way than its
//! answer would go. Not here: reading the chains, and which of their packets come (`reach`).

use segbox_config::Hazard;

use super::chain::{Chain, Family, Hook, Rule, Verdict};
use super::ports::Ports;
use super::reach::{is_reached, passes};

/// segbox's own table.
pub(super) const OWN: &str = "segbox";
/// The chain in which Docker lets others decide (docs.docker.com, "Docker with iptables").
const DOCKER_USER: &str = "DOCKER-USER";
/// nf_ct_state is compared at this priority or later (NF_IP6_PRI_FILTER); a chain before it can take the packet out.
const FILTER: i32 = 0;

pub(super) fn hazards(chains: &[Chain], ports: &Ports<'_>) -> Vec<Hazard> {
    let others = || chains.iter().filter(|chain| chain.table != OWN);
    let mut found = Vec::new();
    for chain in others() {
        let owner = owner(chain, chains);
        let reached = |hook| is_reached(chain, chains, hook);
        if chain.hook == Some(Hook::Forward) && is_closed(chain, chains, &ports.ways()) {
            found.push(chain.forward_drop(owner, chains, ports));
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

/// Whether it drops what goes one of these ways. Without a known port no rule is taken for one that accepts it.
pub(super) fn is_closed(chain: &Chain, chains: &[Chain], ways: &[(&str, &str)]) -> bool {
    let drops_the_rest =
        chain.drops_by_policy || chain.rules.iter().any(|rule| rule.takes_all() && rule.verdict == Verdict::Drop);
    match ways {
        [] => drops_the_rest,
        ways => ways.iter().any(|(from, to)| !passes(chain, chains, from, to)),
    }
}

/// Whether a chain before the filters takes all packets out of connection tracking.
fn is_untracked(chains: &[Chain], hook: Hook) -> bool {
    let all = |rule: &Rule| rule.verdict == Verdict::Untrack && rule.takes_all();
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
    pub(super) fn title(&self) -> String {
        match self.is_legacy {
            true => format!("the chain {} of `{}`", self.name, self.legacy_tool()),
            false => format!("the chain `{} {} {}`", self.family_word(), self.table, self.name),
        }
    }

    fn legacy_tool(&self) -> &'static str {
        if self.family == Family::Ipv4 { "iptables-legacy" } else { "ip6tables-legacy" }
    }

    /// The program that writes into it, where it is one of iptables.
    fn iptables(&self) -> Option<&'static str> {
        let is_of_iptables = self.table == "filter" && is_upper_case(&self.name);
        match self.family {
            _ if self.is_legacy => Some(self.legacy_tool()),
            Family::Ipv4 if is_of_iptables => Some("iptables"),
            Family::Ipv6 if is_of_iptables => Some("ip6tables"),
            _ => None,
        }
    }

    pub(super) fn family_word(&self) -> &'static str {
        match self.family {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
            Family::Both => "inet",
        }
    }

    fn forward_drop(&self, owner: &str, chains: &[Chain], ports: &Ports<'_>) -> Hazard {
        let ipv4_only = self.family == Family::Ipv4;
        let loses = match ipv4_only {
            true => "IPv4 packets that End.DX4, End.DT4 and End.DT46 decapsulate are lost",
            false => "packets of SIDs and policies are lost, and all that the router forwards",
        };
        Hazard {
            what: format!("{} drops forwarded packets that no rule accepts ({owner})", self.title()),
            loses: loses.into(),
            fix: match owner {
                "ufw" => {
                    let each = ports.for_all(&["ufw route allow in on PORT".into()]);
                    format!("run {each}, or `ufw default allow routed`")
                }
                "firewalld" => {
                    let each =
                        ports.for_all(&["firewall-cmd --permanent --zone=trusted --change-interface=PORT".into()]);
                    format!("run {each}, then `firewall-cmd --reload`")
                }
                _ => {
                    let rules = ports.for_the_core(&self.accepting_rules(chains));
                    format!(
                        "run {rules}; the next boot needs it again, so write it into that firewall's configuration too"
                    )
                }
            },
            ipv4_only,
        }
    }

    /// Commands that accept what comes in and what leaves by a port, before all other rules. Docker rewrites its own rules, and has a chain for
    /// those of others.
    fn accepting_rules(&self, chains: &[Chain]) -> [String; 2] {
        let for_others = |chain: &&Chain| chain.is_beside(self) && chain.name == DOCKER_USER;
        let is_called =
            self.rules.iter().any(|rule| rule.takes_all() && rule.leads_to.iter().any(|name| name == DOCKER_USER));
        let chain = chains.iter().filter(|_| is_called).find(for_others).unwrap_or(self);
        let (family, table, name) = (chain.family_word(), &chain.table, &chain.name);
        match chain.iptables() {
            Some(tool) => ["-i", "-o"].map(|direction| format!("{tool} -I {name} {direction} PORT -j ACCEPT")),
            None => ["iifname", "oifname"]
                .map(|direction| format!("nft insert rule {family} {table} {name} {direction} PORT accept")),
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
            ipv4_only: false,
        }
    }

    fn invalid_in_prerouting(&self, owner: &str) -> Hazard {
        Hazard {
            what: format!("{} drops incoming packets of the connection state invalid ({owner})", self.title()),
            loses: "the last packets of TCP connections through a policy are lost: connection tracking sees one direction only".into(),
            fix: "run `nft 'add table inet srv6; add chain inet srv6 raw { type filter hook prerouting priority raw; }; add rule inet \
                  srv6 raw notrack'`, or let the last rule name the policies' destinations alone"
                .into(),
            ipv4_only: false,
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
                    "run `sed -i 's/^IPv6_rpfilter=.*/IPv6_rpfilter=no/' /etc/firewalld/firewalld.conf` and \
                                `firewall-cmd --reload`"
                        .into()
                }
                _ => "remove that rule, or let it look at the ports of customers alone".into(),
            },
            ipv4_only: false,
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
        () if is_upper_case(&chain.name) => "iptables",
        () => "nftables",
    }
}

/// As iptables names its own chains.
fn is_upper_case(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '-')
}
