//! A run as CSV (RFC 4180), a line a case: for spreadsheets.

use std::fmt::Write as _;

use super::Named;
use crate::units::{Ns, Ratio};

const HEAD: &str = "run,case,what,valid,median_kpps,rerun_margin,best_kpps,spread,rounds,total_ns,own_ns,to_ipv6_forward,to_end,\
                    latency_p50_ns,latency_p99_ns,latency_p99.9_ns,latency_max_ns,packets,samples";

/// All cases of all runs.
pub(crate) fn csv(runs: &[Named]) -> String {
    let mut text = format!("{HEAD}\r\n");
    for named in runs {
        for case in &named.run.cases {
            let ratio = |ratio: Option<Ratio>| ratio.map_or_else(String::new, |ratio| format!("{:.4}", ratio.0));
            let time = |time: Option<Ns>| time.map_or_else(String::new, |time| format!("{:.1}", time.0));
            let latency = case.latency.as_ref();
            let of = |percentile: fn(&crate::sink::Latency) -> Ns| time(latency.map(percentile));
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{},{},{},{},{:.1},{},{:.1},{:.4},{},{:.1},{},{},{},{},{},{},{},{},{}\r\n",
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
        }
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_comma_is_quoted() {
        assert_eq!(quoted("End.BPF, noop"), "\"End.BPF, noop\"");
        assert_eq!(quoted("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(quoted("end"), "end");
        assert_eq!(HEAD.split(',').count(), 19);
    }
}
