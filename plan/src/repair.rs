//! What a repair does of a plan: all that was lost, but for knobs of the machine, for what is left to another owner, and for what hangs on a
//! port that somebody has taken down. Not here: how often a loss is repaired (`segbox-services`), and applying anything.

use std::collections::BTreeSet;

use segbox_config::IfName;

use crate::desired::Desired;
use crate::diff::{Plan, diff};
use crate::forwarding::keeps_for_nothing;
use crate::route::RouteKey;
use crate::state::{Actual, AddressKey, NeighborKey, Rule, Setting, State};
use crate::step::{Delta, Step, Verb};
use crate::vlans;

/// What is lost, and what of it is not to be repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// The steps that bring it back.
    pub plan: Plan,
    /// The things among them that are left alone as asked, by [`Step::thing`].
    pub left: BTreeSet<String>,
    /// Ports that the file wants up and that another has taken down.
    pub down: BTreeSet<IfName>,
}

/// The losses between `want` and `found`. `leave` are things to leave alone, `held` are ports that stay down if they are.
pub fn losses(want: &Desired, found: &Actual, leave: &BTreeSet<String>, held: &BTreeSet<IfName>) -> Losses {
    let mut plan = diff(&want.state, found).round().without_tuning();
    // A VLAN and a bond are ports like any other. One that is gone is not down.
    let is_own = |name: &IfName| want.state.links.get(name).is_some_and(|link| !link.is_port());
    let is_held = |name: &IfName| held.contains(name) && !is_own(name) && name.as_str() != "lo";
    // The kernel takes down what leaves a bond (drivers/net/bonding/bond_main.c, __bond_release_one).
    let released: BTreeSet<IfName> = plan.steps.iter().filter_map(|step| released(step, &want.state)).collect();
    let taken_down = |step: &Step| match step {
        Step::Setting(Delta { key: Setting::LinkUp(name), before: Some(_), after: Some(up) })
            if up == "up" && is_held(name) && !released.contains(name) =>
        {
            Some(*name)
        }
        _ => None,
    };
    let down: BTreeSet<IfName> = plan.steps.iter().filter_map(taken_down).collect();
    // A VLAN goes down and up with its parent.
    let down = vlans::with_upper(down, &want.state.links);
    plan.steps.retain(|step| !is_of_another_file(step) && !needs(step, &down, &want.state));
    let mut left = BTreeSet::new();
    if !leave.is_empty() {
        plan.steps.retain(|step| {
            let thing = step.thing();
            let stays = leave.contains(&thing);
            if stays {
                left.insert(thing);
            }
            !stays
        });
    }
    let kept = plan.steps.clone();
    plan.steps.retain(|step| !keeps_for_nothing(step, &kept));
    Losses { plan, left, down }
}

/// The interface that a step makes a member of a bond again.
fn released(step: &Step, want: &State) -> Option<IfName> {
    match step {
        Step::Setting(Delta { key: Setting::LinkMaster(name), .. }) if want.is_member(*name) => Some(*name),
        _ => None,
    }
}

/// A key or a program whose file has changed since it was applied: that is for the next apply.
fn is_of_another_file(step: &Step) -> bool {
    matches!((step, step.verb()), (Step::HmacKey(_), Verb::Change) | (Step::Program(_), Verb::Remove))
}

/// Whether a step cannot be taken, or makes no sense, while these ports are down.
fn needs(step: &Step, down: &BTreeSet<IfName>, want: &State) -> bool {
    if down.is_empty() {
        return false;
    }
    match step {
        Step::Setting(Delta { key: Setting::LinkUp(name), .. }) => down.contains(name),
        Step::Address(delta) => down.contains(&delta.key.interface),
        Step::Neighbor(delta) => down.contains(&delta.key.interface),
        Step::Route(Delta { after: Some(route), .. }) => route.hops.iter().any(|hop| match (hop.interface, hop.via) {
            (Some(interface), _) => down.contains(&interface),
            // The interface of the gateway's subnet.
            (None, Some(via)) => {
                let on_link = |key: &&AddressKey| key.address.contains(&via);
                want.addresses.keys().find(on_link).is_some_and(|key| down.contains(&key.interface))
            }
            (None, None) => false,
        }),
        _ => false,
    }
}

/// A route as a thing that is lost: with the same name whatever its content is.
pub fn route(key: &RouteKey) -> String {
    format!("route {key}")
}

/// An address as a thing that is lost.
pub fn address(key: &AddressKey) -> String {
    format!("address {} dev {}", key.address, key.interface)
}

/// A neighbour as a thing that is lost.
pub fn neighbor(key: &NeighborKey) -> String {
    format!("neighbor {} dev {}", key.address, key.interface)
}

/// A rule as a thing that is lost.
pub fn rule(rule: &Rule) -> String {
    format!("rule {rule}")
}

/// A nexthop object as a thing that is lost.
pub fn nexthop(id: u32) -> String {
    format!("nexthop id {id}")
}

