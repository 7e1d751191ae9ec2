//! What a run is shown as: one file a format. Reads results, measures nothing.

mod bars;
mod canvas;
mod csv;
mod curves;
mod html;
mod markdown;

pub(crate) use csv::csv;
pub(crate) use html::html;
pub(crate) use markdown::markdown;

use crate::case::{Published, published};
use crate::result::{Measured, Run};
use crate::verdict::{Compared, Verdict, compare};

/// A run and the name it is shown under.
pub(crate) struct Named {
    /// Its name: the file's.
    pub(crate) name: String,
    /// The run.
    pub(crate) run: Run,
}

/// Every publication that has a case, with what comparing came to.
fn verdicts(case: &Measured) -> Vec<(Published, Compared)> {
    let ours = published().into_iter().filter(|one| one.case == case.case);
    ours.map(|one| {
        let compared = compare(&one, case);
        (one, compared)
    })
    .collect()
}

/// A publication's result in words: its ratio, or its rate where there is none.
fn theirs(published: &Published, compared: &Compared) -> String {
    match compared.published {
        Some(ratio) => format!("{ratio} of {} ({})", compared.base, published.set),
        None => format!("{:.0} kpps ({})", published.kpps.unwrap_or_default(), published.set),
    }
}

/// How many published ratios are reproduced, better, worse and not comparable.
fn tally(run: &Run) -> [usize; 4] {
    let mut tally = [0; 4];
    for (_, compared) in run.cases.iter().flat_map(verdicts) {
        tally[match compared.verdict {
            Verdict::Reproduced { .. } => 0,
            Verdict::Better { .. } => 1,
            Verdict::Worse { .. } => 2,
            Verdict::NotComparable { .. } => 3,
        }] += 1;
    }
    tally
}

/// How far a rerun's median may lie from a case's; empty where the rounds are too few to tell.
fn margin(case: &Measured) -> String {
    case.kpps.margin().map_or_else(String::new, |margin| format!("± {:.1} %", margin * 100.0))
}

/// The environment as pairs of name and value, what is empty left out.
fn environment(run: &Run) -> Vec<(&'static str, String)> {
    let (machine, settings) = (&run.environment, &run.settings);
    let mitigations: Vec<_> = machine.mitigations.iter().map(|(name, does)| format!("{name}: {does}")).collect();
    let ports: Vec<_> = machine
        .ports
        .iter()
        .map(|(name, port)| {
            let speed = if port.speed == 0 { String::new() } else { format!(", {} Mbit/s", port.speed) };
            format!("{name}: {} {}{speed}; on: {}", port.driver, port.firmware, port.offloads.join(", "))
        })
        .collect();
    let irqs: Vec<_> = machine.irqs.iter().map(|(name, cpus)| format!("{name} on {cpus}")).collect();
    let jit = match machine.bpf_jit.as_str() {
        "" => "not told".to_owned(),
        "0" => "off".to_owned(),
        value => format!("on ({value})"),
    };
    let virtual_machine = if machine.virtual_machine { ", a virtual machine" } else { "" };
    let pairs = [
        ("measured", settings.started.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        (
            "CPU",
            format!(
                "{}, {} CPUs{virtual_machine}; measured on CPU {}",
                machine.cpu, machine.cpus, machine.measured_on_cpu
            ),
        ),
        ("governor", machine.governor.clone()),
        ("SMT", machine.smt.clone()),
        ("memory", format!("{} MiB", machine.memory_mib)),
        ("kernel", machine.kernel.clone()),
        ("mitigations", mitigations.join("; ")),
        ("BPF JIT", jit),
        (
            "ports",
            if ports.is_empty() {
                "veth, GRO off, native XDP on the router's receiving side".to_owned()
            } else {
                ports.join("; ")
            },
        ),
        ("interrupts", irqs.join("; ")),
        ("packets", format!("{}, {} flow(s), {}", settings.size, settings.flows, settings.generator)),
        ("rounds", format!("{} of {} ms, interleaved", settings.rounds, settings.window_ms)),
        ("load before", machine.load_before.clone()),
        ("segbox", machine.segbox.clone()),
        ("segbench", machine.segbench.clone()),
    ];
    pairs.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect()
}
