//! Brings back what the router has lost since the last apply: a port was down, another program deleted a route, a device is gone. Not here: when
//! to look (`segbox-services`), and what counts as lost (`segbox_plan::repair`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use segbox_config::IfName;
use segbox_plan::degrade::degrade;
use segbox_plan::repair::{Losses, losses};
use segbox_plan::rounds::ROUNDS;
use segbox_plan::route::RouteKey;
use segbox_plan::{Actual, Desired, Plan};

use crate::counted::Counted;
use crate::error::ChangeError;
use crate::run::pending::Pending;
use crate::run::programs::{self, short};
use crate::target::Target;
use crate::transaction::Applied;
use crate::{KEYS, Router};

/// What a look for losses found, and what was done.
#[derive(Debug, Default)]
pub struct Repaired {
    /// When the file was applied that this holds to; None: nothing is applied.
    pub of: Option<String>,
    /// The steps, in the order in which they were tried.
    pub applied: Vec<Applied>,
    /// Lost things that were left alone as asked, by `Step::thing`.
    pub left: BTreeSet<String>,
    /// Ports that the file wants up and that another has taken down.
    pub down: BTreeSet<IfName>,
    /// The routes that the file asks for.
    pub routes: Vec<RouteKey>,
    /// The addresses whose routes decide what the file's policies look like.
    pub looked_up: BTreeSet<IpAddr>,
}

impl<T: Target> Router<T> {
    /// Whether the programs are those of the apply. One whose interface was missing then is saved now. Where an object of the file has changed
    /// since, another program is for the next apply.
    fn has_programs(&self, want: &Desired) -> Result<bool, ChangeError> {
        let known = programs::names(&self.folder);
        let saved = programs::load(&self.folder, want.state.programs.keys());
        let fresh = want.materials.programs.iter().filter(|(name, _)| !saved.contains_key(*name));
        let fresh: BTreeMap<_, _> = fresh.map(|(name, program)| (name.clone(), program.clone())).collect();
        if fresh.keys().any(|name| known.iter().any(|other| short(other) == short(name))) {
            return Ok(false);
        }
        programs::save(&self.folder, &fresh)?;
        Ok(true)
    }

    /// Brings back what differs from the last applied file, but for tuning. A step that the kernel refuses keeps no other from being tried, and
    /// nothing is undone: the router is better with the rest.
    ///
    /// `leave` are things to leave alone, `held` are ports that stay down if they are.
    ///
    /// # Errors
    /// Another process holds the lock or a change waits for its confirmation, which have precedence; or the kernel or the folder cannot be read.
    pub fn repair(&mut self, leave: &BTreeSet<String>, held: &BTreeSet<IfName>) -> Result<Repaired, ChangeError> {
        if self.last_applied()?.is_none() {
            return Ok(Repaired::default());
        }
        let _lock = self.lock_at_once()?;
        // Read under the lock: the file may have been cleared meanwhile.
        let Some(record) = self.last_applied()? else { return Ok(Repaired::default()) };
        if let Some(pending) = Pending::read(&self.folder)? {
            return Err(ChangeError::Waiting { left: pending.left().unwrap_or_default() });
        }
        let none = Repaired { of: Some(record.at.to_string()), ..Repaired::default() };
        // `status` reports a file that has faults by now.
        let Ok(reading) = record.reading(self.seen_without_links()) else { return Ok(none) };
        self.note(&reading.checked.config);
        let before = self.look()?;
        // An interface that is not there takes along what needs it, and nothing else.
        let (config, _) = degrade(reading.checked.config, &before.actual.links);
        let reconcile = self.reconcile()?;
        let first = reconcile.want(Some(&config), &before.actual, &reconcile.refusals);
        if !self.has_programs(&first)? {
            return Ok(none);
        }
        let folder = self.folder.clone();
        let keys = self.target.hmac_keys().clone();
        let mut base = reconcile.base.clone();
        let mut keep = |plan: &Plan, now: &Actual| -> Result<(), ChangeError> {
            folder.write_json(KEYS, &keys)?;
            plan.extend_base(now, &mut base);
            Ok(folder.write_base(&base)?)
        };
        let mut done = Repaired {
            routes: first.state.routes.keys().copied().collect(),
            looked_up: self.target.looked_up().clone(),
            ..none
        };
        let mut refused = leave.clone();
        let mut first_time = BTreeSet::new();
        let mut now = before.actual;
        let mut want = first;
        for _ in 0..ROUNDS {
            let Losses { plan, left, down } = losses(&want, &now, &refused, held);
            done.left.extend(left.intersection(leave).cloned());
            done.down.extend(down);
            if plan.is_empty() {
                break;
            }
            keep(&plan, &now)?;
            let mut target = Counted::new(&mut self.target, &folder);
            for stage in plan.stages() {
                let results = target.apply(stage, &want.materials);
                for (step, result) in stage.iter().zip(results) {
                    // Once more where a later step of the same round takes it away (entering a VRF does), but no fight within one look.
                    let thing = step.thing();
                    if result.is_err() || !first_time.insert(thing.clone()) {
                        refused.insert(thing);
                    }
                    done.applied.push(Applied { step: step.clone(), result });
                }
            }
            now = target.observe().map_err(ChangeError::Kernel)?.actual;
            want = reconcile.want(Some(&config), &now, &reconcile.refusals);
        }
        Ok(done)
    }
}
