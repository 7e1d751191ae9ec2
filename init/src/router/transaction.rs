//! Apply as a transaction: plan, take, read back; what fails is undone. Decides nothing about what a router should be (the plan
//! does) and says nothing to anybody (the command does).
//!
//! Tuning is softer: a router routes with any. A knob that a driver refuses, or does not keep, is noted and asked for no more.

use segbox_linux::tune::TuneError;
use segbox_plan::tune::Refusals;
use segbox_plan::{Actual, Delta, Materials, Plan, Setting, State, Step, diff};

use super::machine::{Machine, Observed, Refusal};

/// How often a plan may be made anew until the kernel agrees. One round is the rule; renames have one of their own, another follows
/// where one step undoes another behind our back (a device that enters a VRF loses its IPv6 addresses), two where interrupts come
/// with a link and a driver refuses the first choice; the last finds nothing.
const ROUNDS: usize = 6;

/// A step that was taken, or tried.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) step: Step,
    pub(crate) result: Result<(), Refusal>,
}

/// How a transaction ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The kernel holds what was desired.
    InSync,
    /// A step was refused, or the kernel did not keep one: all was undone but what `left` still names.
    Undone { unkept: Plan, left: Plan },
}

/// All that was tried, and the end.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) taken: Vec<Taken>,
    pub(crate) end: End,
}

/// Brings `machine` from `before` to what `desired` says of it, or back to `before`.
///
/// `keep` is shown each round's plan before any of it is taken: what must outlive a crash is written there.
///
/// # Errors
/// The kernel could not be read, or `keep` failed. What had been taken until then stays, and a new plan starts from there.
pub(crate) fn run<M: Machine>(
    machine: &mut M,
    before: &Observed,
    desired: impl Fn(&Actual, &Refusals) -> State,
    materials: &Materials,
    refusals: &mut Refusals,
    keep: impl FnMut(&Plan) -> Result<(), Refusal>,
) -> Result<Report, Refusal> {
    let mut passing = Vec::new();
    let report = rounds(machine, before, desired, materials, (refusals, &mut passing), keep);
    // What may do another time is asked for another time.
    for (setting, value) in passing {
        refusals.forget(&setting, &value);
    }
    report
}

fn rounds<M: Machine>(
    machine: &mut M,
    before: &Observed,
    desired: impl Fn(&Actual, &Refusals) -> State,
    materials: &Materials,
    (refusals, passing): (&mut Refusals, &mut Vec<(Setting, String)>),
    mut keep: impl FnMut(&Plan) -> Result<(), Refusal>,
) -> Result<Report, Refusal> {
    let mut taken = Vec::new();
    let mut names = Vec::new();
    let mut now = before.actual.clone();
    let mut refused = false;
    for _ in 0..ROUNDS {
        let mut plan = names_first(diff(&desired(&now, refusals), &now));
        if note_unkept(&plan, &taken, TRIES, refusals) {
            plan = names_first(diff(&desired(&now, refusals), &now));
        }
        if plan.is_empty() {
            return Ok(Report { taken, end: End::InSync });
        }
        keep(&plan)?;
        names.extend(plan.steps.iter().filter_map(former_name));
        refused = !take(machine, plan, materials, &mut taken, refusals, passing);
        now = machine.observe()?.actual;
        if refused {
            break;
        }
    }
    if !refused {
        note_unkept(&diff(&desired(&now, refusals), &now), &taken, 1, refusals);
    }
    let unkept = if refused { Plan::default() } else { without_tuning(diff(&desired(&now, refusals), &now)) };
    if !refused && unkept.is_empty() {
        return Ok(Report { taken, end: End::InSync });
    }
    let mut target = before.actual.state.clone();
    target.settings.extend(names);
    target.settings.retain(|setting, _| !setting.follows_others());
    let left = restore(machine, &target, &before.materials, materials, now)?;
    Ok(Report { taken, end: End::Undone { unkept, left } })
}

