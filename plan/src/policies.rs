//! The routes of policies: their tunnels, and the groups that share their flows. Not here: which hops the way of a tunnel has (`underlay`), and the
//! ids of groups (`sharing`).

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv6Addr;

use segbox_config::model::{NextHop, Policy, SegmentList, Steer};
use segbox_config::{Config, HeadendMode, IfName, Segments};

use crate::anchored::{anchor, hanging};
use crate::egress::{Egress, WayOut};
use crate::hop::{Encap, Hop, Hops};
use crate::lookup::HopSeen;
use crate::route::{Route, RouteKey};
use crate::sharing::{Ask, Asked};
use crate::spread::Spread;
use crate::steering::Steering;
use crate::underlay::{Exit, Underlay, Way};

/// What the routes of a file's policies follow from.
pub(crate) struct Policies<'a, 's> {
    pub(crate) config: &'a Config,
    pub(crate) steering: &'s Steering,
    pub(crate) egress: Egress<'s>,
    pub(crate) spread: &'s Spread<'s>,
    /// The loaded name of each program.
    pub(crate) programs: &'s BTreeMap<String, String>,
    /// The file's routes with several hops.
    pub(crate) several: HashMap<RouteKey, &'a segbox_config::model::Route>,
}

impl<'a> Policies<'a, '_> {
    /// All of them, in the order of the file.
    pub(crate) fn routes(&self, asked: &mut Asked<'a>, underlay: &mut Underlay) -> Vec<(RouteKey, Route)> {
        let mut routes = Vec::with_capacity(self.config.policies.len());
        for policy in &self.config.policies {
            let key = RouteKey::of(self.steering.table(policy, self.config), policy.destination, policy.metric);
            // A port without a carrier can have no group.
            let Some(mut route) = self.route(policy, asked, underlay) else { continue };
            route.mtu = route.hops.iter().filter_map(|hop| self.egress.mtu(&key, hop)).min();
            routes.push((key, route));
        }
        routes
    }

    fn route(&self, policy: &'a Policy, asked: &mut Asked<'a>, underlay: &mut Underlay) -> Option<Route> {
        let Policy { steer, interface, via, source, .. } = policy;
        let is_ready = interface.is_none_or(|port| self.spread.ready(port).is_ok());
        match steer {
            Steer::Segments { mode, segments, hmac_key } => {
                let alone = || hanging(*interface, *via, tunnel(*mode, segments, *hmac_key, *source));
                // Without a group it takes one of several ways, which is better than none.
                if !is_ready || !self.knows_several() {
                    return Some(alone());
                }
                let list = SegmentList { segments: segments.clone(), weight: 1 };
                let hops = self.shared(policy, &[list], *mode, *hmac_key, asked, underlay);
                Some(hops.map_or_else(alone, |hops| Route { hops, ..Route::default() }))
            }
            Steer::Lists { mode, lists, hmac_key } if is_ready => {
                let hops = self.shared(policy, lists, *mode, *hmac_key, asked, underlay);
                let plain = || {
                    let hop = |list: &SegmentList| self.hop(policy, list, *mode, *hmac_key);
                    asked.hops(self.ask(policy), 1, || lists.iter().map(hop).collect())
                };
                Some(Route { hops: hops.unwrap_or_else(plain), ..Route::default() })
            }
            Steer::Lists { .. } => None,
            Steer::Program(program) => {
                let loaded = self.programs.get(program).expect("a Config names only programs it has").clone();
                Some(hanging(*interface, *via, Encap::BpfIn(loaded)))
            }
        }
    }

    /// Whether any way may have several exits: mostly none has.
    fn knows_several(&self) -> bool {
        !self.several.is_empty() || self.egress.sees_several()
    }

    fn ask(&self, policy: &'a Policy) -> Ask<'a> {
        let interface = policy.interface.unwrap_or_else(anchor);
        Ask::Lists(policy.destination.addr().is_ipv4(), interface, &policy.steer, policy.source)
    }

    fn hop(&self, policy: &Policy, list: &SegmentList, mode: HeadendMode, hmac_key: u32) -> Hop {
        let interface: IfName = policy.interface.unwrap_or_else(anchor);
        let encap = tunnel(mode, &list.segments, hmac_key, policy.source);
        Hop { interface: Some(interface), weight: list.weight, encap, ..Hop::default() }
    }

    /// The exits of the way to the first segment: those of the file's route, also those that are lost for a while, or those that the kernel has of
    /// another program's.
    fn exits(&self, segments: &Segments) -> Vec<Exit> {
        match self.egress.way_out(segments) {
            Some(WayOut::Own(key)) => {
                let Some(route) = self.several.get(key) else { return Vec::new() };
                let exit = |hop: &NextHop| Exit {
                    via: hop.via,
                    interface: hop.interface,
                    weight: hop.weight,
                    usable: self.spread.hop(route.table, hop).ok(),
                };
                distinct(route.hops.iter().map(exit))
            }
            Some(WayOut::Other(hops)) => {
                let exit = |seen: &HopSeen| {
                    let (interface, weight) = (Some(seen.interface), u16::from(seen.more) + 1);
                    let usable = self.spread.ready(seen.interface).is_ok();
                    let hop = Hop { interface, via: seen.via, weight, ..Hop::default() };
                    Exit { via: seen.via, interface, weight, usable: usable.then_some(hop) }
                };
                distinct(hops.iter().map(exit))
            }
            None => Vec::new(),
        }
    }

    /// The group that spreads the flows over the hops of the ways to the first segments; None where there is nothing to spread.
    fn shared(
        &self,
        policy: &'a Policy,
        lists: &[SegmentList],
        mode: HeadendMode,
        hmac_key: u32,
        asked: &mut Asked<'a>,
        underlay: &mut Underlay,
    ) -> Option<Hops> {
        if !self.knows_several() {
            return None;
        }
        if let Some(hops) = asked.known(&self.ask(policy)) {
            return Some(hops);
        }
        let way =
            |list: &SegmentList| Way { hop: self.hop(policy, list, mode, hmac_key), exits: self.exits(&list.segments) };
        let (hops, copies) = underlay.spread(&lists.iter().map(way).collect::<Vec<_>>())?;
        Some(asked.hops(self.ask(policy), copies, || hops))
    }
}

/// Each exit once. One whose interface only the kernel knows cannot be told apart from others.
fn distinct(exits: impl Iterator<Item = Exit>) -> Vec<Exit> {
    let mut all: Vec<Exit> = Vec::new();
    for exit in exits {
        match all.iter_mut().find(|other| (other.interface, other.via) == (exit.interface, exit.via)) {
            Some(same) => same.weight = same.weight.saturating_add(exit.weight),
            None => all.push(exit),
        }
    }
    all
}

fn tunnel(mode: HeadendMode, segments: &Segments, hmac_key: u32, source: Option<Ipv6Addr>) -> Encap {
    Encap::Seg6 { mode, segments: segments.clone(), hmac_key, source, table: None }
}
