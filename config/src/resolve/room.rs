//! Finds policies whose encapsulated packets do not fit. Linux drops such a packet and tells the router itself, not the sender
//! (net/ipv6/ip6_output.c, ip6_forward): TCP connects and then stands still. Not here: the bytes that a policy adds
//! ([`crate::overhead`]).
//!
//! The MTU that counts is that of the port towards the first segment: the file's, else the port's, else 1500. Where the file does not
//! show the port, since a routing daemon adds the routes, it is that of the ports which accept SRv6. The packets that must fit are those
//! of the ports to the hosts.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ipnet::IpNet;

use super::vlans;
use crate::behavior::{Behavior, HeadendMode};
use crate::fault::{Fault, Found, PathFault};
use crate::model::{Config, IPV6_MIN_MTU, Interface, Policy, Steer};
use crate::names::IfName;
use crate::place::Span;
use crate::read::Asks;
use crate::surroundings::LinkSeen;
use crate::ways::{Way, Ways, bound};

/// Ethernet's MTU, which nearly every port and host has.
const ETHERNET: u32 = 1500;
/// The main routing table.
const MAIN: u32 = 254;
/// Policies in policies are followed so far.
const DEPTH: usize = 8;

/// Adds a warning or fault for each port that is too small: for the list that adds the most.
pub(super) fn check(config: &Config, asks: &Asks, ways: &Ways, links: Option<&[LinkSeen]>, faults: &mut Found) {
    let ports = Ports { config, ways, links };
    let mut worst: BTreeMap<Cause, (Short, usize)> = BTreeMap::new();
    let policies = config.policies.iter().zip(&asks.policies).flat_map(|(policy, span)| ports.policy(policy, *span));
    let sids = config.sids.iter().zip(&asks.sids).filter_map(|(sid, span)| ports.sid(&sid.endpoint.behavior, *span));
    for short in policies.chain(sids) {
        let key = (short.is_fault, short.room.port, short.need.port);
        let (most, count) = worst.entry(key).or_insert((short, 0));
        *count += 1;
        if short.added > most.added {
            *most = short;
        }
    }
    faults.extend(worst.into_values().map(|(short, count)| short.fault(count - 1)));
}

/// Lists that one warning is enough for: whether it is a fault, the port that is too small, and that of the hosts.
type Cause = (bool, Option<IfName>, Option<IfName>);

/// The ports of the box, and their MTUs.
struct Ports<'a> {
    config: &'a Config,
    ways: &'a Ways,
    links: Option<&'a [LinkSeen]>,
}

/// An MTU, and the port that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    mtu: u32,
    port: Option<IfName>,
    /// Neither the file nor the box tells it.
    assumed: bool,
}

/// A list whose packets do not fit.
#[derive(Debug, Clone, Copy)]
struct Short {
    span: Span,
    behavior: &'static str,
    mode: HeadendMode,
    segments: usize,
    hmac: bool,
    /// Bytes, with those of the policies that its packets meet.
    added: u32,
    room: Room,
    need: Room,
    is_fault: bool,
}

/// Where the packets of a list leave the box.
enum Exit {
    Port(IfName),
    /// By a route that the file does not show.
    Unknown,
    /// They do not leave it encapsulated, or another list takes over.
    Inside,
}