/// A device as a thing that is lost.
pub fn device(name: IfName) -> String {
    format!("device {name}")
}

/// A link's state as a thing that is lost.
pub fn link_state(name: IfName) -> String {
    format!("link {name} state")
}

impl Step {
    /// What it changes, by a name that is the same before and after.
    pub fn thing(&self) -> String {
        match self {
            Self::Route(delta) => route(&delta.key),
            Self::Address(delta) => address(&delta.key),
            Self::Neighbor(delta) => neighbor(&delta.key),
            Self::Rule(delta) => rule(&delta.key),
            Self::Nexthop(delta) => nexthop(delta.key),
            _ => format!("{} {}", self.noun(), self.subject()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::{Encap, Hop};
    use crate::state::Link;
    use crate::test_files::name;

    fn key(prefix: &str) -> RouteKey {
        RouteKey { table: 254, prefix: prefix.parse().expect("a prefix"), metric: 1024 }
    }

    /// Two ports, a route behind each by its gateway, and a route on the device of segbox.
    fn wanted() -> Desired {
        let mut want = Desired::default();
        let state = &mut want.state;
        for (port, net) in [("eth0", "2001:db8:1::"), ("eth1", "2001:db8:2::")] {
            state.settings.insert(Setting::LinkUp(name(port)), "up".into());
            let address = format!("{net}1/64").parse().expect("an address");
            state.addresses.insert(AddressKey { interface: name(port), address }, ());
            let via = format!("{net}2").parse().ok();
            let hop = Hop { via, ..Hop::default() };
            state.routes.insert(key(&format!("{net}/48").replace("db8:", "db9:")), hop.into());
        }
        state.links.insert(name("segbox0"), Link::Ifb);
        state.settings.insert(Setting::LinkUp(name("segbox0")), "up".into());
        let policy = Encap::BpfIn("steer@1".into());
        state.routes.insert(
            key("2001:db8:9::/48"),
            Hop { interface: Some(name("segbox0")), encap: policy, ..Hop::default() }.into(),
        );
        want
    }

    #[test]
    fn what_hangs_on_a_port_that_another_took_down_waits_and_the_rest_comes_back() {
        let want = wanted();
        let mut found = Actual::default();
        found.state.links.insert(name("segbox0"), Link::Ifb);
        for port in ["eth0", "eth1", "segbox0"] {
            found.state.settings.insert(Setting::LinkUp(name(port)), "down".into());
        }
        let held = BTreeSet::from([name("eth1"), name("segbox0")]);
        let losses = losses(&want, &found, &BTreeSet::new(), &held);
        assert_eq!(losses.down, BTreeSet::from([name("eth1")]));
        let things: Vec<String> = losses.plan.steps.iter().map(Step::thing).collect();
        let expected = [
            "link eth0 state",
            "link segbox0 state",
            "address 2001:db8:1::1/64 dev eth0",
            "route 2001:db9:1::/48",
            "route 2001:db8:9::/48",
        ];
        assert_eq!(things, expected);
        // Once it is up again, all of it is lost.
        found.state.settings.insert(Setting::LinkUp(name("eth1")), "up".into());
        let all = super::losses(&want, &found, &BTreeSet::new(), &held);
        assert!(all.down.is_empty());
        assert_eq!(all.plan.steps.len(), expected.len() + 2, "{:?}", all.plan);
    }

    #[test]
    fn other_ports_are_kept_from_a_switch_only_where_it_is_turned() {
        let sysctl = |of: &str| Setting::Sysctl(format!("net.ipv4.conf.{of}.rp_filter"));
        let mut want = Desired::default();
        want.state.settings.insert(sysctl("default"), "0".into());
        let mut found = Actual::default();
        found.state.settings.extend(["default", "eth9"].map(|of| (sysctl(of), "2".to_owned())));
        let things = |leave: &[&str]| -> Vec<String> {
            let leave = leave.iter().map(|thing| (*thing).to_owned()).collect();
            losses(&want, &found, &leave, &BTreeSet::new()).plan.steps.iter().map(Step::thing).collect()
        };
        let switch = "sysctl net.ipv4.conf.default.rp_filter";
        assert_eq!(things(&[]), ["sysctl net.ipv4.conf.eth9.rp_filter", switch]);
        assert_eq!(things(&[switch]), [""; 0]);
    }

    #[test]
    fn what_is_left_alone_is_told() {
        let leave = BTreeSet::from(["route 2001:db8:9::/48".to_owned(), "route 2001:db8:77::/48".to_owned()]);
        let losses = losses(&wanted(), &Actual::default(), &leave, &BTreeSet::new());
        assert_eq!(losses.left, BTreeSet::from(["route 2001:db8:9::/48".to_owned()]));
        assert!(losses.plan.steps.iter().all(|step| step.thing() != "route 2001:db8:9::/48"));
    }
}
