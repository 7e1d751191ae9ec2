//! Tuning: turns a hardware profile into settings, which are planned, read back and undone like all others. Not here: effects, which
//! `segbox-linux` has.
//!
//! [`crate::State::settings`] has the knobs that could be read, [`Machine::fixed`] those that cannot be turned. A profile may ask for
//! more than a machine has: that is no fault, but a [`Wish`] with a note that says what is used instead.

mod card;
mod cpus;
mod knob;
mod machine;
mod nics;
mod queues;
mod refused;
mod system;
pub mod value;
mod wish;

use segbox_config::IfName;
use segbox_config::profile::Profile;

pub use knob::{CardKnob, Flow, Knob, Share};
pub use machine::{CardSeen, CpuSeen, Machine, Most};
pub use refused::Refusals;
pub use wish::Wish;

use crate::state::{Actual, Setting, State};
use wish::Wishes;

/// How a box is to be tuned.
#[derive(Debug, Clone, Copy)]
pub struct Tuning<'a> {
    /// The box's profile.
    pub profile: &'a Profile,
    /// Values that its drivers refused before: they are not asked for again.
    pub refused: &'a Refusals,
}

/// Adds the settings that the profile asks of this machine to a state. Gives a wish for each knob, also for those that the machine lacks.
pub(crate) fn tune(tuning: Tuning<'_>, actual: &Actual, state: &mut State) -> Vec<Wish> {
    let Some(machine) = &actual.machine else { return Vec::new() };
    let mut wishes = Wishes::new(actual, machine, tuning.refused, state);
    system::tune(tuning.profile, machine, &mut wishes);
    nics::tune(tuning.profile, machine, &mut wishes);
    wishes.done()
}

impl Setting {
    /// Whether it affects speed only. A router works without it, so a refusal undoes nothing.
    pub fn is_tuning(&self) -> bool {
        match self {
            Self::Tuning(_) => true,
            Self::Sysctl(name) => crate::sysctl::TUNING.contains(&name.as_str()),
            _ => false,
        }
    }

    /// Whether it depends on other settings and is not restored for itself. A driver spreads its hash's values anew when its queues
    /// change, and has not spread them before the card was first up.
    pub fn follows_others(&self) -> bool {
        matches!(self, Self::Tuning(Knob::Card(_, CardKnob::Spread)))
    }

    /// The interface that it goes down with: a queue has its interrupt only while the interface is up.
    pub(crate) fn goes_with_link(&self) -> Option<IfName> {
        match self {
            Self::Tuning(Knob::Card(name, CardKnob::Irq(_))) => Some(*name),
            _ => None,
        }
    }
}
