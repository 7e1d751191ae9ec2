//! Derives the two hosts beside a machine from its segbox.toml: the machine's ports, the hosts' addresses, and the packets that they
//! send through it. Pure: turns a Config into data.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use segbox_config::behavior::Lookup;
use segbox_config::model::{HmacMode, LocalSid, Policy, Steer};
use segbox_config::{Behavior, Config, HeadendMode, IfName};
use segbox_lab::expect::{Headend, encaps};
use segbox_lab::{Frame, Mac, udp};

/// Most ports of a machine: as many as a small board has.
const MOST: usize = 8;
/// MAC addresses of ports for which the file gives none.
const MAC: Mac = [0x52, 0x54, 0, 0, 0, 0x0a];
/// Host A's Ethernet address. No neighbour asks for it.
const FROM: Mac = [2, 0, 0, 0, 0, 0x0a];
const FROM_PORT: u16 = 40000;
const TO_PORT: u16 = 7;
/// The kernel's main routing table.
const MAIN: u32 = 254;
/// The payload of every packet of ours; the number of its flow follows.
pub(super) const MARK: &[u8] = b"segbox flow ";

/// A port of the machine, and its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cable {
    pub(super) mac: Mac,
    /// 0: host A, 1: host B.
    pub(super) host: usize,
    /// Name of the host's end.
    pub(super) interface: String,
    /// Addresses of the host's end.
    pub(super) addresses: Vec<IpNet>,
}

/// Packets of one kind from host A's first port.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// Their path: `plain`, `by End fc00:0:2:1::`.
    pub(super) about: String,
    pub(super) frame: Frame,
}

/// Ports, hosts and flows.
#[derive(Debug, Default)]
pub(super) struct Scenario {
    /// In the order of the guest's PCI bus.
    pub(super) cables: Vec<Cable>,
    pub(super) flows: Vec<Flow>,
    /// Reasons why some packets are not sent, for the user.
    pub(super) remarks: Vec<String>,
}

/// An interface of the file that a host can be at.
struct Side<'a> {
    name: &'a IfName,
    at: usize,
    /// The host's first address.
    address: IpAddr,
}

