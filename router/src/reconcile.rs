//! The only way from a file to the wanted state of this router. `plan`, `apply`, `retune`, `status` and the plan of a dump all
//! use it, so they always want the same. Not here: applying it.

use segbox_config::{Config, Kernel as KernelSurvey};
use segbox_plan::tune::{Refusals, Tuning};
use segbox_plan::{Actual, Base, Context, Desired, Plan, desired, foresee, nothing};

use crate::profiles::{Choice, Profiles};
use crate::seal::Seal;

/// Facts about the box, read once when the router is opened.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The features of the kernel.
    pub kernel: KernelSurvey,
    /// Whether this is the network namespace of the box. Only there segbox sets the hardware and the hostname.
    pub own_box: bool,
}

/// Everything that decides the wanted state beside the file and the kernel's state.
#[derive(Debug)]
pub struct Reconcile {
    pub(crate) facts: Facts,
    /// What digests of HMAC secrets are sealed with; None for a dump: its number is not known.
    pub(crate) seal: Option<Seal>,
    pub(crate) profiles: Profiles,
    /// The original settings, before segbox changed them.
    pub(crate) base: Base,
    /// Values that drivers refused earlier.
    pub(crate) refusals: Refusals,
}

impl Reconcile {
    /// For the dump of another box: neither this machine's kernel state nor its remembered settings count.
    pub fn for_dump() -> Self {
        let facts = Facts { kernel: segbox_linux::kernel::survey(), own_box: true };
        Self { facts, seal: None, profiles: Profiles::read(), base: Base::new(), refusals: Refusals::default() }
    }

    /// The wanted state: that of `config`, or the original state if there is none.
    pub fn want(&self, config: Option<&Config>, found: &Actual, refusals: &Refusals) -> Desired {
        self.want_on(&self.base, config, found, refusals)
    }

    /// The same in a later round of a change: the base has followed the renames of earlier ones.
    pub(crate) fn want_on(&self, base: &Base, config: Option<&Config>, found: &Actual, refusals: &Refusals) -> Desired {
        let Some(config) = config else { return nothing(found, base, refusals) };
        let choice = self.choice(config, found);
        let tuning = choice.profile().map(|profile| Tuning { profile, refused: refusals });
        let Facts { kernel, own_box } = &self.facts;
        let mut want = desired(config, Context { actual: found, base, kernel, own_box: *own_box, tuning });
        match &self.seal {
            Some(seal) => seal.wanted(want),
            None => {
                // The digests of a dump cannot be compared: the secret of a key that is there counts as that of the file.
                for (id, key) in &mut want.state.hmac_keys {
                    let there = found.state.hmac_keys.get(id).filter(|there| there.algorithm == key.algorithm);
                    if let Some(there) = there {
                        key.digest.clone_from(&there.digest);
                    }
                }
                want
            }
        }
    }

    /// All steps from `found` to the state that `config` asks for.
    pub fn plan(&self, config: Option<&Config>, found: &Actual) -> Plan {
        foresee(found, &self.base, |now, base| self.want_on(base, config, now, &self.refusals))
    }

    /// How others than root could change the chosen profile.
    pub fn exposed(&self, choice: &Choice) -> Option<&str> {
        match choice {
            Choice::Tuned(name, _) => self.profiles.exposed(name),
            Choice::Untouched | Choice::Trouble(_) => None,
        }
    }

    /// The profile that tunes the box, as the file asks.
    pub fn choice(&self, config: &Config, found: &Actual) -> Choice {
        match &found.machine {
            Some(machine) if self.facts.own_box => self.profiles.choose(&config.system.hardware, machine),
            _ => Choice::Untouched,
        }
    }
}
