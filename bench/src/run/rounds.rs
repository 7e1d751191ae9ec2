//! The rounds: each round measures every case once, so a change of the machine affects all cases in the same way.

use segbox_linux::jit::Switch;

use super::open::open;
use super::outcome::{keep_whole_rounds, measured, reconcile};
use super::plan::Plan;
use super::testbed::{Testbed, TestbedError};
use super::turn::{Running, Turn};
use crate::case::{RouterKind, harness, harness_xdp};
use crate::environment::Environment;
use crate::result::{Run, Settings};
use crate::{progress, stop};

/// The result of a run.
pub(crate) struct Outcome {
    /// The results of the cases.
    pub(crate) run: Run,
    /// Whether every case is valid.
    pub(crate) valid: bool,
}

/// Measures all cases of a plan.
///
/// # Errors
/// [`TestbedError`]: a testbed cannot be built, or no longer works.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, TestbedError> {
    let left = Testbed::remove_abandoned();
    if !left.is_empty() {
        anstream::eprintln!("removed the namespaces of a killed run: {}", left.join(", "));
    }
    match Switch::of_this_kernel().put_back() {
        Ok(Some(value)) => {
            anstream::eprintln!("a killed run had left the BPF JIT off; net.core.bpf_jit_enable is {value} again");
        }
        Ok(None) => {}
        Err(error) => {
            anstream::eprintln!("a killed run has left the BPF JIT off, and it cannot be switched on again: {error}")
        }
    }
    let mut environment = Environment::of_this_machine(plan.cpu, plan.segbox.version());
    let started = jiff::Timestamp::now();
    let mut skipped = Vec::new();
    let mut cases = vec![harness()];
    cases.extend(plan.cases.iter().any(|case| case.router == RouterKind::FastPath).then(harness_xdp));
    cases.extend(plan.cases.iter().cloned());
    let bar = progress::of_equal_steps((cases.len() * (plan.rounds as usize + 2)) as u64);
    let mut testbeds = open(plan, &mut cases, &mut skipped, &bar)?;
    // The ports of all routers are alike.
    if let Some(opened) = testbeds.get(&RouterKind::Main).or_else(|| testbeds.values().next()) {
        environment = environment.with_testbed(opened.testbed.ports()?);
    }
    let mut running: Vec<Running> = cases.into_iter().map(Running::new).collect();
    let turns = [Turn::WarmUp].into_iter().chain((1..=plan.rounds).map(Turn::Round)).chain([Turn::Latency]);
    let mut number = 0_u16;
    for (begin, turn) in turns.enumerate() {
        let count = running.len();
        for place in 0..count {
            if stop::requested() {
                break;
            }
            // Each round begins with another case, so no case is always the first.
            let one = &mut running[(place + begin) % count];
            bar.set_message(one.case.id.clone());
            number = number.wrapping_add(1);
            let opened = testbeds.get_mut(&one.case.router).expect("every remaining case has a testbed");
            one.take_turn(plan, opened, number, turn)?;
            bar.inc(1);
        }
        if stop::requested() {
            break;
        }
        if bar.is_hidden() {
            anstream::eprintln!("{turn} of {}", plan.rounds);
        }
    }
    let interrupted = stop::requested();
    keep_whole_rounds(&mut running);
    bar.finish_and_clear();
    reconcile(&mut running, &testbeds)?;
    let kind = testbeds.values().next().map_or("xdp", |opened| opened.testbed.generator_kind());
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
