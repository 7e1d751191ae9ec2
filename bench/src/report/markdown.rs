//! Runs as Markdown, with tables that can also be read as text.

use std::fmt::Write as _;

use super::{NamedRun, environment, hardware, margin, published};
use crate::result::Run;
use crate::units::{Ns, Ratio};

/// All runs, one after the other.
pub(crate) fn markdown(runs: &[NamedRun]) -> String {
    let mut text = String::from("# Forwarding measured by segbench\n");
    for named in runs {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", cell(&named.name));
        text += &summary(&named.run);
        text += &if hardware::is_searched(&named.run) { searched(&named.run) } else { cases(&named.run) };
        let wrong = named.run.cases.iter().flat_map(|case| case.faults.iter().map(|fault| (&case.case, fault)));
        for (case, fault) in wrong {
            let _ = writeln!(text, "\n**Not valid:** {case}: {}", cell(fault));
        }
        if !named.run.skipped.is_empty() {
            text += "\nNot measured:\n\n";
        }
        for (why, cases) in named.run.skipped_by_reason() {
            let _ = writeln!(text, "- {}: {}", cell(why), cases.join(", "));
        }
        text += &published_results(&named.run);
        text += "\n| environment | |\n|---|---|\n";
        for (name, value) in environment(&named.run) {
            let _ = writeln!(text, "| {name} | {} |", cell(&value));
        }
    }
    text
}

fn summary(run: &Run) -> String {
    let [reproduced, better, worse, not] = published::tally(run);
    let mut text = String::new();
    if hardware::is_searched(run) {
        let _ = writeln!(text, "{}.\n", hardware::checked(run));
    }
    let _ = writeln!(
        text,
        "Published results: {reproduced} reproduced, {better} better, {worse} worse, {not} not comparable.\n"
    );
    text
}

fn cases(run: &Run) -> String {
    let mut text = "| case | what | kpps, median | rerun | best | spread | own ns | to IPv6 | to End | published |\n\
                    |---|---|---:|---:|---:|---:|---:|---:|---:|---|\n"
        .to_owned();
    for case in &run.cases {
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
            cell(&published::lines(case).join("; ")),
        );
    }
    text
}

/// The results of searches.
fn searched(run: &Run) -> String {
    let numbers = "---:|".repeat(hardware::HEAD.len() - 2);
    let mut text = format!("| {} | box | published |\n|---|---|{numbers}---|---|\n", hardware::HEAD.join(" | "));
    for (case, cells) in hardware::rows(run) {
        let cells = cells.map(|text| cell(&text)).join(" | ");
        let (counters, published) = (cell(&hardware::counters(case)), cell(&published::lines(case).join("; ")));
        let _ = writeln!(text, "| {cells} | {counters} | {published} |");
    }
    let _ = writeln!(text, "\n{}", hardware::NOTE);
    text
}

/// Every published result beside ours, with the reason if it is not comparable.
fn published_results(run: &Run) -> String {
    let rows = published::rows(run);
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\n| {} |\n|---|---|---:|---:|---:|---:|---|---|\n", published::HEAD.join(" | "));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.cells.map(|text| cell(&text)).join(" | "));
    }
    text
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| ratio.to_string())
}

/// A text that cannot end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{example, lab};
    use super::*;

    fn text(run: Run) -> String {
        markdown(&[NamedRun { name: "r".to_owned(), run }])
    }

    #[test]
    fn a_search_has_its_own_table() {
        let text = text(lab());
        assert!(text.contains("| NDR | PDR | searches | spread | line | generator | limit |"), "{text}");
        assert!(text.contains("| 600 | 610 | 1 |  | 657 | 1400 | the tester's |"), "{text}");
        for word in ["median", "interleaved", "rerun"].map(|word| format!("| {word}")) {
            assert!(!text.contains(&word), "{word} in {text}");
        }
    }

    #[test]
    fn every_table_has_as_many_cells_in_each_row() {
        for run in [example(), lab()] {
            let text = text(run);
            let mut columns = None;
            for line in text.lines() {
                let cells = line.starts_with('|').then(|| line.replace("\\|", "").matches('|').count());
                assert!(columns.is_none() || cells.is_none() || columns == cells, "{line}");
                columns = cells;
            }
        }
    }

    #[test]
    fn published_rates_ratios_and_reasons_are_all_there() {
        let text = text(example());
        assert!(text.contains("| end-bpf-noop | patch-series | 440 |"), "{text}");
        assert!(text.contains("not comparable: the publication has no baseline"), "{text}");
        assert!(text.contains("not comparable: not measured: "), "{text}");
    }
}
