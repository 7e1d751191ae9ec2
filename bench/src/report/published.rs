//! The published results beside ours: the rows and lines of the tables of all formats, and a summary. The comparison itself is
//! `verdict`.

use crate::case::{PublishedResult, published_results};
use crate::result::{Measured, Run};
use crate::units::{Kpps, Ratio};
use crate::verdict::{Base, RatioComparison, Verdict, verdicts};

/// Names of the columns of [`rows`].
pub(super) const HEAD: [&str; 8] =
    ["case", "publication", "its kpps", "our kpps", "its ratio", "our ratio", "to", "verdict"];

/// A published result and its comparison with ours.
pub(super) struct PublishedRow {
    /// The publication's title.
    pub(super) title: String,
    /// Text of each column.
    pub(super) cells: [String; HEAD.len()],
}

/// Every published result of the run's cases, also of the cases that it could not measure.
pub(super) fn rows(run: &Run) -> Vec<PublishedRow> {
    let measured = run.cases.iter().flat_map(|case| {
        let row = |(one, compared): (PublishedResult, RatioComparison)| {
            // Our ratio is shown only if the publication has the same one.
            let ratio = compared.published.and(compared.ours);
            let ours = [case.kpps.median.to_string(), ratio.map_or_else(String::new, |ratio| ratio.to_string())];
            row(&one, ours, compared.verdict.to_string())
        };
        verdicts(case).into_iter().map(row).collect::<Vec<_>>()
    });
    let skipped = run.skipped.iter().flat_map(|skipped| {
        let ours = published_results().into_iter().filter(|one| one.case == skipped.case);
        let row = |one: PublishedResult| {
            row(&one, Default::default(), format!("not comparable: not measured: {}", skipped.why))
        };
        ours.map(row).collect::<Vec<_>>()
    });
    measured.chain(skipped).collect()
}

fn row(one: &PublishedResult, [our_kpps, our_ratio]: [String; 2], verdict: String) -> PublishedRow {
    let (its_ratio, to) = match ratio(one) {
        Some((ratio, base)) => (ratio.to_string(), base.to_string()),
        None => ("none".to_owned(), String::new()),
    };
    let its_kpps = one.kpps.map_or_else(String::new, |kpps| Kpps(kpps).to_string());
    let cells = [one.case.clone(), one.set.clone(), its_kpps, our_kpps, its_ratio, our_ratio, to, verdict];
    PublishedRow { title: one.title.clone(), cells }
}

/// The published ratio that is compared: the one to plain IPv6, if the publication has that baseline.
fn ratio(one: &PublishedResult) -> Option<(Ratio, Base)> {
    let plain = one.to_plain.map(|ratio| (Ratio(ratio), Base::Plain));
    plain.or_else(|| one.to_end.map(|ratio| (Ratio(ratio), Base::End)))
}

/// The published results of a case, one line per publication: rate, ratio, and verdict.
pub(super) fn lines(case: &Measured) -> Vec<String> {
    let line = |(one, compared): (PublishedResult, RatioComparison)| {
        let kpps = one.kpps.map(|kpps| format!("{} kpps", Kpps(kpps)));
        let ratio = ratio(&one).map(|(ratio, base)| format!("{ratio} of {base}"));
        let both: Vec<_> = kpps.into_iter().chain(ratio).collect();
        let verdict = match compared.verdict {
            Verdict::NotComparable { .. } => "not comparable".to_owned(),
            other => other.to_string(),
        };
        format!("{}: {}: {verdict}", one.set, both.join(", "))
    };
    verdicts(case).into_iter().map(line).collect()
}

/// The numbers of published results that are reproduced, better, worse and not comparable.
pub(super) fn tally(run: &Run) -> [usize; 4] {
    let mut tally = [0; 4];
    for (_, compared) in run.cases.iter().flat_map(verdicts) {
        tally[match compared.verdict {
            Verdict::Reproduced { .. } => 0,
            Verdict::Better { .. } => 1,
            Verdict::Worse { .. } => 2,
            Verdict::NotComparable { .. } => 3,
        }] += 1;
    }
    let is_skipped = |one: &PublishedResult| run.skipped.iter().any(|skipped| skipped.case == one.case);
    tally[3] += published_results().iter().filter(|one| is_skipped(one)).count();
    tally
}

#[cfg(test)]
mod tests {
    use super::super::tests::{example, lab};
    use super::*;

    fn row_of(run: &Run, case: &str, set: &str) -> [String; HEAD.len()] {
        let mut found = rows(run).into_iter().filter(|row| row.cells[0] == case && row.cells[1] == set);
        found.next().unwrap_or_else(|| panic!("no row {case}, {set}")).cells
    }

    #[test]
    fn a_row_has_both_rates_both_ratios_and_the_verdict() {
        let run = lab();
        assert_eq!(
            row_of(&run, "end", "thesis")[2..],
            ["506", "500", "0.83", "0.82", "plain IPv6", "reproduced (-1 %)"].map(str::to_owned)
        );
        assert_eq!(row_of(&run, "ipv6-forward", "thesis")[7], "not comparable: this case is the baseline");
        let slow = row_of(&run, "headend-seg6-encap", "thesis");
        assert_eq!((slow[5].as_str(), slow[7].as_str()), ("0.50", "worse (-43 %)"));
        assert_eq!(row_of(&run, "end", "srperf-linux-5.2")[7], "better (+11 %)");
        let none = row_of(&run, "headend-seg6-encap", "vinbero");
        assert_eq!((none[2].as_str(), none[4].as_str()), ("1890", "none"));
        assert!(none[7].starts_with("not comparable: the publication has no baseline"), "{none:?}");
    }

    #[test]
    fn what_a_case_has_published_is_told_in_a_line_each() {
        let run = lab();
        let lines = lines(run.case("end").expect("there"));
        assert!(lines.contains(&"thesis: 506 kpps, 0.83 of plain IPv6: reproduced (-1 %)".to_owned()), "{lines:?}");
        let lines = super::lines(run.case("headend-seg6-encap").expect("there"));
        assert!(lines.contains(&"csit-vpp: 13370 kpps: not comparable".to_owned()), "{lines:?}");
    }

    #[test]
    fn every_publication_of_the_checked_in_run_has_a_row_and_a_verdict() {
        let run = example();
        let rows = rows(&run);
        let has =
            |one: &PublishedResult| run.case(&one.case).is_some() || run.skipped.iter().any(|it| it.case == one.case);
        for one in published_results().into_iter().filter(has) {
            let cells = row_of(&run, &one.case, &one.set);
            assert_eq!(cells[2].is_empty(), one.kpps.is_none(), "{cells:?}");
            let is_one = |word: &&str| cells[7].starts_with(*word);
            assert!(["reproduced (", "better (", "worse (", "not comparable: "].iter().any(is_one), "{cells:?}");
        }
        assert_eq!(tally(&run).iter().sum::<usize>(), rows.len());
        let skipped = row_of(&run, "end-bpf-add-tlv8-nojit", "thesis");
        assert_eq!((skipped[3].as_str(), skipped[4].as_str()), ("", "0.43"));
        assert!(skipped[7].starts_with("not comparable: not measured: "), "{skipped:?}");
    }
}