impl Scenario {
    pub(super) fn of(config: &Config) -> Self {
        let mut scenario = Self::default();
        // A VLAN lies on a port, a bond has some, and lo is inside the machine.
        let is_port = |name: &&IfName| {
            name.as_str() != "lo" && config.interfaces.get(*name).is_none_or(|interface| !interface.is_made())
        };
        let bonds = config.interfaces.values().filter_map(|interface| interface.bond.as_ref());
        let members = bonds.flat_map(|bond| &bond.members);
        let names: BTreeSet<&IfName> = config.interfaces.keys().chain(members).filter(is_port).collect();
        let mut names: Vec<&IfName> = names.into_iter().collect();
        // eth2 comes before eth10, as the machine counts its ports.
        names.sort_by_key(|name| {
            (name.as_str().trim_end_matches(|end: char| end.is_ascii_digit()), name.as_str().len(), **name)
        });
        if names.len() > MOST {
            scenario.remarks.push(format!("the machine has {MOST} ports; {} and the rest have none", names[MOST]));
            names.truncate(MOST);
        }
        let in_vrf: BTreeSet<_> = config.vrfs.values().flat_map(|vrf| &vrf.interfaces).collect();
        let mut sides = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let addresses = host_addresses(config, name);
            if let (Some(first), false) = (addresses.first(), in_vrf.contains(name)) {
                sides.push(Side { name, at, address: first.addr() });
            }
            let matcher = config.interfaces.get(*name).and_then(|interface| interface.matches.as_ref());
            if matcher.is_some_and(|matcher| matcher.pci.is_some()) {
                scenario.remarks.push(format!("{name} is matched by a PCI path, which this machine does not have"));
            }
            scenario.cables.push(cable(at, matcher.and_then(|matcher| matcher.mac).map(|mac| mac.0), addresses));
        }
        // A file without interfaces has two hosts as well.
        for at in scenario.cables.len()..2 {
            scenario.cables.push(cable(at, None, Vec::new()));
        }
        let pair = sides.iter().enumerate().find_map(|(at, near)| {
            let far = sides[at + 1..].iter().find(|far| far.address.is_ipv6() == near.address.is_ipv6())?;
            Some((near, far))
        });
        match pair {
            Some((near, far)) => scenario.connect(config, near, far),
            None => scenario.remarks.push(
                "no two interfaces of the file have addresses of one family outside of a VRF, so no packets are sent"
                    .to_owned(),
            ),
        }
        scenario
    }

    /// Puts host A at one interface and host B at all others, and plans the flows between them.
    fn connect(&mut self, config: &Config, near: &Side<'_>, far: &Side<'_>) {
        let mut ends = 0;
        for (at, cable) in self.cables.iter_mut().enumerate() {
            cable.host = usize::from(at != near.at);
            cable.interface = format!("eth{}", if at == near.at { 0 } else { ends });
            ends += usize::from(at != near.at);
        }
        let to = self.cables[near.at].mac;
        let far_addresses = self.cables[far.at].addresses.clone();
        let (from, peer) = ((near.address, FROM_PORT), (far.address, TO_PORT));
        self.flow(to, "plain".to_owned(), |payload| Some(udp(from, peer, payload)));
        let (IpAddr::V6(a), IpAddr::V6(b)) = (near.address, far.address) else {
            return;
        };
        let is_far = |next_hop: &Ipv6Addr| far_addresses.iter().any(|net| net.addr() == *next_hop);
        let interface = &config.interfaces[near.name];
        let refuses = match (interface.srv6, interface.hmac) {
            (false, _) => Some("srv6 is not true there"),
            (_, Some(HmacMode::Require)) => Some("it requires an HMAC there"),
            _ => None,
        };
        // Two kinds of SIDs at most: the lines have to fit below a console. Programs first.
        let mut sids: Vec<(&LocalSid, Vec<Ipv6Addr>)> =
            config.sids.iter().filter_map(|sid| Some((sid, path(sid, b, &is_far)?))).collect();
        sids.sort_by_key(|(sid, _)| !matches!(sid.endpoint.behavior, Behavior::EndBpf { .. }));
        sids.dedup_by_key(|(sid, _)| sid.endpoint.behavior.name());
        sids.truncate(2);
        if let (Some(why), false) = (refuses, config.sids.is_empty()) {
            self.remarks.push(format!("nothing is sent to the file's SIDs by {}: {why}", near.name));
            sids.clear();
        }
        for (sid, path) in sids {
            let about = format!("by {} {}", sid.endpoint.behavior.name(), sid.sid.addr());
            self.flow(to, about, |payload| {
                let inner = udp(from, peer, payload);
                Some(encaps(&inner, Headend { source: a }, &path)?.bytes())
            });
        }
        if let Some((name, destination)) = config.policies.iter().find_map(steered) {
            self.flow(to, format!("into {name} {destination}"), |payload| {
                Some(udp(from, (destination.into(), TO_PORT), payload))
            });
        }
    }

    /// Adds a flow with the packet that `make` puts around its payload, unless none can be made.
    fn flow(&mut self, to: Mac, about: String, packet: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        let payload = [MARK, self.flows.len().to_string().as_bytes()].concat();
        if let Some(packet) = packet(&payload) {
            self.flows.push(Flow { about, frame: Frame::new(FROM, to, &packet) });
        }
    }
}

fn cable(at: usize, mac: Option<Mac>, addresses: Vec<IpNet>) -> Cable {
    let [.., last] = MAC;
    let own = [MAC[0], MAC[1], MAC[2], MAC[3], MAC[4], last + u8::try_from(at).unwrap_or(u8::MAX - last)];
    Cable {
        mac: mac.unwrap_or(own),
        host: usize::from(at > 0),
        interface: format!("eth{}", at.saturating_sub(1)),
        addresses,
    }
}

/// Addresses of a neighbour at an interface: the file's next hops, or the first free one of the net. IPv6 first.
fn host_addresses(config: &Config, name: &IfName) -> Vec<IpNet> {
    let next_hops: Vec<IpAddr> = config
        .routes
        .iter()
        .filter_map(|route| route.via)
        .chain(config.policies.iter().filter_map(|policy| policy.via))
        .chain(config.sids.iter().filter_map(|sid| sid.endpoint.behavior.parameters().next_hop))
        .collect();
    let own = config.interfaces.get(name).map(|interface| &interface.addresses[..]).unwrap_or_default();
    let is_own = |address: &IpAddr| own.iter().any(|net| net.addr() == *address);
    let mut found: Vec<IpNet> = Vec::new();
    for net in own.iter().filter(|net| net.prefix_len() < net.max_prefix_len() && !is_link_local(net)) {
        let mut here: Vec<IpAddr> =
            next_hops.iter().filter(|hop| net.contains(*hop) && !is_own(hop)).copied().collect();
        if here.is_empty() {
            // The first is the address of the net itself, or 192.0.2.1; of a /127 it is as good as the other.
            let mut free = net.hosts().skip(1).take(2).chain(net.hosts().take(1));
            here = free.find(|address| !is_own(address)).into_iter().collect();
        }
        found.extend(here.into_iter().filter_map(|address| IpNet::new(address, net.prefix_len()).ok()));
    }
    found.sort_by_key(|net| net.addr().is_ipv4());
    let mut seen = BTreeSet::new();
    found.retain(|net| seen.insert(*net));
    found
}

