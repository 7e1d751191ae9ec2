//! Apply as a transaction: plan, apply, read back. A change that fails is undone. Not here: the wanted state (`segbox-plan`) and
//! printing the result (the commands).
//!
//! Tuning is less strict, since a router works with any values. A knob that a driver refuses or does not keep is noted and not
//! requested again.

use std::borrow::Cow;

use segbox_linux::tune::TuneError;
use segbox_plan::rounds::ROUNDS;
use segbox_plan::tune::Refusals;
use segbox_plan::unkept::{TRIES, note_unkept};
use segbox_plan::{Actual, Base, Delta, Desired, Materials, Plan, Setting, State, Step, diff};

use crate::target::{Observed, Target, TargetError};

/// A step that was applied or tried.
#[derive(Debug)]
pub struct Applied {
    /// The step.
    pub step: Step,
    /// The kernel's answer.
    pub result: Result<(), TargetError>,
}

/// The most steps that a report holds although there is nothing to say of them.
pub(crate) const TOLD: usize = 1000;

/// How a transaction ended.
#[derive(Debug)]
pub enum End {
    /// The kernel has the wanted state.
    InSync,
    /// The kernel refused a step or did not keep one. All steps were undone except those in `left`.
    Undone {
        /// Steps that the kernel accepted and did not keep.
        unkept: Plan,
        /// Steps of the undo that failed.
        left: Plan,
    },
}

/// All tried steps, and the end of the transaction.
#[derive(Debug)]
pub struct Report {
    /// The steps, in the order in which they were tried: all that were refused, all knobs, and the first 1000 others.
    pub applied: Vec<Applied>,
    /// How many more steps the kernel took: nobody reads a million of them, and they would be held while the router is read again.
    pub more: usize,
    /// How the transaction ended.
    pub end: End,
}

impl Report {
    /// How many steps were tried.
    pub fn tried(&self) -> usize {
        self.applied.len() + self.more
    }
}

/// Steps that were tried.
#[derive(Debug, Default)]
struct Tried {
    held: Vec<Applied>,
    more: usize,
}

/// Changes `target` from `before` to the state that `want` gives, or back to `before`. `first` is the plan from `before` to that state.
///
/// `keep` gets each round's plan before it is applied, and saves what must survive a crash.
///
/// # Errors
/// The kernel could not be read: the steps applied until then stay, and a new plan starts from there. Or `keep` failed: they are undone.
pub(crate) fn run<T: Target>(
    target: &mut T,
    (before, first): (&Observed, Plan),
    want: impl Fn(&Actual, &Refusals) -> Desired,
    materials: &Materials,
    refusals: &mut Refusals,
    keep: impl FnMut(&Plan, &Actual) -> Result<(), TargetError>,
) -> Result<Report, TargetError> {
    let mut temporary = Vec::new();
    let report = rounds(target, (before, first), want, materials, (refusals, &mut temporary), keep);
    // Forget refusals that may be temporary: the next apply tries again.
    for (setting, value) in temporary {
        refusals.forget(&setting, &value);
    }
    report
}

fn rounds<T: Target>(
    target: &mut T,
    (before, first): (&Observed, Plan),
    want: impl Fn(&Actual, &Refusals) -> Desired,
    materials: &Materials,
    (refusals, temporary): (&mut Refusals, &mut Vec<(Setting, String)>),
    mut keep: impl FnMut(&Plan, &Actual) -> Result<(), TargetError>,
) -> Result<Report, TargetError> {
    let left = |now: &Actual, refusals: &Refusals| diff(&want(now, refusals).state, now);
    let mut tried = Tried::default();
    let mut names = Base::new();
    let mut now = Cow::Borrowed(&before.actual);
    let mut first = Some(first);
    let mut refused = false;
    for _ in 0..ROUNDS {
        let mut plan = first.take().unwrap_or_else(|| left(&now, refusals)).round();
        if note_unkept(&plan, tried.accepted(), TRIES, refusals) {
            plan = left(&now, refusals).round();
        }
        if plan.is_empty() {
            return Ok(tried.report(End::InSync));
        }
        if let Err(error) = keep(&plan, &now) {
            // What an undo needs could not be saved. Without it nothing more is changed, and what was changed so far goes back.
            restore(target, (&before.actual.state, names), &before.materials, materials, now.into_owned())?;
            return Err(error);
        }
        plan.former_names(&now, &mut names);
        refused = !apply(target, plan, materials, &mut tried, refusals, temporary);
        now = Cow::Owned(target.observe()?.actual);
        if refused {
            break;
        }
    }
    if !refused {
        note_unkept(&left(&now, refusals), tried.accepted(), 1, refusals);
    }
    let unkept = if refused { Plan::default() } else { left(&now, refusals).without_tuning() };
    if !refused && unkept.is_empty() {
        return Ok(tried.report(End::InSync));
    }
    let restored = restore(target, (&before.actual.state, names), &before.materials, materials, now.into_owned())?;
    Ok(tried.report(End::Undone { unkept, left: restored.left }))
}

