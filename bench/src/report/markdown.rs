//! A run as Markdown: tables that read as text too.

use std::fmt::Write as _;

use super::{Named, environment, margin, tally, theirs, verdicts};
use crate::units::{Ns, Ratio};

/// All runs, one after the other.
pub(crate) fn markdown(runs: &[Named]) -> String {
    let mut text = String::from("# Forwarding measured by segbench\n");
    for named in runs {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", cell(&named.name));
        let [reproduced, better, worse, not] = tally(&named.run);
        let _ = writeln!(
            text,
            "Published ratios: {reproduced} reproduced, {better} better, {worse} worse, {not} not comparable.\n"
        );
        text += "| case | what | kpps, median | rerun | best | spread | own ns | to IPv6 | to End | published |\n";
        text += "|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n";
        for case in &named.run.cases {
            let published: Vec<_> = verdicts(case)
                .iter()
                .map(|(one, compared)| format!("{}: {}", theirs(one, compared), compared.verdict))
                .collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {:.1} % | {} | {} | {} | {} |",
                case.case,
                cell(&case.what),
                case.kpps.median,
                margin(case),
                case.kpps.best,
                case.kpps.spread * 100.0,
                case.ns.own.map_or_else(String::new, |Ns(own)| format!("{own:.0}")),
                ratio(case.ratio.ipv6_forward),
                ratio(case.ratio.end),
                cell(&published.join("; ")),
            );
        }
        let wrong = named.run.cases.iter().flat_map(|case| case.faults.iter().map(|fault| (&case.case, fault)));
        for (case, fault) in wrong {
            let _ = writeln!(text, "\n**Not valid:** {case}: {}", cell(fault));
        }
        if !named.run.skipped.is_empty() {
            text += "\nNot measured:\n\n";
        }
        for skipped in &named.run.skipped {
            let _ = writeln!(text, "- {}: {}", skipped.case, cell(&skipped.why));
        }
        text += "\n| environment | |\n|---|---|\n";
        for (name, value) in environment(&named.run) {
            let _ = writeln!(text, "| {name} | {} |", cell(&value));
        }
    }
    text
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| ratio.to_string())
}

/// A text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
