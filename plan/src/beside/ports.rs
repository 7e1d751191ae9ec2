//! The ports between which the router forwards, and a command for each of them. Not here: what a chain does with their packets (`reach`).

use segbox_config::IfName;

use super::Beside;

/// More names than this make no readable command.
const MANY: usize = 6;

/// The ports of a router.
pub(super) struct Ports<'a> {
    /// Those that accept SRv6.
    core: &'a [IfName],
    /// Those that do not.
    others: &'a [IfName],
}

impl<'a> Ports<'a> {
    pub(super) fn of(beside: &'a Beside) -> Self {
        Self { core: &beside.ports, others: &beside.others }
    }

    /// The ways of packets of SIDs and policies: from a port of the core to another port, and back. A router with one port has one way.
    /// There is none while nothing is applied.
    pub(super) fn ways(&self) -> Vec<(&str, &str)> {
        let all = || self.core.iter().chain(self.others).map(IfName::as_str);
        if let ([port], []) = (self.core, self.others) {
            return vec![(port.as_str(), port.as_str())];
        }
        let both = |port, other| [(port, other), (other, port)];
        let of = |port| all().filter(move |other| *other != port).flat_map(move |other| both(port, other));
        self.core.iter().map(IfName::as_str).flat_map(of).collect()
    }

    /// The ports that accept SRv6.
    pub(super) fn core(&self) -> impl Iterator<Item = &str> {
        self.core.iter().map(IfName::as_str)
    }

    /// The commands with each port of the core in the place of `PORT`, to be typed as they are.
    pub(super) fn for_the_core(&self, commands: &[String]) -> String {
        repeated(self.core.iter(), commands, "core")
    }

    /// The same with each port of the router.
    pub(super) fn for_all(&self, commands: &[String]) -> String {
        repeated(self.core.iter().chain(self.others), commands, "router")
    }
}

fn repeated<'a>(ports: impl Iterator<Item = &'a IfName>, commands: &[String], whose: &str) -> String {
    let names: Vec<&str> = ports.map(IfName::as_str).collect();
    let commands = commands.join("; ");
    match names[..] {
        [port] => format!("`{}`", commands.replace("PORT", port)),
        [_, _, ..] if names.len() <= MANY => {
            format!("`for port in {}; do {}; done`", names.join(" "), commands.replace("PORT", "$port"))
        }
        _ => format!("`{commands}` for each port of the {whose}"),
    }
}
