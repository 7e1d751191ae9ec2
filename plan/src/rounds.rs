//! A change is made in rounds: plan, apply, read the kernel again, until nothing is left to do. Here is how much of a plan one round
//! applies, and all rounds foreseen in memory, so that `segbox plan` prints what `segbox apply` does. Not here: applying anything.

use std::collections::BTreeMap;

use crate::desired::Desired;
use crate::diff::{Plan, diff};
use crate::forwarding::changed_along;
use crate::state::{Actual, Setting, State};
use crate::step::{Delta, Step};
use crate::sysctl::before_its_module;

/// The most rounds of one change. One is the rule. Renames take a round of their own. Another follows where the kernel undoes a step
/// because of a later one: a device that enters a VRF loses its IPv6 addresses. Two follow where interrupts come with a link and the
/// driver refuses the first choice. The last round finds nothing to do.
pub const ROUNDS: usize = 6;

/// The steps of all rounds that lead from `found` to what `want` asks for.
///
/// Rounds that only the kernel can cause (a step it does not keep) cannot be foreseen.
pub fn foresee(found: &Actual, want: impl Fn(&Actual) -> Desired) -> Plan {
    let wanted = want(found);
    let mut round = diff(&wanted.state, found).round();
    if !round.renames_come_first() && !wanted.names_wait {
        // The common case costs no copy of the state.
        return round;
    }
    let mut now = found.clone();
    let mut plan = Plan::default();
    for _ in 0..ROUNDS {
        if round.is_empty() {
            break;
        }
        now.apply(&round);
        plan.steps.append(&mut round.steps);
        round = diff(&want(&now).state, &now).round();
    }
    plan
}

impl Plan {
    /// The steps that are applied before the kernel is read again: the renames if there are any, else all. An interface's other
    /// settings are known only under its new name.
    pub fn round(mut self) -> Self {
        if self.steps.iter().any(Step::is_rename) {
            self.steps.retain(Step::is_rename);
        }
        self
    }

    /// The names that this plan takes away from interfaces: their undo.
    pub fn former_names(&self) -> impl Iterator<Item = (Setting, String)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Setting(Delta { key: key @ Setting::LinkName(_), before: Some(name), .. }) => {
                Some((key.clone(), name.clone()))
            }
            _ => None,
        })
    }

    /// Adds the value of each setting that this plan changes for the first time: `clear` puts it back. `found` is the state before the plan.
    pub fn extend_base(&self, found: &Actual, base: &mut BTreeMap<Setting, String>) {
        for step in &self.steps {
            let Step::Setting(Delta { key, before, after: Some(after) }) = step else { continue };
            let Some(before) = before.as_deref().or(before_its_module(key)) else { continue };
            // What is set on a device of segbox's ends with the device.
            if key.goes_with_anchor() || found.state.links.keys().any(|device| key.is_of(*device)) {
                continue;
            }
            base.entry(key.clone()).or_insert_with(|| before.to_owned());
            // What the kernel changes along with it, where changing it back would give another value.
            let back = changed_along(key, before, &found.state.settings);
            for (along, _) in changed_along(key, after, &found.state.settings) {
                let found = &found.state.settings[&along];
                if back.get(&along) != Some(found) {
                    base.entry(along).or_insert_with(|| found.clone());
                }
            }
        }
    }

    fn renames_come_first(&self) -> bool {
        self.steps.first().is_some_and(Step::is_rename)
    }
}

impl State {
    /// This state as the goal of an undo: interfaces that were renamed since get their former names back, and knobs that follow other
    /// knobs are left to their driver.
    pub fn to_go_back_to(&self, former_names: impl IntoIterator<Item = (Setting, String)>) -> Self {
        let mut state = self.clone();
        state.settings.extend(former_names);
        state.settings.retain(|setting, _| !setting.follows_others());
        state
    }
}

impl Step {
    fn is_rename(&self) -> bool {
        matches!(self, Self::Setting(Delta { key: Setting::LinkName(_), .. }))
    }
}