impl Ports<'_> {
    /// Those of a policy's lists whose packets do not fit.
    fn policy(&self, policy: &Policy, span: Span) -> impl Iterator<Item = Short> {
        policy.steer.lists().filter_map(move |segments| self.list(policy, segments, span))
    }

    fn list(&self, policy: &Policy, segments: &[Ipv6Addr], span: Span) -> Option<Short> {
        let (mode, hmac) = policy.steer.mode()?;
        let own = mode.overhead(segments.len(), hmac);
        let (exit, more) = self.exit(segments, 0);
        let (least, most) = self.rooms(exit, policy.interface)?;
        let need = self.need(policy.table, least.port);
        // IPv4 does without 1280 bytes.
        let ipv6 = matches!(policy.destination, IpNet::V6(_));
        let short = Short {
            span,
            behavior: mode.name(),
            mode,
            segments: segments.len(),
            hmac,
            added: own + more,
            room: least,
            need,
            is_fault: false,
        };
        short.judge(most, ipv6)
    }

    /// A SID that is bound to a policy. Its packets come from other headends: those of hosts with Ethernet's MTU must fit.
    fn sid(&self, behavior: &Behavior, span: Span) -> Option<Short> {
        let segments = bound(behavior)?;
        let mode = if behavior.row().inserts { HeadendMode::Insert } else { HeadendMode::Encaps };
        let (exit, more) = self.exit(segments, 0);
        let (room, most) = self.rooms(exit, None)?;
        let short = Short {
            span,
            behavior: behavior.name(),
            mode,
            segments: segments.len(),
            hmac: false,
            added: mode.overhead(segments.len(), false) + more,
            room,
            need: Room { mtu: ETHERNET, port: None, assumed: true },
            is_fault: false,
        };
        short.judge(most, true)
    }

    /// Where a list's packets leave the box, and the bytes that further policies add to them.
    fn exit(&self, segments: &[Ipv6Addr], depth: usize) -> (Exit, u32) {
        for segment in segments {
            if self.ways.owner(*segment).is_some() {
                return (Exit::Inside, 0);
            }
            let exit = match self.ways.of(*segment).map(|found| found.way) {
                None => Exit::Unknown,
                Some(Way::Link(name)) => Exit::Port(name),
                Some(Way::Route(index)) if self.config.routes[index as usize].drops.is_some() => Exit::Inside,
                Some(Way::Route(index)) => {
                    self.ways.port(&self.config.routes[index as usize]).map_or(Exit::Unknown, Exit::Port)
                }
                Some(Way::Policy(index)) => match &self.config.policies[index as usize].steer {
                    Steer::Segments { mode, segments, hmac_key } if depth < DEPTH => {
                        let (exit, more) = self.exit(segments, depth + 1);
                        return (exit, more + mode.overhead(segments.len(), *hmac_key != 0));
                    }
                    Steer::Lists { mode, lists, hmac_key } if depth < DEPTH => {
                        // The list that adds the most.
                        let ways = lists.iter().map(|list| {
                            let (exit, more) = self.exit(&list.segments, depth + 1);
                            (exit, more + mode.overhead(list.segments.len(), *hmac_key != 0))
                        });
                        return ways.max_by_key(|(_, more)| *more).unwrap_or((Exit::Inside, 0));
                    }
                    Steer::Segments { .. } | Steer::Lists { .. } => Exit::Inside,
                    Steer::Program(_) => Exit::Unknown,
                },
                Some(Way::Sid(index)) => match &self.config.sids[index as usize].endpoint.behavior {
                    Behavior::EndX { next_hop, interface } => {
                        interface.or_else(|| self.ways.link((*next_hop).into())).map_or(Exit::Unknown, Exit::Port)
                    }
                    Behavior::End | Behavior::EndT { .. } | Behavior::EndBpf { .. } => continue,
                    // It is taken out here, or the SID's own list is looked at.
                    _ => Exit::Inside,
                },
            };
            return (exit, 0);
        }
        (Exit::Inside, 0)
    }

    /// The smallest and the largest room that the packets may find; None where they do not leave the box.
    fn rooms(&self, exit: Exit, hint: Option<IfName>) -> Option<(Room, Room)> {
        let only = |port| {
            let room = self.room(port);
            Some((room, room))
        };
        match (exit, hint) {
            (Exit::Inside, _) => None,
            (Exit::Port(port), _) | (Exit::Unknown, Some(port)) => only(port),
            (Exit::Unknown, None) => {
                let outside = || self.outside().map(|(name, interface)| (self.room(name), interface.srv6));
                let core = outside().filter(|(_, srv6)| *srv6).map(|(room, _)| room);
                let largest = outside().map(|(room, _)| room).chain(self.unnamed()).max_by_key(|room| room.mtu);
                let least = core.min_by_key(|room| room.mtu).or(largest);
                let none = Room { mtu: ETHERNET, port: None, assumed: true };
                Some((least.unwrap_or(none), largest.unwrap_or(none)))
            }
        }
    }

    /// The largest packets that come from the hosts of a table.
    fn need(&self, table: u32, egress: Option<IfName>) -> Room {
        let members =
            self.config.vrfs.values().filter(|vrf| vrf.table == table).flat_map(|vrf| vrf.interfaces.iter().copied());
        let edges = self.outside().filter(|(_, interface)| table == MAIN && !interface.srv6).map(|(name, _)| name);
        let rooms = members.chain(edges).filter(|name| Some(*name) != egress).map(|name| self.room(name));
        rooms.max_by_key(|room| room.mtu).unwrap_or(Room { mtu: ETHERNET, port: None, assumed: true })
    }

    /// The ports of the file outside its VRFs.
    fn outside(&self) -> impl Iterator<Item = (IfName, &Interface)> {
        let inside = |name: &IfName| self.config.vrfs.values().any(|vrf| vrf.interfaces.contains(name));
        let ports = self.config.interfaces.iter().filter(move |(name, _)| !inside(name) && name.as_str() != "lo");
        ports.map(|(name, interface)| (*name, interface))
    }

    /// The ports of the box, where the file names none outside its VRFs.
    fn unnamed(&self) -> impl Iterator<Item = Room> {
        let links = self.links.filter(|_| self.outside().next().is_none()).unwrap_or_default().iter();
        // Cards and what stands for one: the devices of segbox and the bridges of containers lead to no other router.
        let is_port = |link: &&LinkSeen| matches!(link.kind.as_deref(), None | Some("veth" | "vlan" | "bond"));
        let named = |name: IfName| self.config.interfaces.contains_key(&name) || name.as_str() == "lo";
        let ports = links.filter(is_port).filter(move |link| !named(link.name));
        ports.filter_map(|link| Some(Room { mtu: link.mtu?, port: Some(link.name), assumed: false }))
    }

    fn room(&self, port: IfName) -> Room {
        let mtu = vlans::mtu(self.config, self.links, port);
        Room { mtu: mtu.unwrap_or(ETHERNET), port: Some(port), assumed: mtu.is_none() }
    }
}

