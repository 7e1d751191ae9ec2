//! Tuning: what a hardware profile asks of a machine, as settings like any other, so that it is planned, read back and undone as
//! they are. Pure; the effects are `segbox-linux`'s.
//!
//! A machine says which knobs it has: those that were read are in [`crate::State::settings`], those that are there and cannot be
//! turned in [`Machine::fixed`]. What a profile asks for beyond is no fault: it becomes a [`Wish`] with a note that says what is
//! used instead.

mod card;
mod cpus;
mod knob;
mod machine;
mod nics;
mod queues;
mod refused;
mod system;
/// What knobs stand at, as text and as values.
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
    /// What its drivers did not take before: it is not asked for again.
    pub refused: &'a Refusals,
}

/// Adds what the profile asks of this machine to a state; gives every knob of it, those too that the machine lacks.
pub(crate) fn tune(tuning: Tuning<'_>, actual: &Actual, state: &mut State) -> Vec<Wish> {
    let Some(machine) = &actual.machine else { return Vec::new() };
    let mut wishes = Wishes::new(actual, machine, tuning.refused, state);
    system::tune(tuning.profile, machine, &mut wishes);
    nics::tune(tuning.profile, machine, &mut wishes);
    wishes.done()
}

impl Setting {
    /// Whether it is about speed and nothing else: a router goes on without it, so a refusal undoes nothing.
    pub fn is_tuning(&self) -> bool {
        match self {
            Self::Tuning(_) => true,
            Self::Sysctl(name) => crate::sysctl::TUNING.contains(&name.as_str()),
            _ => false,
        }
    }

    /// Whether it follows others and is not put back by itself: a driver deals its hash's values out anew when its queues change,
    /// and before the card was first up it had dealt none.
    pub fn follows_others(&self) -> bool {
        matches!(self, Self::Tuning(Knob::Card(_, CardKnob::Spread)))
    }

    /// The interface whose going down takes it away: interrupts come with it going up.
    pub(crate) fn goes_with_link(&self) -> Option<IfName> {
        match self {
            Self::Tuning(Knob::Card(name, CardKnob::Irq(_))) => Some(*name),
            _ => None,
        }
    }
}
