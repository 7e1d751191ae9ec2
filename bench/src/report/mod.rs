//! Reports of runs, one file per format. Reads results, measures nothing.

mod bars;
mod canvas;
mod csv;
mod curves;
mod escape;
mod hardware;
mod html;
mod markdown;
mod published;
mod tables;

pub(crate) use csv::csv;
pub(crate) use hardware::lost_where;
pub(crate) use html::html;
pub(crate) use markdown::markdown;

use std::collections::BTreeMap;

use crate::environment::Port;
use crate::result::{Measured, Run};

/// A run with its name in the report.
pub(crate) struct NamedRun {
    /// The name of its file.
    pub(crate) name: String,
    /// The run.
    pub(crate) run: Run,
}

/// The expected distance of a rerun's median from a case's. Empty if there are too few rounds to tell.
fn margin(case: &Measured) -> String {
    case.kpps.margin().map_or_else(String::new, |margin| format!("± {:.1} %", margin * 100.0))
}

/// The environment as pairs of name and value, without empty values.
fn environment(run: &Run) -> Vec<(&'static str, String)> {
    let (machine, settings) = (&run.environment, &run.settings);
    let mitigations: Vec<_> = machine.mitigations.iter().map(|(name, does)| format!("{name}: {does}")).collect();
    let ports = ports(&machine.ports);
    let irqs: Vec<_> = machine.irqs.iter().map(|(name, cpus)| format!("{name} on {cpus}")).collect();
    let jit = match machine.bpf_jit.as_str() {
        "" => "not known".to_owned(),
        "0" => "off".to_owned(),
        value => format!("on ({value})"),
    };
    // A tester only sends and counts.
    let (does, trials) = if hardware::is_searched(run) {
        let searches =
            if settings.rounds > 1 { format!("; {} searches per case", settings.rounds) } else { String::new() };
        ("sends", ("trials", format!("of {} ms{searches}", settings.window_ms)))
    } else {
        ("measured", ("rounds", format!("{} of {} ms, interleaved", settings.rounds, settings.window_ms)))
    };
    let virtual_machine = if machine.virtual_machine { ", a virtual machine" } else { "" };
    let pairs = [
        ("measured", settings.started.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        (
            "CPU",
            format!(
                "{}, {} CPUs{virtual_machine}; {does} on CPU {}",
                machine.cpu, machine.cpus, machine.measured_on_cpu
            ),
        ),
        ("governor", machine.governor.clone()),
        ("SMT", machine.smt.clone()),
        ("memory", format!("{} MiB", machine.memory_mib)),
        ("kernel", machine.kernel.clone()),
        ("mitigations", mitigations.join("; ")),
        ("BPF JIT", jit),
        ("ports", ports),
        ("interrupts", irqs.join("; ")),
        ("packets", format!("{}, {} flow(s), {}", settings.size, settings.flows, settings.generator)),
        trials,
        ("load before", machine.load_before.clone()),
        ("segbox", machine.segbox.clone()),
        ("segbench", machine.segbench.clone()),
    ];
    pairs.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect()
}

/// The ports, with equal ports together.
fn ports(ports: &BTreeMap<String, Port>) -> String {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, port) in ports {
        let speed = if port.speed == 0 { String::new() } else { format!(", {} Mbit/s", port.speed) };
        let what = format!("{} {}{speed}; on: {}", port.driver, port.firmware, port.offloads.join(", "));
        alike.entry(what).or_default().push(name);
    }
    alike.into_iter().map(|(what, names)| format!("{}: {what}", names.join(", "))).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::result::{BoxCounters, SearchResult, TrialLog, TrialPart};
    use crate::statistics::Rounds;
    use crate::units::{Kpps, Ratio};

    /// A run in docs/bench, with all cases, also those that its kernel cannot have.
    pub(in super::super) fn example() -> Run {
        serde_json::from_str(include_str!("../../../docs/bench/2026-11-22-epyc-vm.json")).expect("a result")
    }

    /// A result of searches: one limited by the tester, one with the box's counters, and one without an NDR.
    pub(in super::super) fn lab() -> Run {
        let mut run = example();
        let trial = TrialLog {
            part: TrialPart::Search,
            rate: Kpps(1.0),
            seconds: 1.0,
            sent: 1000,
            received: 990,
            late: 0.0,
            not_taken: 0,
        };
        let found = |ndr: Option<f64>, pdr: f64, box_counted| SearchResult {
            ndr: ndr.map(Kpps),
            pdr: Some(Kpps(pdr)),
            line_rate: Some(Kpps(657.3)),
            generator_rate: Kpps(1400.0),
            at_ceiling: pdr > 600.0,
            trials: 1,
            log: vec![trial.clone()],
            box_counted,
            ndrs: Vec::new(),
        };
        let counted = BoxCounters { came_in: 1002, sid: Some(1000), sid_errors: 0, went_out: 990 };
        let searched = [
            ("ipv6-forward", found(Some(600.0), 610.0, None)),
            ("end", found(Some(490.0), 500.0, Some(counted))),
            ("headend-seg6-encap", found(None, 305.0, None)),
        ];
        run.cases.retain(|case| searched.iter().any(|(id, _)| case.case == *id));
        run.skipped.clear();
        run.settings.rounds = 1;
        run.environment.ports = [("eth2".to_owned(), Default::default())].into();
        for case in &mut run.cases {
            let found = searched.iter().find(|(id, _)| case.case == *id).map(|(_, found)| found.clone());
            let pdr = found.as_ref().and_then(|found| found.pdr).expect("one");
            case.kpps = Rounds::new(vec![pdr]).expect("a rate");
            case.ratio.ipv6_forward = Some(Ratio(pdr.0 / 610.0));
            case.search = found;
        }
        run
    }

    #[test]
    fn the_youngest_example_has_every_case_or_says_why_not() {
        let text = include_str!("../../../docs/bench/2026-11-28-epyc-vm.json");
        let run: Run = serde_json::from_str(text).expect("a result");
        let told = |id: &str| run.case(id).is_some() || run.skipped.iter().any(|skipped| skipped.case == id);
        let ids = crate::case::all()
            .into_iter()
            .map(|case| case.id)
            .chain([crate::case::HARNESS, crate::case::HARNESS_XDP].map(str::to_owned));
        // Newer than the example. docs/bench.md has what they measure, except of the fast path, which is still to be measured.
        let newer = ["-hop-limit", "-edge", "-filters"];
        let of_fast_path = |id: &String| id.starts_with("xdp-") || id == crate::case::HARNESS_XDP;
        let is_newer = |id: &String| of_fast_path(id) || newer.iter().any(|ending| id.ends_with(ending));
        let missing: Vec<_> = ids.filter(|id| !told(id) && !is_newer(id)).collect();
        assert!(missing.is_empty(), "measure the example again: it lacks {missing:?}");
        assert!(run.cases.iter().all(|case| case.valid), "every case is valid");
    }
}
