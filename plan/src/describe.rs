//! A step as one line of text: `+ sid       fc00:0:2:1::/128  End PSP dev segbox0`. Not here: a step as JSON.

use std::fmt;

use segbox_config::behavior::{Lookup, Parameters};
use segbox_config::model::XdpMode;
use segbox_config::{Endpoint, Flavors};

use crate::fast_path;
use crate::hop::{Encap, Hop};
use crate::nexthop::Nexthop;
use crate::route::{Route, RouteKey, RouteKind};
use crate::state::{Link, MAIN_TABLE, Rule, Setting};
use crate::step::{Delta, Step, Verb};

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.verb() {
            Verb::Add => '+',
            Verb::Change => '~',
            Verb::Remove => '-',
        };
        let (before, after) = self.values();
        write!(f, "{sign} {:<9} {}", self.noun(), self.subject())?;
        match (before, after) {
            (Some(_), Some(after)) if self.stays() => write!(f, "  {after} stays"),
            (Some(before), Some(after)) => write!(f, "  {before} -> {after}"),
            (_, Some(text)) | (Some(text), None) if !text.is_empty() => write!(f, "  {text}"),
            _ => Ok(()),
        }
    }
}

impl Step {
    /// The kind of its object, in a word: `sid`, `policy`, `address`.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Setting(Delta { key: Setting::Sysctl(_), .. }) => "sysctl",
            Self::Setting(Delta { key: Setting::Hostname | Setting::EncapSource, .. }) => "setting",
            Self::Setting(Delta { key: Setting::Tuning(_), .. }) => "tuning",
            Self::Setting(_) => "link",
            Self::Link(_) => "device",
            Self::Address(_) => "address",
            Self::Neighbor(_) => "neighbor",
            Self::HmacKey(_) => "hmac-key",
            Self::Program(_) => "program",
            Self::Row(_) => "row",
            Self::Attachment(_) => "tc",
            Self::Xdp(_) => "xdp",
            Self::Filter(_) => "filter",
            Self::Rule(_) => "rule",
            Self::Nexthop(delta) => match delta.after.as_ref().or(delta.before.as_ref()) {
                Some(Nexthop::Group(_)) => "group",
                Some(Nexthop::Hop { .. }) | None => "nexthop",
            },
            Self::Route(delta) => match delta.after.as_ref().or(delta.before.as_ref()).map(Route::kind) {
                Some(RouteKind::Sid) => "sid",
                Some(RouteKind::Policy) => "policy",
                Some(RouteKind::Plain) | None => "route",
            },
        }
    }

    /// The name of its object: `fc00:0:2:1::/128`, `2001:db8::1/64 dev eth0`.
    pub fn subject(&self) -> String {
        match self {
            Self::Setting(delta) => delta.key.to_string(),
            Self::Link(delta) => delta.key.to_string(),
            Self::Address(delta) => format!("{} dev {}", delta.key.address, delta.key.interface),
            Self::Neighbor(delta) => format!("{} dev {}", delta.key.address, delta.key.interface),
            Self::HmacKey(delta) => delta.key.to_string(),
            Self::Program(delta) => delta.key.clone(),
            Self::Attachment(delta) => format!("{} egress", delta.key.interface),
            Self::Xdp(delta) => delta.key.to_string(),
            Self::Row(delta) => match fast_path::prefix_of(&delta.key) {
                Some(prefix) => format!("fast path {prefix}"),
                None => format!("{} {}[{}]", delta.key.program, delta.key.map, delta.key.key),
            },
            Self::Filter(delta) => delta.key.to_string(),
            Self::Rule(delta) => delta.key.to_string(),
            Self::Nexthop(delta) => format!("id {}", delta.key),
            Self::Route(delta) => delta.key.to_string(),
        }
    }

    fn values(&self) -> (Option<String>, Option<String>) {
        fn both<K, V>(delta: &Delta<K, V>, text: impl Fn(&V) -> String) -> (Option<String>, Option<String>) {
            (delta.before.as_ref().map(&text), delta.after.as_ref().map(&text))
        }
        match self {
            Self::Setting(delta) => both(delta, |value| if value.is_empty() { "none".into() } else { value.clone() }),
            Self::Link(delta) => both(delta, |link| match link {
                Link::Vrf(table) => format!("vrf table {table}"),
                Link::Vlan(vlan) => vlan.to_string(),
                Link::Bond(bonding) => bonding.to_string(),
                Link::Dummy => "dummy".into(),
                Link::Ifb => "ifb".into(),
            }),
            Self::Address(delta) => both(delta, |()| String::new()),
            Self::Neighbor(delta) => both(delta, |mac| format!("lladdr {mac}")),
            Self::HmacKey(delta) => {
                both(delta, |key| format!("{:?} secret {}", key.algorithm, key.digest).to_lowercase())
            }
            Self::Program(delta) => both(delta, |hook| hook.section().into()),
            Self::Row(delta) => both(delta, |row| match fast_path::prefix_of(&delta.key) {
                Some(_) => fast_path::describe(row),
                None => row.to_string(),
            }),
            Self::Attachment(delta) => both(delta, |()| delta.key.program.clone()),
            Self::Xdp(delta) => both(delta, |at| match at.mode {
                XdpMode::Generic => format!("{} generic", at.program),
                XdpMode::Native => at.program.clone(),
            }),
            Self::Filter(delta) => both(delta, ToString::to_string),
            Self::Rule(delta) => both(delta, |()| String::new()),
            Self::Nexthop(delta) => both(delta, ToString::to_string),
            Self::Route(delta) => both(delta, ToString::to_string),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hostname => f.write_str("hostname"),
            Self::Sysctl(name) => f.write_str(name),
            Self::LinkName(matcher) => {
                f.write_str("name of")?;
                matcher.mac.iter().try_for_each(|mac| write!(f, " {mac}"))?;
                matcher.pci.iter().try_for_each(|pci| write!(f, " {pci}"))
            }
            Self::LinkMaster(interface) => write!(f, "{interface} master"),
            Self::LinkMtu(interface) => write!(f, "{interface} mtu"),
            Self::LinkUp(interface) => write!(f, "{interface} state"),
            Self::EncapSource => f.write_str("encapsulation source"),
            Self::Tuning(knob) => knob.fmt(f),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { priority, interface, table, suppress, .. } = self;
        write!(f, "{priority} from {}", self.source())?;
        interface.iter().try_for_each(|name| write!(f, " iif {name}"))?;
        if *table == MAIN_TABLE {
            f.write_str(" lookup main")?
        } else {
            write!(f, " lookup {table}")?
        }
        suppress.iter().try_for_each(|length| write!(f, " suppress_prefixlength {length}"))
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.prefix)?;
        if self.table != MAIN_TABLE {
            write!(f, " table {}", self.table)?;
        }
        let default = if self.prefix.addr().is_ipv6() { 1024 } else { 0 };
        if self.metric == default { Ok(()) } else { write!(f, " metric {}", self.metric) }
    }
}