impl Short {
    /// None where its packets fit. A fault only where no port that they may leave by has room for IPv6.
    fn judge(self, most: Room, ipv6: bool) -> Option<Self> {
        let left = |room: Room| room.mtu.saturating_sub(self.added);
        if ipv6 && !most.assumed && left(most) < IPV6_MIN_MTU {
            return Some(Self { room: most, is_fault: true, ..self });
        }
        (left(self.room) < self.need.mtu).then_some(self)
    }

    /// `others` lists have the same port, and add no more.
    fn fault(self, others: usize) -> Fault {
        let inner = self.room.mtu.saturating_sub(self.added);
        let target = if self.is_fault { IPV6_MIN_MTU } else { self.need.mtu } + self.added;
        let place = match self.room.port {
            Some(port) => format!("`[interface.{port}]`"),
            None => "the interfaces to the other routers".to_owned(),
        };
        let mut fix = format!("write `mtu = {target}` or more under {place}");
        let port = match (self.room.port, self.room.assumed) {
            (Some(port), false) => format!("`{port}` has an MTU of {}", self.room.mtu),
            (Some(port), true) => format!("`{port}` has an MTU of {} where the file gives none", self.room.mtu),
            (None, _) => format!("ports have an MTU of {} where the file gives none", self.room.mtu),
        };
        let adds = self.adds(others);
        if self.is_fault {
            return Fault::new(self.span, PathFault::InnerMtu { inner, adds, port, fix });
        }
        let need = match self.need.port {
            Some(edge) => {
                if inner >= IPV6_MIN_MTU {
                    fix += &format!(", or `mtu = {inner}` under `[interface.{edge}]`");
                }
                format!("`{edge}` takes packets of {}", self.need.mtu)
            }
            None => format!("hosts send packets of {}", self.need.mtu),
        };
        Fault::new(self.span, PathFault::NoRoom { inner, adds, port, need, fix })
    }

