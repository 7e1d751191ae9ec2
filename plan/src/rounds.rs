//! A change is made in rounds: plan, apply, read the kernel again, until nothing is left to do. Here is how much of a plan one round
//! applies, and all rounds foreseen in memory, so that `segbox plan` prints what `segbox apply` does. Not here: applying anything.

use crate::base::Base;
use crate::desired::Desired;
use crate::diff::{Plan, diff};
use crate::forwarding::forwarding_since;
use crate::state::{Actual, Setting, State};

/// The most rounds of one change. One is the rule. Renames take a round of their own. Hops of a port follow a round after it has come up.
/// Another follows where the kernel undoes a step because of a later one: a device that enters a VRF loses its IPv6 addresses. Two follow
/// where interrupts come with a link and the driver refuses the first choice. The last round finds nothing to do.
pub const ROUNDS: usize = 6;

/// The steps of all rounds that lead from `found` to what `want` asks for. `want` gets the base as it is in that round.
///
/// Rounds that only the kernel can cause (a step it does not keep) cannot be foreseen.
pub fn foresee(found: &Actual, base: &Base, want: impl Fn(&Actual, &Base) -> Desired) -> Plan {
    let wanted = want(found, base);
    let mut round = diff(&wanted.state, found).round();
    if !round.renames_come_first() && !wanted.names_wait && !wanted.hops_wait {
        // The common case costs no copy of the state.
        return round;
    }
    let mut now = found.clone();
    let mut base = base.clone();
    let mut plan = Plan::default();
    for _ in 0..ROUNDS {
        if round.is_empty() {
            break;
        }
        round.rename_base(&now, &mut base);
        now.apply(&round);
        plan.steps.append(&mut round.steps);
        round = diff(&want(&now, &base).state, &now).round();
    }
    plan
}

impl Plan {
    /// The steps that are applied before the kernel is read again: the renames if there are any, else all. An interface's other
    /// settings are known only under its new name.
    pub fn round(mut self) -> Self {
        if self.steps.iter().any(|step| step.rename().is_some()) {
            self.steps.retain(|step| step.rename().is_some());
        }
        self
    }

    fn renames_come_first(&self) -> bool {
        self.steps.first().is_some_and(|step| step.rename().is_some())
    }
}

impl State {
    /// This state as the goal of an undo, from what is there now: interfaces that were renamed since get their former names back, ports that
    /// appeared since begin with what is `default` again, and knobs that follow other knobs are left to their driver.
    pub fn to_go_back_to(&self, former_names: Base, now: &Actual) -> Self {
        let mut state = self.clone();
        state.settings.extend(former_names);
        // An interface that is gone has no name, and one that has come since keeps its own.
        let names = state.settings.clone();
        state.settings.retain(|setting, name| now.can_get_name(setting, name, &names));
        state.settings.retain(|setting, _| !setting.follows_others());
        let turned = |all: &Setting, before: &String| now.setting(all).as_ref() != Some(before);
        // An interface with another name is known here under its former one.
        let renamed = |setting: &Setting| {
            now.links.iter().any(|link| setting.is_of(link.name) && now.is_named(link.name, &state.settings))
        };
        let mut since = forwarding_since(now, &self.settings, turned);
        since.retain(|setting, _| !renamed(setting));
        state.settings.extend(since);
        state
    }
}
