//! What a search has found, a row a case: throughput without loss and with half a percent, what bounds it, and the box's own
//! counters. And whether a run is of a laboratory at all, since half of what is said of the others would be wrong of it.

use crate::result::{Measured, Run, SearchResult, TrialPart};
use crate::units::Kpps;

/// Heads of the columns of [`rows`]. Rates are in kpps.
pub(super) const HEAD: [&str; 11] =
    ["case", "what", "NDR", "PDR", "searches", "spread", "line", "generator", "limit", "/IPv6", "/End"];

/// What the marks and heads mean.
pub(super) const NOTE: &str = "Rates in kpps. NDR: the highest rate at which no packet of a trial was lost. PDR: with at \
    most 0.5 % lost; ratios are those of the PDR. Of several searches both are medians, and spread is the PDR's distance of \
    the quartiles. line: what the port's speed leaves room for; virtual ports have none. generator: what the tester sends \
    flat out. limit: where it is the tester's, the port's or lab.toml's end was reached before the box's, which may do more.";

/// Whether a run's rates were searched for.
pub(super) fn is_searched(run: &Run) -> bool {
    run.cases.iter().any(|case| case.search.is_some())
}

/// The columns of every case that has been searched.
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

/// Packets sent and arrived in the trials that the box's counters are held against.
fn passed(found: &SearchResult) -> (u64, u64) {
    let trials = found.log.iter().filter(|trial| matches!(trial.part, TrialPart::Search | TrialPart::Latency));
    trials.fold((0, 0), |(sent, arrived), trial| (sent + trial.sent, arrived + trial.received))
}

/// Where packets of the search were lost, by the box's own counters.
pub(crate) fn lost_where(found: &SearchResult) -> Option<String> {
    let counted = found.box_counted?;
    let (sent, arrived) = passed(found);
    let sid = counted.sid.map_or_else(String::new, |packets| format!(", its SID {packets}"));
    Some(format!(
        "of {sent} packets the box took in {}{sid}, {} left it, {arrived} arrived",
        counted.came_in, counted.went_out
    ))
}

/// The same for a table, which says as well where it is not known.
pub(super) fn counters(case: &Measured) -> String {
    let told = case.search.as_ref().and_then(lost_where);
    told.unwrap_or_else(|| "the box's counters were not asked for".to_owned())
}

/// What each search found, where there were several.
pub(super) fn each(case: &Measured) -> Option<String> {
    let found = case.search.as_ref().filter(|_| case.kpps.rounds.len() > 1)?;
    let list = |rates: Vec<String>| rates.join(", ");
    let ndrs = found.ndrs.iter().map(|rate| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string()));
    let pdrs = case.kpps.rounds.iter().map(Kpps::to_string);
    Some(format!("search by search: NDR {}; PDR {}", list(ndrs.collect()), list(pdrs.collect())))
}

/// What was looked at, in a sentence: all trials, but what the generator did flat out.
pub(super) fn checked(run: &Run) -> String {
    let searched = || run.cases.iter().filter_map(|case| case.search.as_ref());
    let trials = searched().flat_map(|found| &found.log).filter(|trial| trial.part != TrialPart::FlatOut);
    let (sent, arrived) = trials.fold((0, 0), |(sent, arrived), trial| (sent + trial.sent, arrived + trial.received));
    let samples: u64 = run.cases.iter().map(|case| case.checked.samples).sum();
    let asked = searched().filter(|found| found.box_counted.is_some()).count();
    let counters = match asked {
        0 => "the box's own counters were not asked for",
        all if all == searched().count() => "the box's own counters were held against those of the searches",
        _ => "the box's own counters were held against those of the searches where they are known",
    };
    format!(
        "{sent} packets were counted by the generator and {arrived} by the sink, {samples} of them compared byte for byte \
         with the reference model; {counters}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{example, lab};
    use super::*;

    #[test]
    fn a_case_has_what_bounds_it_beside_what_was_found() {
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
        assert_eq!(counters(&run.cases[0]), "the box's counters were not asked for");
        assert_eq!(
            counters(&run.cases[1]),
            "of 1000 packets the box took in 1002, its SID 1000, 990 left it, 990 arrived"
        );
    }

    #[test]
    fn several_searches_are_all_shown() {
        let mut case = lab().cases.remove(0);
        assert_eq!(each(&case), None);
        case.kpps = crate::statistics::Rounds::new([610.0, 600.0, 620.0].map(Kpps).to_vec()).expect("rates");
        case.search.as_mut().expect("one").ndrs = vec![Some(Kpps(600.0)), None, Some(Kpps(590.0))];
        assert_eq!(each(&case).as_deref(), Some("search by search: NDR 600, none, 590; PDR 610, 600, 620"));
    }

    #[test]
    fn nobody_is_said_to_have_counted_who_was_not_asked() {
        let mut run = lab();
        assert!(checked(&run).ends_with("where they are known"), "{}", checked(&run));
        for case in &mut run.cases {
            case.search.as_mut().expect("one").box_counted = None;
        }
        assert!(checked(&run).ends_with("were not asked for"), "{}", checked(&run));
    }
}