    /// The arithmetic, in the order of the headers.
    fn adds(self, others: usize) -> String {
        let Self { behavior, mode, segments, hmac, added, .. } = self;
        let reduced = matches!(mode, HeadendMode::EncapsRed | HeadendMode::EncapsL2Red);
        let list = match mode {
            HeadendMode::Insert => Some(segments + 1),
            // A single segment without an HMAC needs no SRH. With one, Linux writes the whole SRH.
            _ if reduced && segments == 1 => hmac.then_some(1),
            _ if reduced => Some(segments - 1),
            _ => Some(segments),
        };
        let mut terms = Vec::new();
        terms.extend((mode != HeadendMode::Insert).then(|| "40".to_owned()));
        terms.extend(list.map(|list| format!("8 + 16 * {list}")));
        terms.extend(hmac.then(|| "40 (HMAC)".to_owned()));
        terms.extend(
            matches!(mode, HeadendMode::EncapsL2 | HeadendMode::EncapsL2Red).then(|| "14 (Ethernet)".to_owned()),
        );
        let own = mode.overhead(segments, hmac);
        if added > own {
            terms.push(format!("{} (the policies that it leads into)", added - own));
        }
        let sum = if terms.len() == 1 && list.is_none() {
            added.to_string()
        } else {
            format!("{} = {added}", terms.join(" + "))
        };
        let segments = if segments == 1 { "1 segment".to_owned() } else { format!("{segments} segments") };
        let more = match others {
            0 => String::new(),
            1 => " (one more list adds as much or less)".to_owned(),
            others => format!(" ({others} more lists add as much or less)"),
        };
        format!("{behavior} of {segments} adds {sum} bytes{more}")
    }
}

#[cfg(test)]
mod tests {
    use crate::{LinkSeen, Surroundings};

    /// The codes and texts of a file that names no MTU.
    fn said(file: &str, links: Option<&[(&str, &str, u32)]>) -> Vec<String> {
        let link = |(name, kind, mtu): &(&str, &str, u32)| LinkSeen {
            kind: Some((*kind).to_owned()).filter(|kind| !kind.is_empty()),
            mtu: Some(*mtu),
            ..LinkSeen::named(name.parse().expect("a name"))
        };
        let links = links.map(|links| links.iter().map(link).collect());
        let around = Surroundings { links, ..Surroundings::default() };
        let found = crate::read(file.to_owned(), "x").check(&around).unwrap_or_else(|faults| faults);
        found.iter().map(|fault| format!("{} {fault}", fault.code())).collect()
    }

    const POLICY: &str = r#"
        [[srv6.policy]]
        destination = "2001:db8:40::/64"
        behavior = "H.Encaps"
        segments = ["fc00:0:3:1::"]
    "#;

    #[test]
    fn what_nothing_tells_is_taken_as_1500() {
        let said = said(POLICY, None);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("more than 1436 bytes") && said[0].contains("ports have an MTU of 1500"), "{said:?}");
    }

    #[test]
    fn a_file_without_ports_goes_by_those_of_the_box() {
        let small = [("lo", "", 65_536), ("segbox0", "dummy", 65_535), ("docker0", "bridge", 9000), ("eth0", "", 1500)];
        let found = said(POLICY, Some(&small));
        assert!(found.len() == 1 && found[0].contains("`eth0` has an MTU of 1500"), "{found:?}");
        assert_eq!(said(POLICY, Some(&[("lo", "", 65_536), ("eth0", "", 1500), ("eth1", "", 1564)])), [""; 0]);
        let tiny = said(POLICY, Some(&[("eth0", "", 1343)]));
        assert!(tiny.len() == 1 && tiny[0].starts_with("segbox::inner_mtu"), "{tiny:?}");
    }

    #[test]
    fn the_ports_own_mtu_counts_where_the_file_has_none() {
        let file = format!("[interface.core]\nsrv6 = true\n[interface.lan]\n{POLICY}");
        assert_eq!(said(&file, Some(&[("core", "", 9000), ("lan", "", 1500)])), [""; 0]);
        assert_eq!(said(&file, Some(&[("core", "", 1564), ("lan", "", 1500)])), [""; 0]);
        assert_eq!(said(&file, Some(&[("core", "", 1563), ("lan", "", 1500)])).len(), 1);
        let jumbo = said(&file, Some(&[("core", "", 9000), ("lan", "", 9000)]));
        assert!(jumbo.len() == 1 && jumbo[0].contains("`lan` takes packets of 9000"), "{jumbo:?}");
    }

    #[test]
    fn eleven_segments_over_assumed_1500_are_a_warning_and_over_known_ones_a_fault() {
        let segments: Vec<_> = (1..=11).map(|number| format!("\"fc00:0:3:{number:x}::\"")).collect();
        let file = POLICY.replace("\"fc00:0:3:1::\"", &segments.join(", "));
        let assumed = said(&file, None);
        assert!(assumed.len() == 1 && assumed[0].starts_with("segbox::no_room"), "{assumed:?}");
        let known = said(&file, Some(&[("eth0", "", 1500)]));
        assert!(known.len() == 1 && known[0].contains("with the 1276 bytes"), "{known:?}");
    }
}
