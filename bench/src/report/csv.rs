//! Runs as CSV (RFC 4180) for spreadsheets: one line per case, and four columns per publication.

use std::fmt::Write as _;

use super::NamedRun;
use crate::case::published_results;
use crate::result::Measured;
use crate::units::{Ns, Ratio};
use crate::verdict::verdicts;

const HEAD: &str = "run,case,what,valid,median_kpps,rerun_margin,best_kpps,spread,rounds,total_ns,own_ns,to_ipv6_forward,to_end,\
                    latency_p50_ns,latency_p99_ns,latency_p99.9_ns,latency_max_ns,packets,samples";

/// Names of a publication's columns, without the publication's id.
const PUBLISHED: [&str; 4] = ["kpps", "to_ipv6_forward", "to_end", "verdict"];

/// All cases of all runs.
pub(crate) fn csv(runs: &[NamedRun]) -> String {
    let sets = sets();
    let mut text = head(&sets);
    for named in runs {
        for case in &named.run.cases {
            let time = |time: Option<Ns>| time.map_or_else(String::new, |time| format!("{:.1}", time.0));
            let latency = case.latency.as_ref();
            let of = |percentile: fn(&crate::sink::Latency) -> Ns| time(latency.map(percentile));
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{},{},{},{},{:.1},{},{:.1},{:.4},{},{:.1},{},{},{},{},{},{},{},{},{}",
                quoted(&named.name),
                quoted(&case.case),
                quoted(&case.what),
                case.valid,
                case.kpps.median.0,
                case.kpps.margin().map_or_else(String::new, |margin| format!("{margin:.4}")),
                case.kpps.best.0,
                case.kpps.spread,
                case.kpps.rounds.len(),
                case.ns.total.0,
                time(case.ns.own),
                ratio(case.ratio.ipv6_forward),
                ratio(case.ratio.end),
                of(|latency| latency.p50),
                of(|latency| latency.p99),
                of(|latency| latency.p999),
                of(|latency| latency.max),
                case.checked.packets,
                case.checked.samples
            );
            text += &published(case, &sets);
            text += "\r\n";
        }
    }
    text
}

/// Publications in the order of their file.
fn sets() -> Vec<String> {
    let mut sets: Vec<String> = published_results().into_iter().map(|one| one.set).collect();
    sets.dedup();
    sets
}

fn head(sets: &[String]) -> String {
    let columns = sets.iter().flat_map(|set| PUBLISHED.map(|column| format!(",{}_{column}", set.replace('-', "_"))));
    format!("{HEAD}{}\r\n", columns.collect::<String>())
}

/// The columns of all publications in a case's line.
fn published(case: &Measured, sets: &[String]) -> String {
    let verdicts = verdicts(case);
    let columns = sets.iter().map(|set| match verdicts.iter().find(|(one, _)| one.set == *set) {
        None => ",".repeat(PUBLISHED.len()),
        Some((one, compared)) => format!(
            ",{},{},{},{}",
            one.kpps.map_or_else(String::new, |kpps| format!("{kpps:.1}")),
            ratio(one.to_plain.map(Ratio)),
            ratio(one.to_end.map(Ratio)),
            quoted(&compared.verdict.to_string())
        ),
    });
    columns.collect()
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{:.4}", ratio.0))
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::example;

    #[test]
    fn what_has_a_comma_is_quoted() {
        assert_eq!(quoted("End.BPF, noop"), "\"End.BPF, noop\"");
        assert_eq!(quoted("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(quoted("end"), "end");
    }

    #[test]
    fn every_line_has_all_columns_and_the_published_ones_are_among_them() {
        for (case, published) in [("end-bpf-insert-srh", ",420.0,,0.9545,reproduced (-3 %),"), ("end-psp", ",,,,")] {
            let named = NamedRun { name: "run".to_owned(), run: example(case, &[700.0], Some(0.93)) };
            let text = csv(&[named]);
            let columns: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
            assert_eq!(columns, [19 + 5 * PUBLISHED.len(); 2], "{text}");
            assert!(
                text.starts_with(HEAD) && text.contains(",patch_series_kpps,patch_series_to_ipv6_forward,"),
                "{text}"
            );
            assert!(text.contains(published), "{text}");
        }
    }
}
