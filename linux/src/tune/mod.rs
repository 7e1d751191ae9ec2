//! Reads and turns the knobs of the machine: CPUs, network cards, interrupts, steering. One file per family of knobs. Not here: the right
//! values (`segbox_plan::tune`), and sysctls (`sysctl`).
//!
//! Only a router in the network namespace of PID 1 uses this: others must leave the hardware alone. A knob that cannot be read counts as
//! missing: a router routes without it.

mod card;
mod cpu;
mod error;
mod interrupts;
mod ioctl;
mod latency;
mod port;
mod steering;
mod sysfs;

use segbox_config::IfName;
use segbox_plan::tune::{CardKnob, Knob, Machine};
use segbox_plan::{Actual, Setting, sysctl as list};

pub use card::Card;
pub use error::TuneError;
pub use latency::Keeper;
pub use port::Port;

use crate::netlink::Ethtool;

/// The knobs of the machine.
pub struct Tuner {
    ethtool: Ethtool,
}

impl Tuner {
    /// Opens them for the network namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel has no netlink, or no file descriptor is left.
    pub fn open() -> std::io::Result<Self> {
        Ok(Self { ethtool: Ethtool::open()? })
    }

    /// Adds the machine and its knobs to what was found of the network.
    pub fn observe(&mut self, actual: &mut Actual) {
        let mut machine = Machine { keeper: Keeper::lives(), ..cpu::survey() };
        let settings = &mut actual.state.settings;
        let mut turns = |knob, value| settings.insert(Setting::Tuning(knob), value);
        cpu::observe(&mut machine, &mut turns);
        if let Some(latency) = latency::read() {
            turns(Knob::WakeupLatency, latency);
        }
        for link in &actual.links {
            let Some(card) = self.card(link.name).filter(|card| card.is_hardware) else { continue };
            for (knob, value) in card.turns {
                turns(Knob::Card(link.name, knob), value);
            }
            machine.fixed.extend(card.fixed.into_iter().map(|(knob, value)| (Knob::Card(link.name, knob), value)));
            machine.cards.insert(link.name, card.seen);
        }
        for name in list::TUNING {
            if let Ok(Some(value)) = crate::sysctl::read(name) {
                settings.insert(Setting::Sysctl(name.to_owned()), value);
            }
        }
        actual.machine = Some(machine);
    }

    /// One interface and its knobs; None where there is no interface of that name.
    pub fn card(&mut self, name: IfName) -> Option<Card> {
        card::read(&mut self.ethtool, name)
    }

    /// Turns a knob.
    ///
    /// # Errors
    /// The driver or the kernel refuses the value, or has no such knob.
    pub fn turn(&mut self, knob: &Knob, value: &str) -> Result<(), TuneError> {
        match knob {
            Knob::Smt => cpu::set_smt(value),
            Knob::Governor(cpu) => cpu::set_governor(*cpu, value),
            Knob::WakeupLatency => latency::ask(value),
            Knob::Card(name, knob) => self.turn_card(*name, knob, value),
        }
    }

    fn turn_card(&mut self, name: IfName, knob: &CardKnob, value: &str) -> Result<(), TuneError> {
        card::turn(&mut self.ethtool, name, knob, value)
    }
}