fn is_link_local(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local())
}

/// The path of a packet that a SID forwards to host B; None where it would leave elsewhere.
fn path(sid: &LocalSid, b: Ipv6Addr, is_far: &dyn Fn(&Ipv6Addr) -> bool) -> Option<Vec<Ipv6Addr>> {
    let at = sid.sid.addr();
    if sid.endpoint.flavors.next_csid.is_some() {
        return None;
    }
    match &sid.endpoint.behavior {
        Behavior::End | Behavior::EndBpf { .. } => Some(vec![at, b]),
        Behavior::EndX { next_hop, .. } if is_far(next_hop) => Some(vec![at, b]),
        Behavior::EndDt6 { lookup: Lookup::Table(MAIN) } => Some(vec![at]),
        _ => None,
    }
}

/// A destination that a policy of the main table steers by a segment list, and the policy's name.
fn steered(policy: &Policy) -> Option<(&'static str, Ipv6Addr)> {
    let Steer::Segments { mode, .. } = &policy.steer else { return None };
    match (policy.destination, mode) {
        (IpNet::V6(net), HeadendMode::Encaps | HeadendMode::EncapsRed | HeadendMode::Insert)
            if policy.table == MAIN =>
        {
            // Not the first address, which belongs to the net's routers (RFC 4291 section 2.6.1).
            Some((mode.name(), net.hosts().nth(1).unwrap_or(net.addr())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Scenario {
        Scenario::of(segbox_config::read(text.to_owned(), "test").config())
    }

    fn abouts(scenario: &Scenario) -> Vec<&str> {
        scenario.flows.iter().map(|flow| flow.about.as_str()).collect()
    }

    #[test]
    fn the_hosts_of_the_machines_own_file() {
        let own = scenario(include_str!("../../../image/vm.toml"));
        let addresses: Vec<_> = own.cables.iter().map(|cable| cable.addresses[0].to_string()).collect();
        assert_eq!(addresses, ["2001:db8:a::2/64", "2001:db8:b::2/64"]);
        assert_eq!(own.cables[1].mac, [0x52, 0x54, 0, 0, 0, 0x0b]);
        assert_eq!(abouts(&own), ["plain", "by End.BPF fc00:0:2:100::", "by End fc00:0:2:1::"]);
        assert!(own.remarks.is_empty(), "{:?}", own.remarks);
    }

    #[test]
    fn a_file_for_real_ports_gets_their_addresses_and_next_hops() {
        let file = r#"
[interface.wan]
match = { mac = "00:25:90:aa:bb:cc" }
addresses = ["2001:db8:2::2/64", "fe80::1/64"]
srv6 = true
[interface.lan]
match = { pci = "0000:03:00.0" }
addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
[[route]]
destination = "::/0"
via = "2001:db8:2::fe"
[[srv6.policy]]
destination = "2001:db8:40::/64"
behavior = "H.Encaps"
segments = ["fc00:0:3:1::"]
"#;
        let real = scenario(file);
        assert_eq!(real.cables[0].addresses[0].to_string(), "2001:db8:1::2/64", "lan is first by name, IPv6 first");
        assert_eq!(real.cables[1].mac, [0x00, 0x25, 0x90, 0xaa, 0xbb, 0xcc]);
        assert_eq!(real.cables[1].addresses[0].to_string(), "2001:db8:2::fe/64");
        assert_eq!(real.cables[1].addresses.len(), 1, "nothing of link-local ones");
        assert_eq!(abouts(&real), ["plain", "into H.Encaps 2001:db8:40::1"]);
        assert!(real.remarks[0].contains("PCI path"), "{:?}", real.remarks);
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let nothing = scenario("");
        assert_eq!((nothing.cables.len(), nothing.flows.len(), nothing.remarks.len()), (2, 0, 1));
        let deaf = scenario(
            "[interface.eth0]\naddresses = [\"2001:db8:a::1/64\"]\n[interface.eth1]\naddresses = [\"2001:db8:b::2/64\"]\n\
             [[srv6.sid]]\nsid = \"fc00::1\"\nbehavior = \"End\"\n",
        );
        assert_eq!(abouts(&deaf), ["plain"]);
        assert!(deaf.remarks[0].contains("srv6 is not true"), "{:?}", deaf.remarks);
        assert_eq!(deaf.cables[0].addresses[0].to_string(), "2001:db8:a::2/64", "::1 is the router's own");
        assert_eq!(deaf.cables[1].addresses[0].to_string(), "2001:db8:b::1/64");
    }
}
