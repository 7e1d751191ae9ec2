//! One step of a plan: a thing, its value before, and its value after. The inverse of a step undoes it. Not here: which steps (diff).

use serde::Serialize;

use crate::filter::{Filter, FilterName};
use crate::nexthop::Nexthop;
use crate::route::{Route, RouteKey, RouteKind};
use crate::state::{
    AddressKey, Attachment, Bytes, HOP_TABLES, HmacKey, Link, NeighborKey, RowKey, Rule, Setting, State, XdpAt,
};
use crate::sysctl;
use crate::tune::Knob;
use segbox_config::model::Matcher;
use segbox_config::{Hook, IfName, Mac};

/// A change of one thing. At least one of `before` and `after` is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delta<K, V> {
    /// Which thing.
    pub key: K,
    /// Its value before; None where it was not there, or, for a setting, was not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<V>,
    /// Its value after; None where it is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<V>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is the field of State with the same name")]
pub enum Step {
    Setting(Delta<Setting, String>),
    Link(Delta<IfName, Link>),
    Address(Delta<AddressKey, ()>),
    Neighbor(Delta<NeighborKey, Mac>),
    HmacKey(Delta<u32, HmacKey>),
    Program(Delta<String, Hook>),
    Row(Delta<RowKey, Bytes>),
    Attachment(Delta<Attachment, ()>),
    Xdp(Delta<IfName, XdpAt>),
    Filter(Delta<FilterName, Filter>),
    Rule(Delta<Rule, ()>),
    Nexthop(Delta<u32, Nexthop>),
    Route(Delta<RouteKey, Route>),
}

/// The effect of a step on its thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It is new.
    Add,
    /// Its value changes.
    Change,
    /// It is removed.
    Remove,
}

/// The order of adding: policies last. Removing goes in the reverse order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// What saves others' routes and addresses from the steps that follow.
    Save,
    /// Sysctls and names of the box and its links.
    System,
    /// Devices that segbox makes.
    Device,
    /// Everything that keeps packets in a VRF, before an interface joins it; and the filters, before an interface is up.
    Isolation,
    /// Knobs that reset a network card: before it is up.
    Shape,
    /// Membership of a VRF or a bond, MTU, up.
    Link,
    /// Sysctls of one link, which are there once the link is.
    LinkSystem,
    /// Addresses, neighbours, encapsulation source, HMAC keys.
    Address,
    /// All other knobs: interrupts are there once a link is up.
    Tuning,
    /// Programs.
    Program,
    /// Rows of their maps.
    Map,
    /// Programs at ports.
    Attachment,
    /// Plain routes.
    Route,
    /// Hops of nexthop groups: behind the routes of their gateways.
    Nexthop,
    /// Nexthop groups.
    Group,
    /// Plain routes by nexthop groups.
    Spread,
    /// Local SIDs.
    Sid,
    /// Policies, which attract the traffic.
    Policy,
}

/// When in a plan a step is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Removing, in the reverse order of adding: policies first, devices last.
    Down(std::cmp::Reverse<Phase>),
    /// Adding and changing.
    Up(Phase),
    /// Removing what policies, SIDs and routes used until now: programs and HMAC keys, rules and filters of the former source address, other
    /// filters, nexthop objects, tables of single hops.
    Sweep(std::cmp::Reverse<Phase>),
}

impl<K, V> Delta<K, V> {
    fn verb(&self) -> Verb {
        match (&self.before, &self.after) {
            (None, _) => Verb::Add,
            (Some(_), Some(_)) => Verb::Change,
            (Some(_), None) => Verb::Remove,
        }
    }

    /// Whether it writes what is there: so the kernel takes it as set, and changes it along with nothing else.
    pub(crate) fn stays(&self) -> bool
    where
        V: PartialEq,
    {
        self.before.is_some() && self.before == self.after
    }

    fn inverse(self) -> Self {
        Self { key: self.key, before: self.after, after: self.before }
    }
}

impl Delta<FilterName, Filter> {
    /// Whether a VRF then takes packets from an address that it did not take them from.
    fn narrows(&self) -> bool {
        let (Some(Filter::Vrf(before)), Some(Filter::Vrf(after))) = (&self.before, &self.after) else { return false };
        after.is_narrower_than(before)
    }

