//! The tuning of the box, for `status`: each knob of its profile, wanted and found.

use segbox_plan::tune::Wish;
use segbox_plan::{Actual, Setting};
use serde::Serialize;

use crate::profiles::Choice;

/// The tuning of the box.
#[derive(Debug, Serialize)]
pub struct Tuning {
    /// The name of the profile; None if the hardware is not tuned.
    pub profile: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Every knob of the profile.
    pub knobs: Vec<KnobFound>,
}

/// A knob.
#[derive(Debug, Serialize)]
pub struct KnobFound {
    /// `eth0 rx-ring`
    pub knob: String,
    /// The part of the name that similar knobs share: the interrupts of all queues of a NIC are one line of a table.
    #[serde(skip)]
    pub share: String,
    /// The value that the profile asks for.
    pub wanted: String,
    /// The value that was found; None if the machine has no such knob.
    pub found: Option<String>,
    /// The state of the knob.
    pub state: KnobState,
    /// Why the value is not the wanted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The state of a knob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnobState {
    /// It has the wanted value.
    AsWanted,
    /// The driver or the kernel does not support the wanted value, so another one is used. This is no fault.
    Instead,
    /// Another program has changed it since.
    Differs,
}

pub(crate) fn tuning(choice: &Choice, wishes: &[Wish], actual: &Actual) -> Option<Tuning> {
    let machine = actual.machine.as_ref()?;
    let (profile, description) = match choice {
        Choice::Tuned(name, profile) => (Some(name.clone()), Some(profile.description.clone())),
        Choice::Untouched | Choice::Trouble(_) => (None, None),
    };
    let knobs = wishes.iter().map(|wish| {
        let fixed = match &wish.setting {
            Setting::Tuning(knob) => machine.fixed.get(knob).cloned(),
            _ => None,
        };
        let found = actual.setting(&wish.setting).or(fixed);
        KnobFound {
            knob: wish.setting.to_string(),
            share: share(&wish.setting),
            wanted: wish.wanted.clone(),
            state: state(wish, found.as_deref()),
            found,
            note: wish.note.clone(),
        }
    });
    Some(Tuning { profile, description, knobs: knobs.collect() })
}

fn share(setting: &Setting) -> String {
    match setting {
        Setting::Tuning(knob) => knob.share().0,
        other => other.to_string(),
    }
}

fn state(wish: &Wish, found: Option<&str>) -> KnobState {
    if wish.asked.is_some() && wish.asked.as_deref() != found {
        KnobState::Differs
    } else if wish.note.is_some() {
        KnobState::Instead
    } else {
        KnobState::AsWanted
    }
}
