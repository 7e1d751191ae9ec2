//! The table of a run as text in 80 columns.

use std::fmt::Write as _;

use crate::case::PublishedResult;
use crate::result::{Measured, Run};
use crate::units::{Kpps, Ratio};
use crate::verdict::{RatioComparison, Verdict, verdicts};

/// The table: below each case its published results in the same columns, then the skipped cases and the faults.
pub(crate) fn table(run: &Run) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<29} {:>6} {:>6} {:>7} {:>6} {:>6} {:>6} {:>5}",
        "case", "kpps", "best", "rerun", "spread", "own ns", "/IPv6", "/End"
    );
    let mut any = false;
    for case in &run.cases {
        let _ = writeln!(text, "{}", row(case));
        for (one, compared) in verdicts(case) {
            let _ = writeln!(text, "{}", published(&one, &compared));
            any = true;
        }
    }
    if any {
        text += "\nIndented lines are published results. Only ratios are compared.\n";
    }
    text += &skipped(run);
    for case in run.cases.iter().filter(|case| !case.valid) {
        for fault in &case.faults {
            let _ = writeln!(text, "INVALID {}: {fault}", case.case);
        }
    }
    text
}

/// The cases that were not measured.
fn skipped(run: &Run) -> String {
    let mut text = String::new();
    for (why, cases) in run.skipped_by_reason() {
        let _ = write!(text, "not measured: {why}:");
        let mut room = 0;
        for case in cases {
            if room < case.len() + 1 {
                text += "\n ";
                room = 79;
            }
            let _ = write!(text, " {case}");
            room -= case.len() + 1;
        }
        text.push('\n');
    }
    text
}

fn row(case: &Measured) -> String {
    let ratio = |ratio: Option<Ratio>| ratio.map_or_else(String::new, |ratio| ratio.to_string());
    format!(
        "{:<29} {:>6} {:>6} {:>7} {:>6} {:>6} {:>6} {:>5}",
        case.case,
        case.kpps.median,
        case.kpps.best,
        case.kpps.margin().map_or_else(String::new, |margin| format!("±{:.1}%", margin * 100.0)),
        // One round has no spread.
        if case.kpps.rounds.len() > 1 { format!("{:.1}%", case.kpps.spread * 100.0) } else { String::new() },
        case.ns.own.map_or_else(String::new, |own| own.to_string()),
        ratio(case.ratio.ipv6_forward),
        ratio(case.ratio.end)
    )
    .trim_end()
    .to_owned()
}

/// A published result, with its rate and ratios in the columns of ours. The verdict is in the columns between them, which no
/// publication has.
fn published(one: &PublishedResult, compared: &RatioComparison) -> String {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| Ratio(ratio).to_string());
    let verdict = match &compared.verdict {
        Verdict::NotComparable { why } => format!("not comparable: {}", why.short()),
        verdict => verdict.to_string(),
    };
    format!(
        "  {:<27} {:>6} {verdict:<28} {:>6} {:>5}",
        one.set,
        one.kpps.map_or_else(String::new, |kpps| Kpps(kpps).to_string()),
        ratio(one.to_plain),
        ratio(one.to_end)
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Skipped, example};

    #[test]
    fn published_results_stand_below_ours_and_all_fits_a_terminal() {
        let mut run = example("headend-seg6-encap", &[812.0, 820.0, 818.0, 815.0, 811.0], Some(0.97));
        run.cases[0].ratio.ipv6_forward = Some(Ratio(0.81));
        let text = table(&run);
        let lines: Vec<&str> = text.lines().collect();
        let row = |start: &str| *lines.iter().find(|line| line.trim_start().starts_with(start)).expect(start);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(row("headend-seg6-encap"))[1..3], ["815", "820"], "median and best");
        assert_eq!(words(row("thesis")), ["thesis", "536", "worse", "(-8", "%)", "0.88", "1.06"]);
        assert_eq!(words(row("csit-vpp")), ["csit-vpp", "13370", "not", "comparable:", "no", "ratio"]);
        // Published values are in the columns of ours.
        let end = |line: &str, word: &str| line.find(word).map(|at| at + word.len());
        assert_eq!(end(row("thesis"), " 536"), end(row("headend-seg6-encap"), " 815"));
        assert_eq!(row("thesis").len(), lines[0].len());
        run.cases[0].valid = false;
        assert!(table(&run).contains("not comparable: ours invalid"));
        for line in table(&run).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_reason_is_told_once_and_each_case_that_has_it() {
        let mut run = example("end", &[1.0], None);
        let cases = [("a", "no VRF"), ("b", "no HMAC"), ("c", "no VRF")].into_iter().chain([("end-bpf", "no VRF"); 20]);
        run.skipped = cases.map(|(case, why)| Skipped { case: case.to_owned(), why: why.to_owned() }).collect();
        let text = table(&run);
        assert!(text.contains("not measured: no VRF:\n  a c end-bpf"), "{text}");
        assert!(text.contains("not measured: no HMAC:\n  b\n"), "{text}");
        assert_eq!(text.matches("end-bpf").count(), 20, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
