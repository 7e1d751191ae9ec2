//! The one way from a file to what this router should be. `plan`, `apply`, tuning again, `status` and the plan of a dump all ask
//! here, so none of them can want something else than the others. Not here: applying it.

use std::collections::BTreeMap;

use segbox_config::{Config, Kernel as KernelSurvey};
use segbox_plan::tune::{Refusals, Tuning};
use segbox_plan::{Actual, Context, Desired, Plan, Setting, desired, foresee, nothing};

use crate::profiles::{Choice, Profiles};

/// Facts about the box, read once when the router is opened.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What the kernel can do.
    pub kernel: KernelSurvey,
    /// Whether this is the box's own network namespace, whose hardware and hostname are segbox's to set.
    pub own_box: bool,
}

/// Everything beside the file and the kernel's state that decides what a router should be.
#[derive(Debug)]
pub struct Reconcile {
    pub(crate) facts: Facts,
    pub(crate) profiles: Profiles,
    /// Settings as they were before segbox first changed them.
    pub(crate) base: BTreeMap<Setting, String>,
    /// Values that drivers refused before.
    pub(crate) refusals: Refusals,
}

impl Reconcile {
    /// For the dump of a box: neither this machine's kernel state nor its memory of settings counts.
    pub fn for_dump() -> Self {
        let facts = Facts { kernel: segbox_linux::kernel::survey(), own_box: true };
        Self { facts, profiles: Profiles::read(), base: BTreeMap::new(), refusals: Refusals::default() }
    }

    /// What the router should be: as `config` says, or as it was before segbox where there is none.
    pub fn want(&self, config: Option<&Config>, found: &Actual, refusals: &Refusals) -> Desired {
        let Some(config) = config else { return nothing(found, &self.base, refusals) };
        let choice = self.choice(config, found);
        let tuning = choice.profile().map(|profile| Tuning { profile, refused: refusals });
        let Facts { kernel, own_box } = &self.facts;
        desired(config, Context { actual: found, base: &self.base, kernel, own_box: *own_box, tuning })
    }

    /// Every step from `found` to what `config` asks for.
    pub fn plan(&self, config: Option<&Config>, found: &Actual) -> Plan {
        foresee(found, |now| self.want(config, now, &self.refusals))
    }

    /// Which profile tunes the box, as the file asks.
    pub fn choice(&self, config: &Config, found: &Actual) -> Choice {
        match &found.machine {
            Some(machine) if self.facts.own_box => self.profiles.choose(&config.system.hardware, machine),
            _ => Choice::Untouched,
        }
    }
}