/// How far a target is back at an earlier state.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The steps that are left.
    pub(crate) left: Plan,
    /// The last step that the kernel refused, and its answer.
    pub(crate) refused: Option<Applied>,
}

/// Restores `target` to an earlier state, with the names that its interfaces had: the undo of a change is the diff back.
pub(crate) fn restore<T: Target>(
    target: &mut T,
    (state, names): (&State, Base),
    earlier: &Materials,
    later: &Materials,
    mut now: Actual,
) -> Result<Restored, TargetError> {
    let mut materials = later.clone();
    materials.programs.extend(earlier.programs.clone());
    materials.secrets.extend(earlier.secrets.clone());
    let state = &state.to_go_back_to(names, &now);
    let mut refused = None;
    for _ in 0..ROUNDS {
        let plan = diff(state, &now).round();
        if plan.is_empty() {
            break;
        }
        for stage in plan.stages() {
            // The undo continues after a refused step: it undoes as much as possible, and the rest is reported at the end.
            let results = target.apply(stage, &materials);
            let failed = stage.iter().zip(results).rfind(|(step, result)| result.is_err() && step.tuning().is_none());
            refused = failed.map(|(step, result)| Applied { step: step.clone(), result }).or(refused);
        }
        now = target.observe()?.actual;
    }
    Ok(Restored { left: diff(state, &now).without_tuning(), refused })
}

impl Tried {
    /// The steps that were not refused: all knobs among them, and some others.
    fn accepted(&self) -> impl Iterator<Item = &Step> + Clone {
        self.held.iter().filter(|one| one.result.is_ok()).map(|one| &one.step)
    }

    fn add(&mut self, step: Step, result: Result<(), TargetError>) {
        if result.is_err() || step.tuning().is_some() || self.held.len() < TOLD {
            self.held.push(Applied { step, result });
        } else {
            self.more += 1;
        }
    }

    fn report(self, end: End) -> Report {
        Report { applied: self.held, more: self.more, end }
    }
}

/// The kernel's answer, without the request.
fn answer(error: &TargetError) -> String {
    let mut cause: &dyn std::error::Error = error.as_ref();
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.strip_prefix("the kernel answered: ").unwrap_or(text).to_owned()
}

/// Applies a plan stage by stage. A stage with a refused step is completed, and no further stage is started. True if only knobs
/// were refused.
fn apply<T: Target>(
    target: &mut T,
    plan: Plan,
    materials: &Materials,
    tried: &mut Tried,
    refusals: &mut Refusals,
    temporary: &mut Vec<(Setting, String)>,
) -> bool {
    let mut all = Vec::new();
    let mut refused = false;
    for stage in plan.stages() {
        let results = target.apply(stage, materials);
        for (step, result) in stage.iter().zip(&results) {
            match (result, step.tuning()) {
                (Ok(()), _) => {}
                (Err(error), Some(Delta { key, after: Some(value), .. })) => {
                    refusals.note(key.clone(), value.clone(), answer(error));
                    if error.downcast_ref::<TuneError>().is_some_and(TuneError::may_pass) {
                        temporary.push((key.clone(), value.clone()));
                    }
                }
                (Err(_), _) => refused = true,
            }
        }
        all.extend(results);
        if refused {
            break;
        }
    }
    // The steps of stages that were not started have no result.
    plan.steps.into_iter().zip(all).for_each(|(step, result)| tried.add(step, result));
    !refused
}