    /// In two where the source of the box's encapsulations changes: the former one is dropped until nothing uses it any more.
    pub(crate) fn one_after_the_other(self) -> impl Iterator<Item = Self> {
        let Self { key, before, after } = self;
        let both = match (&before, &after) {
            (Some(Filter::Vrf(one)), Some(Filter::Vrf(other))) if other.is_narrower_than(one) => {
                Some(Filter::Vrf(one.and(other))).filter(|both| before.as_ref() != Some(both))
            }
            _ => None,
        };
        let first = both.clone().map(|both| Self { key, before: before.clone(), after: Some(both) });
        first.into_iter().chain([Self { key, before: both.or(before), after }])
    }
}

/// Does the same with the delta of any step.
macro_rules! each {
    ($step:expr, $delta:ident => $body:expr) => {
        match $step {
            Step::Setting($delta) => $body,
            Step::Link($delta) => $body,
            Step::Address($delta) => $body,
            Step::Neighbor($delta) => $body,
            Step::HmacKey($delta) => $body,
            Step::Program($delta) => $body,
            Step::Row($delta) => $body,
            Step::Attachment($delta) => $body,
            Step::Xdp($delta) => $body,
            Step::Filter($delta) => $body,
            Step::Rule($delta) => $body,
            Step::Nexthop($delta) => $body,
            Step::Route($delta) => $body,
        }
    };
}

impl Step {
    /// Its effect on its thing.
    pub fn verb(&self) -> Verb {
        each!(self, delta => delta.verb())
    }

    /// Whether it writes the value that a setting has already.
    pub fn stays(&self) -> bool {
        matches!(self, Self::Setting(delta) if delta.stays())
    }

    /// The step that undoes this one; None for a setting whose value before is not known.
    pub fn inverse(self) -> Option<Self> {
        Some(match self {
            Self::Setting(delta) if delta.before.is_none() => return None,
            Self::Setting(delta) => Self::Setting(delta.inverse()),
            Self::Link(delta) => Self::Link(delta.inverse()),
            Self::Address(delta) => Self::Address(delta.inverse()),
            Self::Neighbor(delta) => Self::Neighbor(delta.inverse()),
            Self::HmacKey(delta) => Self::HmacKey(delta.inverse()),
            Self::Program(delta) => Self::Program(delta.inverse()),
            Self::Row(delta) => Self::Row(delta.inverse()),
            Self::Attachment(delta) => Self::Attachment(delta.inverse()),
            Self::Xdp(delta) => Self::Xdp(delta.inverse()),
            Self::Filter(delta) => Self::Filter(delta.inverse()),
            Self::Rule(delta) => Self::Rule(delta.inverse()),
            Self::Nexthop(delta) => Self::Nexthop(delta.inverse()),
            Self::Route(delta) => Self::Route(delta.inverse()),
        })
    }

    /// The hardware that gets another name, and the name.
    pub(crate) fn rename(&self) -> Option<(&Matcher, IfName)> {
        match self {
            Self::Setting(Delta { key: Setting::LinkName(matcher), after: Some(name), .. }) => {
                Some((matcher, name.parse().ok()?))
            }
            _ => None,
        }
    }

    /// Whether it gives a route a larger MTU, or TCP through policies a larger MSS, and changes nothing else.
    pub fn only_raises_mtu(&self) -> bool {
        if let Self::Filter(Delta { before: Some(Filter::Mss(before)), after: Some(Filter::Mss(after)), .. }) = self {
            return before.is_raised_by(after);
        }
        let Self::Route(Delta { before: Some(before), after: Some(after), .. }) = self else { return false };
        before.hops == after.hops && before.mtu.is_some() && after.mtu.is_none_or(|mtu| before.mtu < Some(mtu))
    }

