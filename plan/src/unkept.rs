//! Knobs that a driver takes and does not keep. They are noted as refused, so that the next plan does not ask for them again. Not
//! here: knobs that a driver refuses with an error.

use crate::diff::Plan;
use crate::state::Setting;
use crate::step::{Delta, Step};
use crate::tune::Refusals;

/// How often a knob is turned until its driver is believed not to keep it: the first time another knob may have reset it.
pub const TRIES: usize = 2;

/// Notes the knobs that `plan` asks for again although they were turned `tries` times. True if there is one.
///
/// `applied` are the steps of this change that the kernel did not refuse.
pub fn note_unkept<'a>(
    plan: &Plan,
    applied: impl Iterator<Item = &'a Step> + Clone,
    tries: usize,
    refusals: &mut Refusals,
) -> bool {
    let mut any = false;
    for delta in plan.steps.iter().filter_map(Step::tuning) {
        let is_same = |past: &&Delta<Setting, String>| past.key == delta.key && past.after == delta.after;
        if let Some(value) = delta.after.clone()
            && applied.clone().filter_map(Step::tuning).filter(is_same).count() >= tries
        {
            let kept = delta.before.as_deref().filter(|kept| !kept.is_empty()).unwrap_or("nothing");
            refusals.note(delta.key.clone(), value, format!("it is taken and does not stay; the driver keeps {kept}"));
            any = true;
        }
    }
    any
}

impl Step {
    /// The change of a knob, if the step is one: a router goes on without it.
    pub fn tuning(&self) -> Option<&Delta<Setting, String>> {
        match self {
            Self::Setting(delta) if delta.key.is_tuning() => Some(delta),
            _ => None,
        }
    }
}

impl Plan {
    /// The steps that a router cannot go on without.
    pub fn without_tuning(mut self) -> Self {
        self.steps.retain(|step| step.tuning().is_none());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::{CardKnob, Knob};

    fn ring(before: &str) -> Step {
        let key = Setting::Tuning(Knob::Card("eth0".parse().expect("a name"), CardKnob::RxRing));
        Step::Setting(Delta { key, before: Some(before.into()), after: Some("4096".into()) })
    }

    #[test]
    fn a_knob_is_given_up_after_its_second_try() {
        let plan = Plan { steps: vec![ring("512")] };
        let mut refusals = Refusals::default();
        let applied = [ring("256"), ring("512")];
        assert!(!note_unkept(&plan, applied[..1].iter(), TRIES, &mut refusals));
        assert!(note_unkept(&plan, applied.iter(), TRIES, &mut refusals));
        let key = &ring("").tuning().expect("a knob").key.clone();
        assert_eq!(refusals.answer(key, "4096"), Some("it is taken and does not stay; the driver keeps 512"));
    }
}