/// Takes `machine` back to `target`: the undo of a change is the diff back. Gives what could not be taken back.
pub(crate) fn restore<M: Machine>(
    machine: &mut M,
    target: &State,
    earlier: &Materials,
    later: &Materials,
    mut now: Actual,
) -> Result<Plan, Refusal> {
    let mut materials = later.clone();
    materials.programs.extend(earlier.programs.clone());
    materials.secrets.extend(earlier.secrets.clone());
    for _ in 0..ROUNDS {
        let plan = names_first(diff(target, &now));
        if plan.is_empty() {
            break;
        }
        for stage in plan.stages() {
            // The undo goes on where a step is refused: as much as can be taken back is, and the rest is named at the end.
            machine.take(stage, &materials);
        }
        now = machine.observe()?.actual;
    }
    Ok(without_tuning(diff(target, &now)))
}

/// How often a knob is turned until its driver is believed not to keep it: the first time another knob may have reset it.
const TRIES: usize = 2;

/// Notes the knobs that were turned so often and are asked for again: the driver keeps something else. True if there is one.
fn note_unkept(plan: &Plan, taken: &[Taken], tries: usize, refusals: &mut Refusals) -> bool {
    let mut any = false;
    for step in &plan.steps {
        let Some(delta) = tuning(step) else { continue };
        let is_same = |one: &Taken| {
            one.result.is_ok()
                && tuning(&one.step).is_some_and(|past| past.key == delta.key && past.after == delta.after)
        };
        if let Some(value) = delta.after.clone()
            && taken.iter().filter(|one| is_same(one)).count() >= tries
        {
            let kept = delta.before.as_deref().filter(|kept| !kept.is_empty()).unwrap_or("nothing");
            refusals.note(delta.key.clone(), value, format!("it is taken and does not stay; the driver keeps {kept}"));
            any = true;
        }
    }
    any
}

/// The change of a knob, if the step is one.
pub(crate) fn tuning(step: &Step) -> Option<&Delta<Setting, String>> {
    match step {
        Step::Setting(delta) if delta.key.is_tuning() => Some(delta),
        _ => None,
    }
}

fn without_tuning(mut plan: Plan) -> Plan {
    plan.steps.retain(|step| tuning(step).is_none());
    plan
}

/// The kernel's own answer, without what it was asked for.
fn answer(refusal: &Refusal) -> String {
    let mut cause: &dyn std::error::Error = refusal.as_ref();
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.strip_prefix("the kernel answered: ").unwrap_or(text).to_owned()
}

/// Takes a plan stage by stage. A stage with a refused step is finished, and the next one not begun. True if none was refused
/// but knobs.
fn take<M: Machine>(
    machine: &mut M,
    plan: Plan,
    materials: &Materials,
    taken: &mut Vec<Taken>,
    refusals: &mut Refusals,
    passing: &mut Vec<(Setting, String)>,
) -> bool {
    for stage in plan.stages() {
        let results = machine.take(stage, materials);
        let mut refused = false;
        for (step, result) in stage.iter().zip(&results) {
            match (result, tuning(step)) {
                (Ok(()), _) => {}
                (Err(refusal), Some(Delta { key, after: Some(value), .. })) => {
                    refusals.note(key.clone(), value.clone(), answer(refusal));
                    if refusal.downcast_ref::<TuneError>().is_some_and(TuneError::may_pass) {
                        passing.push((key.clone(), value.clone()));
                    }
                }
                (Err(_), _) => refused = true,
            }
        }
        taken.extend(stage.iter().cloned().zip(results).map(|(step, result)| Taken { step, result }));
        if refused {
            return false;
        }
    }
    true
}

/// Renames come alone, and the rest is planned again: only then is known what an interface's settings were under its old name.
fn names_first(mut plan: Plan) -> Plan {
    if plan.steps.iter().any(is_rename) {
        plan.steps.retain(is_rename);
    }
    plan
}

fn is_rename(step: &Step) -> bool {
    matches!(step, Step::Setting(Delta { key: Setting::LinkName(_), .. }))
}

fn former_name(step: &Step) -> Option<(Setting, String)> {
    match step {
        Step::Setting(Delta { key: key @ Setting::LinkName(_), before: Some(name), .. }) => {
            Some((key.clone(), name.clone()))
        }
        _ => None,
    }
}
