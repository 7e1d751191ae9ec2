//! What the ports of the fast path may do at this moment, and what stops it everywhere: facts in, decisions out. The freshness service and
//! `status` ask the same. Not here: reading the facts (linux).

use std::collections::BTreeMap;

use segbox_config::IfName;
use segbox_fastpath_ebpf::fast_path::{EGRESS, INGRESS, MOST_PORTS, TAKES_SIDS};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// The links of the network namespace.
    pub links: Vec<PortSeen>,
    /// Rules that are neither the kernel's nor segbox's.
    pub other_rules: usize,
    /// Hooks of packet filters that are not segbox's, by name; None: they could not be read.
    pub filters: Option<Vec<String>>,
    /// net.ipv6.seg6_flowlabel.
    pub flow_label: Option<String>,
}

/// A link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortSeen {
    /// Its name; None where a file cannot have it.
    pub name: Option<IfName>,
    /// Its index.
    pub index: u32,
    /// Its Ethernet address.
    pub mac: Option<[u8; 6]>,
    /// It is up.
    pub up: bool,
    /// The index of its master, 0 for none.
    pub master: u32,
    /// Another link that lies on it.
    pub has_upper: bool,
    /// The fast path's program is here.
    pub attached: bool,
    /// A driver sends what XDP programs redirect to it.
    pub sends: bool,
    /// net.ipv6.conf.NAME.seg6_enabled.
    pub takes_sids: bool,
    /// net.ipv6.conf.NAME.seg6_require_hmac is 1.
    pub wants_hmac: bool,
    /// A queueing discipline or a filter of tc that somebody set.
    pub queueing: Option<String>,
}

/// What follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The words of the program's table of ports.
    pub ports: BTreeMap<u32, u64>,
    /// Ports that have the program and are left to the kernel, and why.
    pub idle: BTreeMap<IfName, String>,
    /// Why nothing may be forwarded here; None: it may.
    pub stopped: Option<String>,
}

/// What the ports may do.
pub fn standing(ground: &Ground) -> Standing {
    let mut out = Standing { stopped: stopped(ground), ..Standing::default() };
    for link in ground.links.iter().filter(|link| link.attached) {
        let why = why_idle(link);
        if let (Some(why), Some(name)) = (why, link.name) {
            out.idle.insert(name, why);
        } else if let Some([a, b, c, d, e, f]) = link.mac.filter(|_| why_idle(link).is_none()) {
            let mac = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
            let sids = if link.takes_sids && !link.wants_hmac { TAKES_SIDS } else { 0 };
            let egress = if link.sends { EGRESS } else { 0 };
            out.ports.insert(link.index, mac | INGRESS | sids | egress);
            if let (false, Some(name)) = (link.sends, link.name) {
                out.idle.insert(
                    name,
                    "its driver does not send what XDP redirects to it; packets that leave by it are the kernel's"
                        .into(),
                );
            }
        }
    }
    out
}

fn why_idle(link: &PortSeen) -> Option<String> {
    if !link.up {
        return Some("it is down".into());
    }
    if link.index as usize >= MOST_PORTS {
        return Some(format!("its index is {}, and the fast path has ports up to {MOST_PORTS}", link.index));
    }
    if link.master != 0 {
        return Some("it belongs to another interface".into());
    }
    if link.has_upper {
        return Some("another interface lies on it".into());
    }
    link.queueing.as_ref().map(|what| format!("tc has `{what}` here, which the fast path would go past"))
}

fn stopped(ground: &Ground) -> Option<String> {
    if ground.other_rules > 0 {
        return Some("rules of other programs choose routing tables (ip -6 rule)".into());
    }
    match &ground.filters {
        None => return Some("the packet filters cannot be read".into()),
        Some(filters) => {
            if let Some(first) = filters.first() {
                return Some(format!(
                    "another program filters packets here ({first}), and the fast path would go past it"
                ));
            }
        }
    }
    match ground.flow_label.as_deref() {
        Some("0") | None => None,
        Some(other) => Some(format!("net.ipv6.seg6_flowlabel is {other}; the fast path copies flow labels (0)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port() -> PortSeen {
        PortSeen {
            name: "eth0".parse().ok(),
            index: 7,
            mac: Some([2, 0, 0, 0, 0, 1]),
            up: true,
            attached: true,
            sends: true,
            takes_sids: true,
            ..PortSeen::default()
        }
    }

    fn ground(link: PortSeen) -> Ground {
        Ground { links: vec![link], filters: Some(Vec::new()), flow_label: Some("0".into()), ..Ground::default() }
    }

    #[test]
    fn a_port_that_forwards_has_its_address_and_flags_in_one_word() {
        let mac = 0x0100_0000_0002;
        let all = standing(&ground(port()));
        assert_eq!(all.ports, BTreeMap::from([(7, mac | INGRESS | EGRESS | TAKES_SIDS)]));
        assert!(all.idle.is_empty() && all.stopped.is_none(), "{all:?}");
        let outside = standing(&ground(PortSeen { takes_sids: false, ..port() }));
        assert_eq!(outside.ports[&7] & TAKES_SIDS, 0);
        let guarded = standing(&ground(PortSeen { wants_hmac: true, ..port() }));
        assert_eq!(guarded.ports[&7] & TAKES_SIDS, 0);
        let mute = standing(&ground(PortSeen { sends: false, ..port() }));
        assert_eq!(mute.ports[&7] & EGRESS, 0);
        assert_eq!(mute.idle.len(), 1);
    }

    #[test]
    fn a_port_under_somebody_elses_hand_is_the_kernels() {
        let cases = [
            PortSeen { up: false, ..port() },
            PortSeen { index: 4096, ..port() },
            PortSeen { master: 3, ..port() },
            PortSeen { has_upper: true, ..port() },
            PortSeen { queueing: Some("tbf".into()), ..port() },
        ];
        for link in cases {
            let all = standing(&ground(link.clone()));
            assert!(all.ports.is_empty() && all.idle.len() == 1, "{link:?}: {all:?}");
        }
        assert_eq!(standing(&ground(PortSeen { attached: false, ..port() })), Standing::default());
    }

    #[test]
    fn what_the_program_would_go_past_stops_it() {
        let fine = ground(port());
        let cases = [
            Ground { other_rules: 1, ..fine.clone() },
            Ground { filters: None, ..fine.clone() },
            Ground { filters: Some(vec!["inet filter forward".into()]), ..fine.clone() },
            Ground { flow_label: Some("1".into()), ..fine.clone() },
        ];
        for case in cases {
            assert!(standing(&case).stopped.is_some(), "{case:?}");
        }
        assert_eq!(standing(&Ground { flow_label: None, ..fine }).stopped, None);
    }
}