impl fmt::Display for Nexthop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hop { hop, .. } => hop.fmt(f),
            Self::Group(members) => members.iter().enumerate().try_for_each(|(at, member)| {
                write!(f, "{}{}", if at == 0 { "" } else { ", " }, member.id)?;
                if member.weight == 1 { Ok(()) } else { write!(f, " weight {}", member.weight) }
            }),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.hops {
            [] => f.write_str(self.drops.name()),
            [only] => only.fmt(f),
            several => several.chunk_by(|one, next| one == next).enumerate().try_for_each(|(at, same)| {
                f.write_str(if at == 0 { "" } else { ", " })?;
                if same.len() > 1 {
                    write!(f, "{} x ", same.len())?;
                }
                same[0].fmt(f)?;
                if same[0].weight == 1 { Ok(()) } else { write!(f, " weight {}", same[0].weight) }
            }),
        }?;
        self.mtu.map_or(Ok(()), |mtu| write!(f, " mtu {mtu}"))
    }
}

/// Without the weight: a single hop has none.
impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if self.encap != Encap::None {
            write!(f, "{}", self.encap)?;
            gap = " ";
        }
        if let Some(via) = self.via {
            write!(f, "{gap}via {via}")?;
            gap = " ";
        }
        if let Some(interface) = self.interface {
            write!(f, "{gap}dev {interface}")?;
        }
        if self.onlink { f.write_str(" onlink") } else { Ok(()) }
    }
}

impl fmt::Display for Encap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Seg6 { mode, segments, hmac_key, source, table } => {
                write!(f, "{mode} {}", list(segments))?;
                if *hmac_key != 0 {
                    write!(f, " hmac-key {hmac_key}")?;
                }
                source.iter().try_for_each(|source| write!(f, " source {source}"))?;
                table.iter().try_for_each(|table| write!(f, " lookup {table}"))
            }
            Self::Seg6Local(endpoint) => f.write_str(&endpoint_text(endpoint)),
            Self::BpfIn(program) => write!(f, "H.BPF {program}"),
        }
    }
}

fn list(segments: &[std::net::Ipv6Addr]) -> String {
    segments.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn endpoint_text(Endpoint { behavior, flavors }: &Endpoint) -> String {
    let mut text = behavior.name().to_owned();
    let Flavors { psp, next_csid } = flavors;
    if *psp {
        text += " PSP";
    }
    if let Some(csid) = next_csid {
        text += &format!(" NEXT-CSID {}+{}", csid.block_length, csid.function_length);
    }
    let Parameters { next_hop, interface, lookup, segments, program } = behavior.parameters();
    let next_hop = next_hop.map(|address| format!(" next-hop {address}"));
    let interface = interface.map(|interface| format!(" interface {interface}"));
    let lookup = lookup.map(|lookup| match lookup {
        Lookup::Table(table) => format!(" table {table}"),
        Lookup::VrfTable(table) => format!(" vrf-table {table}"),
    });
    let segments = segments.map(|segments| format!(" {}", list(&segments)));
    let program = program.map(|program| format!(" {program}"));
    text.extend([next_hop, interface, lookup, segments, program].into_iter().flatten());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hops_are_listed_each_with_its_weight() {
        let hop = |via: &str, interface: &str, weight| Hop {
            via: via.parse().ok(),
            interface: interface.parse().ok(),
            weight,
            ..Hop::default()
        };
        let hops = [hop("fe80::1", "eth0", 3), Hop { onlink: true, ..hop("fe80::2", "eth1", 1) }];
        assert_eq!(Route::from(hops[0].clone()).to_string(), "via fe80::1 dev eth0");
        let several = Route { hops: hops.into_iter().collect(), mtu: Some(9000), ..Route::default() };
        assert_eq!(several.to_string(), "via fe80::1 dev eth0 weight 3, via fe80::2 dev eth1 onlink mtu 9000");
        assert_eq!(Route::unreachable().to_string(), "unreachable");
        assert_eq!(Route::blackhole().to_string(), "blackhole");
    }
}
