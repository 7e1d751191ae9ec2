//! The table of a run, as text.

use std::fmt::Write as _;

use crate::case::published;
use crate::result::{Measured, Run};
use crate::units::Ratio;
use crate::verdict::{Base, compare};

/// The table, and below it what was skipped and what is wrong.
pub(crate) fn table(run: &Run) -> String {
    let mut text = String::new();
    let published = published();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<26} {:>7} {:>7} {:>7} {:>8} {:>6} {:>6}  published (ours against it)",
        "case", "kpps", "best", "spread", "own ns", "/IPv6", "/End"
    );
    for case in &run.cases {
        let theirs: Vec<String> = published
            .iter()
            .filter(|one| one.case == case.case)
            .map(|one| {
                let compared = compare(one, case);
                match compared.published {
                    Some(ratio) => {
                        let base = if compared.base == Base::Plain { "/IPv6" } else { "/End" };
                        format!("{ratio} {base} {}: {}", one.set, compared.verdict)
                    }
                    None => format!("{:.0} kpps {}", one.kpps.unwrap_or_default(), one.set),
                }
            })
            .collect();
        let _ = writeln!(text, "{}  {}", row(case), theirs.join("; ").trim_end());
    }
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
        "{:<26} {:>7} {:>7} {:>6.1}% {:>8} {:>6} {:>6}",
        case.case,
        case.kpps.median.to_string(),
        case.kpps.best.to_string(),
        case.kpps.spread * 100.0,
        case.ns.own.map_or_else(String::new, |own| own.to_string()),
        ratio(case.ratio.ipv6_forward),
        ratio(case.ratio.end)
    )
}
