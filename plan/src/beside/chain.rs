//! Chains and rules of a firewall, as far as they matter to SRv6. Not here: what is lost by them.

/// The packets that a chain sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// `ip`
    Ipv4,
    /// `ip6`
    Ipv6,
    /// `inet`
    Both,
}

/// The place in the kernel where a base chain is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Packets that come in.
    Prerouting,
    /// Packets that are forwarded.
    Forward,
    /// Packets to the box.
    Input,
    /// Packets of the box.
    Output,
    /// Another one: SRv6 that goes through the box does not meet it.
    Other,
}

/// A chain of a firewall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its family.
    pub family: Family,
    /// The name of its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// None for a chain that others jump to.
    pub hook: Option<Hook>,
    /// The place among the chains of its hook: the lowest is called first.
    pub priority: i32,
    /// It drops what none of its rules decides.
    pub drops_by_policy: bool,
    /// It is one of iptables-legacy.
    pub is_legacy: bool,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// A rule, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// The interface that a packet must come in by; a `*` at its end stands for any rest.
    pub input: Option<String>,
    /// The same of the interface that it must leave by.
    pub output: Option<String>,
    /// It takes only packets to unicast addresses that are not the box's own.
    pub to_unicast: bool,
    /// It has other conditions.
    pub has_conditions: bool,
    /// What it does, if its conditions are met and the chains that it leads to decide nothing.
    pub verdict: Verdict,
    /// One of its conditions is that the connection's state is invalid.
    pub is_invalid: bool,
    /// It drops packets of the connection state invalid, by a verdict map.
    pub maps_invalid_to_drop: bool,
    /// It compares the way back to the sender.
    pub looks_back: bool,
    /// The chains that it may lead to.
    pub leads_to: Vec<String>,
}

/// The end of a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Another one, or none.
    #[default]
    Other,
    /// Accepts.
    Accept,
    /// Drops or rejects.
    Drop,
    /// Ends this chain, and goes on where it was called.
    Return,
    /// Takes the packet out of connection tracking, and goes on.
    Untrack,
}

impl Chain {
    /// They are in one table.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        (self.is_legacy, self.family, &self.table) == (other.is_legacy, other.family, &other.table)
    }
}

impl Rule {
    /// It decides about every packet that comes to it.
    pub(super) fn takes_all(&self) -> bool {
        self.input.is_none() && self.output.is_none() && !self.has_conditions && !self.to_unicast
    }

    /// It decides about every packet that goes from one port to another.
    pub(super) fn takes(&self, from: &str, to: &str) -> bool {
        let fits = |wanted: &Option<String>, port| wanted.as_deref().is_none_or(|name| covers(name, port));
        !self.has_conditions && !self.to_unicast && fits(&self.input, from) && fits(&self.output, to)
    }
}

/// Whether the name in a rule is a port's, or the beginning of it with a `*`.
fn covers(name: &str, port: &str) -> bool {
    name.strip_suffix('*').map_or(name == port, |start| port.starts_with(start))
}
