//! The rounds: every case once a round, so that what changes on the machine hits all of them alike.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use segbox_linux::jit::Switch;

use super::bed::{Bed, BedError};
use super::outcome::{keep_whole_rounds, measured, reconcile};
use super::router::{Counters, Segbox};
use super::turn::{Running, Turn};
use crate::case::{Case, RouterKind, harness};
use crate::environment::Environment;
use crate::result::{Run, Settings, Skipped};
use crate::stop;
use crate::traffic::Sizes;

/// What to measure and how.
pub(crate) struct Plan {
    /// The cases.
    pub(crate) cases: Vec<Case>,
    /// Rounds.
    pub(crate) rounds: u32,
    /// Length of a measurement.
    pub(crate) window: Duration,
    /// Sizes of packets.
    pub(crate) sizes: Sizes,
    /// Flows.
    pub(crate) flows: u32,
    /// The CPU that does everything.
    pub(crate) cpu: usize,
    /// The router's software.
    pub(crate) segbox: Segbox,
}

impl Plan {
    /// The windows of all turns, one after the other: what a run takes, but for what is between them. A warm-up fills one at
    /// 100 kpps.
    #[cfg(test)]
    pub(crate) fn windows(&self) -> Duration {
        let turns = 1 + self.rounds + super::turn::LATENCY_WINDOWS;
        // And the case without router.
        self.window * turns * (self.cases.len() as u32 + 1)
    }
}

/// How a run ended.
pub(crate) struct Outcome {
    /// What was measured.
    pub(crate) run: Run,
    /// Every case is valid.
    pub(crate) valid: bool,
}

/// A test bed and its counts at the start.
pub(super) struct Opened {
    pub(super) bed: Bed,
    pub(super) before: Option<Counters>,
    /// Packets that were sent to it.
    pub(super) sent: u64,
    /// Packets that came out of it, its own talk among them.
    pub(super) arrived: u64,
}

/// Measures.
///
/// # Errors
/// [`BedError`]: there is no test bed, or it stopped working.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, BedError> {
    let left = Bed::remove_abandoned();
    if !left.is_empty() {
        anstream::eprintln!("removed what a killed run has left: {}", left.join(", "));
    }
    match Switch::of_this_kernel().put_back() {
        Ok(Some(value)) => {
            anstream::eprintln!("a killed run had left the BPF JIT off: net.core.bpf_jit_enable is {value} again");
        }
        Ok(None) => {}
        Err(error) => anstream::eprintln!("cannot put back the BPF JIT, which a killed run had left off: {error}"),
    }
    let mut environment = Environment::of_this_machine(plan.cpu, plan.segbox.version());
    let started = jiff::Timestamp::now();
    let mut skipped = Vec::new();
    let mut cases = vec![harness()];
    cases.extend(plan.cases.iter().cloned());
    let bar = ProgressBar::new((cases.len() * (plan.rounds as usize + 2)) as u64);
    bar.set_style(style());
    let mut beds = open(plan, &mut cases, &mut skipped, &bar)?;
    // The routers' ports are all alike.
    if let Some(opened) = beds.get(&RouterKind::Main).or_else(|| beds.values().next()) {
        environment = environment.with_bed(opened.bed.ports()?);
    }
    let mut running: Vec<Running> = cases.into_iter().map(Running::new).collect();
    let turns = [Turn::WarmUp].into_iter().chain((1..=plan.rounds).map(Turn::Round)).chain([Turn::Latency]);
    let mut number = 0_u16;
    for (begin, turn) in turns.enumerate() {
        let count = running.len();
        for place in 0..count {
            if stop::asked() {
                break;
            }
            // Each round begins with another case, so that no case always follows the same one.
            let one = &mut running[(place + begin) % count];
            bar.set_message(one.case.id.clone());
            number = number.wrapping_add(1);
            let opened = beds.get_mut(&one.case.router).expect("every case left has its bed");
            one.take_turn(plan, opened, number, turn)?;
            bar.inc(1);
        }
        if stop::asked() {
            break;
        }
        if bar.is_hidden() {
            anstream::eprintln!("{turn} of {}", plan.rounds);
        }
    }
    let interrupted = stop::asked();
    keep_whole_rounds(&mut running);
    bar.finish_and_clear();
    reconcile(&mut running, &beds)?;
    let kind = beds.values().next().map_or("xdp", |opened| opened.bed.generator_kind());
    let settings = Settings {
        started,
        rounds: plan.rounds,
        window_ms: plan.window.as_millis() as u64,
        size: plan.sizes.to_string(),
        flows: plan.flows,
        generator: kind.to_owned(),
        interrupted,
    };
    let cases = measured(running);
    let valid = cases.iter().all(|case| case.valid);
    Ok(Outcome { run: Run { environment, settings, cases, skipped }, valid })
}

/// Builds the test beds. Cases that this kernel cannot have are taken out, with the reason.
fn open(
    plan: &Plan,
    cases: &mut Vec<Case>,
    skipped: &mut Vec<Skipped>,
    bar: &ProgressBar,
) -> Result<BTreeMap<RouterKind, Opened>, BedError> {
    let mut groups: BTreeMap<RouterKind, Vec<Case>> = BTreeMap::new();
    for case in cases.iter() {
        groups.entry(case.router).or_default().push(case.clone());
    }
    let mut beds = BTreeMap::new();
    for (kind, group) in groups {
        bar.set_message(format!("router for {}", group[0].id));
        bar.tick();
        match Bed::build(kind, &group, &plan.segbox, plan.cpu, plan.flows) {
            Ok(bed) => {
                let before = bed.counters()?;
                beds.insert(kind, Opened { bed, before, sent: 0, arrived: 0 });
            }
            // What a kernel may lack; the other routers every kernel can have.
            Err(error) if kind.may_lack() => {
                let why = reason(&error);
                skipped.extend(group.into_iter().map(|case| Skipped { case: case.id, why: why.clone() }));
            }
            // Ctrl-C reaches the segbox command as well, which then ends in the middle.
            Err(_) if stop::asked() => break,
            Err(error) => return Err(error),
        }
        if stop::asked() {
            break;
        }
    }
    cases.retain(|case| beds.contains_key(&case.router));
    Ok(beds)
}

/// The line of an error that names what is missing: of a fault the one that it is marked with.
fn reason(error: &BedError) -> String {
    let text = error.to_string();
    let marked = text.lines().rev().find_map(|line| line.trim_start().strip_prefix("× "));
    marked.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg:28} {left}");
    // Before the first measurement nothing says how long one takes.
    let left = |state: &ProgressState, text: &mut dyn fmt::Write| {
        if state.pos() > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{} left", HumanDuration(state.eta()));
        }
    };
    style.expect("the template is right").progress_chars("━━╌").with_key("left", left)
}
