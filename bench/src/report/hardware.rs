//! The results of searches (`segbench lab`), one row per case: throughput without loss and with half a percent of loss, what limits
//! it, and the box's counters. The other files ask here whether a run was searched, because its texts differ.

use crate::result::{Measured, Run, SearchResult, TrialPart};
use crate::units::Kpps;

/// Names of the columns of [`rows`]. Rates are in kpps.
pub(super) const HEAD: [&str; 11] =
    ["case", "what", "NDR", "PDR", "searches", "spread", "line", "generator", "limit", "/IPv6", "/End"];

/// The meaning of the columns.
pub(super) const NOTE: &str = "Rates are in kpps. NDR: the highest rate at which a trial lost no packet. PDR: the highest rate at \
    which a trial lost at most 0.5 %; ratios are of PDRs. With several searches, both are medians, and spread is the distance \
    of the PDR's quartiles. line: the rate that the port's speed allows; virtual ports have no speed. generator: the highest \
    rate of the tester's generator. limit: if it is the tester's, the limit of the tester, the port or lab.toml was reached \
    first, and the box may forward more.";

/// Whether a run is the result of searches.
pub(super) fn is_searched(run: &Run) -> bool {
    run.cases.iter().any(|case| case.search.is_some())
}

/// The row of every case with a search.
pub(super) fn rows(run: &Run) -> Vec<(&Measured, [String; HEAD.len()])> {
    run.cases.iter().filter_map(|case| Some((case, row(case, case.search.as_ref()?)))).collect()
}

fn row(case: &Measured, found: &SearchResult) -> [String; HEAD.len()] {
    let rate = |rate: Option<Kpps>| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
    let ratio = |ratio: Option<crate::units::Ratio>| ratio.map_or_else(String::new, |ratio| ratio.to_string());
    let searches = case.kpps.rounds.len();
    [
        case.case.clone(),
        case.what.clone(),
        rate(found.ndr),
        rate(found.pdr),
        searches.to_string(),
        if searches > 1 { format!("{:.1} %", case.kpps.spread * 100.0) } else { String::new() },
        rate(found.line_rate),
        found.generator_rate.to_string(),
        if found.at_ceiling { "the tester's" } else { "the box's" }.to_owned(),
        ratio(case.ratio.ipv6_forward),
        ratio(case.ratio.end),
    ]
}

/// Packets that were sent and that arrived in the trials that the box's counters cover.
fn passed(found: &SearchResult) -> (u64, u64) {
    let trials = found.log.iter().filter(|trial| matches!(trial.part, TrialPart::Search | TrialPart::Latency));
    trials.fold((0, 0), |(sent, arrived), trial| (sent + trial.sent, arrived + trial.received))
}

/// Where packets were lost, by the box's counters.
pub(crate) fn lost_where(found: &SearchResult) -> Option<String> {
    let counted = found.box_counted?;
    let (sent, arrived) = passed(found);
    let sid = counted.sid.map_or_else(String::new, |packets| format!(", its SID forwarded {packets}"));
    Some(format!(
        "of {sent} packets, the box received {}{sid}, sent {}, and {arrived} arrived",
        counted.came_in, counted.went_out
    ))
}

/// The same for a table, also if the box's counters are not known.
pub(super) fn counters(case: &Measured) -> String {
    let told = case.search.as_ref().and_then(lost_where);
    told.unwrap_or_else(|| "the box's counters were not read".to_owned())
}

/// The result of each search, if there were several.
pub(super) fn each(case: &Measured) -> Option<String> {
    let found = case.search.as_ref().filter(|_| case.kpps.rounds.len() > 1)?;
    let list = |rates: Vec<String>| rates.join(", ");
    let ndrs = found.ndrs.iter().map(|rate| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string()));
    let pdrs = case.kpps.rounds.iter().map(Kpps::to_string);
    Some(format!("by search: NDR {}; PDR {}", list(ndrs.collect()), list(pdrs.collect())))
}

/// The checked packets as a sentence: those of all trials except the measurement of the generator's rate.
pub(super) fn checked(run: &Run) -> String {
    let searched = || run.cases.iter().filter_map(|case| case.search.as_ref());
    let trials = searched().flat_map(|found| &found.log).filter(|trial| trial.part != TrialPart::FlatOut);
    let (sent, arrived) = trials.fold((0, 0), |(sent, arrived), trial| (sent + trial.sent, arrived + trial.received));
    let samples: u64 = run.cases.iter().map(|case| case.checked.samples).sum();
    let asked = searched().filter(|found| found.box_counted.is_some()).count();
    let counters = match asked {
        0 => "the box's counters were not read",
        all if all == searched().count() => "the box's counters were compared with these numbers",
        _ => "the box's counters were compared with these numbers where they are known",
    };
    format!(
        "the generator counted {sent} packets and the sink {arrived}, and {samples} of them were compared byte for byte with the \
         reference model; {counters}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{example, lab};
    use super::*;

    #[test]
    fn a_case_has_its_limits_beside_the_result() {
        let run = lab();
        assert!(is_searched(&run) && !is_searched(&example()) && rows(&example()).is_empty());
        let rows = rows(&run);
        let cell =
            |row: usize, head: &str| rows[row].1[HEAD.iter().position(|one| *one == head).expect("a column")].clone();
        assert_eq!(
            [cell(0, "NDR"), cell(0, "PDR"), cell(0, "line"), cell(0, "generator")],
            ["600", "610", "657", "1400"]
        );
        assert_eq!([cell(0, "limit"), cell(1, "limit")], ["the tester's", "the box's"]);
        assert_eq!([cell(1, "searches"), cell(1, "spread")], ["1", ""]);
        assert_eq!(cell(2, "NDR"), "none");
        assert_eq!(counters(&run.cases[0]), "the box's counters were not read");
        assert_eq!(
            counters(&run.cases[1]),
            "of 1000 packets, the box received 1002, its SID forwarded 1000, sent 990, and 990 arrived"
        );
    }

    #[test]
    fn several_searches_are_all_shown() {
        let mut case = lab().cases.remove(0);
        assert_eq!(each(&case), None);
        case.kpps = crate::statistics::Rounds::new([610.0, 600.0, 620.0].map(Kpps).to_vec()).expect("rates");
        case.search.as_mut().expect("one").ndrs = vec![Some(Kpps(600.0)), None, Some(Kpps(590.0))];
        assert_eq!(each(&case).as_deref(), Some("by search: NDR 600, none, 590; PDR 610, 600, 620"));
    }

    #[test]
    fn counters_that_were_not_read_are_not_claimed() {
        let mut run = lab();
        assert!(checked(&run).ends_with("where they are known"), "{}", checked(&run));
        for case in &mut run.cases {
            case.search.as_mut().expect("one").box_counted = None;
        }
        assert!(checked(&run).ends_with("were not read"), "{}", checked(&run));
    }
}
