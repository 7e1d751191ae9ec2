//! The table of a run, as text: 80 columns.

use std::fmt::Write as _;

use crate::case::published;
use crate::result::{Measured, Run};
use crate::units::Ratio;
use crate::verdict::{Base, Verdict, compare};

/// The table, and below it the published ratios, what was skipped and what is wrong.
pub(crate) fn table(run: &Run) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<29} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6}",
        "case", "kpps", "rerun", "spread", "own ns", "/IPv6", "/End"
    );
    for case in &run.cases {
        let _ = writeln!(text, "{}", row(case));
    }
    text += &ratios(run);
    for skipped in &run.skipped {
        let _ = writeln!(text, "not measured: {}: {}", skipped.case, skipped.why);
    }
    for case in run.cases.iter().filter(|case| !case.valid) {
        for fault in &case.faults {
            let _ = writeln!(text, "INVALID {}: {fault}", case.case);
        }
    }
    text
}

fn row(case: &Measured) -> String {
    let ratio = |ratio: Option<Ratio>| ratio.map_or_else(String::new, |ratio| ratio.to_string());
    format!(
        "{:<29} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6}",
        case.case,
        case.kpps.median.to_string(),
        case.kpps.margin().map_or_else(String::new, |margin| format!("±{:.1}%", margin * 100.0)),
        // One round has none.
        if case.kpps.rounds.len() > 1 { format!("{:.1}%", case.kpps.spread * 100.0) } else { String::new() },
        case.ns.own.map_or_else(String::new, |own| own.to_string()),
        ratio(case.ratio.ipv6_forward),
        ratio(case.ratio.end)
    )
    .trim_end()
    .to_owned()
}

/// The published ratios of measured cases, and ours.
fn ratios(run: &Run) -> String {
    let mut text = String::new();
    for one in published() {
        let Some(compared) = run.case(&one.case).map(|case| compare(&one, case)) else { continue };
        let (Some(theirs), Some(ours)) = (compared.published, compared.ours) else { continue };
        // A baseline compared with itself says nothing.
        if matches!(compared.verdict, Verdict::NotComparable { .. }) {
            continue;
        }
        let base = if compared.base == Base::Plain { "IPv6" } else { "End" };
        let _ = writeln!(
            text,
            "{:<24} {:<16} {:>6} {:>4} {:>5}  {}",
            one.case,
            one.set,
            theirs.to_string(),
            base,
            ours.to_string(),
            compared.verdict
        );
    }
    if text.is_empty() {
        return text;
    }
    format!("\n{:<24} {:<16} {:>6} {:>4} {:>5}  verdict\n{text}\n", "case", "publication", "theirs", "to", "ours")
}