    /// Its place in the order of adding.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Setting(delta) if delta.stays() => Phase::Save,
            Self::Setting(delta) => match &delta.key {
                Setting::Hostname | Setting::LinkName(_) => Phase::System,
                // A port that is still to be made has nothing to save.
                Setting::Sysctl(name)
                    if delta.before.is_some()
                        && delta.after.as_ref().is_some_and(|value| sysctl::saves(name, value)) =>
                {
                    Phase::Save
                }
                Setting::Sysctl(name) if sysctl::comes_with_a_link(name) => Phase::LinkSystem,
                Setting::Sysctl(_) => Phase::System,
                Setting::LinkMaster(_) | Setting::LinkMtu(_) | Setting::LinkUp(_) => Phase::Link,
                Setting::EncapSource => Phase::Address,
                // CPUs that go on- or offline move interrupts, so this comes before the interrupts.
                Setting::Tuning(Knob::Smt) => Phase::System,
                Setting::Tuning(knob) if knob.shapes_the_card() => Phase::Shape,
                Setting::Tuning(_) => Phase::Tuning,
            },
            Self::Link(_) => Phase::Device,
            Self::Address(_) | Self::Neighbor(_) | Self::HmacKey(_) => Phase::Address,
            Self::Program(_) => Phase::Program,
            Self::Row(_) => Phase::Map,
            Self::Attachment(_) | Self::Xdp(_) => Phase::Attachment,
            Self::Filter(_) | Self::Rule(_) => Phase::Isolation,
            Self::Nexthop(delta) => match delta.after.as_ref().or(delta.before.as_ref()) {
                Some(Nexthop::Group(_)) => Phase::Group,
                Some(Nexthop::Hop { .. }) | None => Phase::Nexthop,
            },
            Self::Route(delta) => match delta.after.as_ref().or(delta.before.as_ref()) {
                Some(route) if route.is_unreachable() => Phase::Isolation,
                Some(route) if route.kind() == RouteKind::Plain && route.hops.group().is_some() => Phase::Spread,
                route => match route.map(Route::kind) {
                    Some(RouteKind::Sid) => Phase::Sid,
                    Some(RouteKind::Policy) => Phase::Policy,
                    Some(RouteKind::Plain) | None => Phase::Route,
                },
            },
        }
    }

    /// When in a plan it is applied.
    pub fn stage(&self) -> Stage {
        let phase = self.phase();
        match (self.verb(), self) {
            (
                Verb::Remove,
                Self::Program(_) | Self::HmacKey(_) | Self::Filter(_) | Self::Rule(_) | Self::Nexthop(_),
            ) => Stage::Sweep(std::cmp::Reverse(phase)),
            // Until policies have changed, their packets are looked up there.
            (Verb::Remove, Self::Route(delta)) if HOP_TABLES.contains(&delta.key.table) => {
                Stage::Sweep(std::cmp::Reverse(phase))
            }
            (Verb::Change, Self::Filter(delta)) if delta.narrows() => Stage::Sweep(std::cmp::Reverse(phase)),
            (Verb::Remove, _) => Stage::Down(std::cmp::Reverse(phase)),
            (Verb::Add | Verb::Change, _) => Stage::Up(phase),
        }
    }

    /// Applies the step to a state in memory, as the kernel would.
    pub(crate) fn apply_on(&self, state: &mut State) {
        fn put<K: Ord + Clone, V: Clone>(map: &mut std::collections::BTreeMap<K, V>, delta: &Delta<K, V>) {
            match &delta.after {
                Some(value) => map.insert(delta.key.clone(), value.clone()),
                None => map.remove(&delta.key),
            };
        }
        match self {
            Self::Setting(delta) => put(&mut state.settings, delta),
            Self::Link(delta) => {
                put(&mut state.links, delta);
                if delta.after.is_none() && delta.before.is_some_and(Link::is_port) {
                    state.release(delta.key);
                }
            }
            Self::Address(delta) => put(&mut state.addresses, delta),
            Self::Neighbor(delta) => put(&mut state.neighbors, delta),
            Self::HmacKey(delta) => put(&mut state.hmac_keys, delta),
            Self::Program(delta) => {
                put(&mut state.programs, delta);
                // The maps of a program are removed with it.
                state.rows.retain(|row, _| state.programs.contains_key(&row.program));
            }
            Self::Row(delta) => put(&mut state.rows, delta),
            Self::Attachment(delta) => put(&mut state.attachments, delta),
            Self::Xdp(delta) => put(&mut state.xdp, delta),
            Self::Filter(delta) => put(&mut state.filters, delta),
            Self::Rule(delta) => put(&mut state.rules, delta),
            Self::Nexthop(delta) => {
                put(&mut state.nexthops, delta);
                state.follow_group(delta.key);
            }
            Self::Route(delta) => put(&mut state.routes, delta),
        }
    }
}
