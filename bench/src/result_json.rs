//! The content of a result file: the run, and in each case the published results beside ours. Those follow from the figures, so
//! they are not read back: a file that was changed by hand cannot disagree with itself.

use serde::Serialize;

use crate::case::PublishedResult;
use crate::environment::Environment;
use crate::result::{Measured, Run, Settings, Skipped};
use crate::units::{Kpps, Ratio};
use crate::verdict::{Base, RatioComparison, Verdict, verdicts};

#[derive(Serialize)]
struct RunWithPublished<'a> {
    environment: &'a Environment,
    settings: &'a Settings,
    cases: Vec<CaseWithPublished<'a>>,
    skipped: &'a [Skipped],
}

#[derive(Serialize)]
struct CaseWithPublished<'a> {
    #[serde(flatten)]
    measured: &'a Measured,
    published: Vec<PublishedEntry>,
}

/// A published result beside ours.
#[derive(Serialize)]
struct PublishedEntry {
    /// Id of the publication.
    set: String,
    /// Its rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    kpps: Option<Kpps>,
    /// Its ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<Ratio>,
    /// The case that its ratio and ours are relative to.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Base>,
    /// Our ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<Ratio>,
    #[serde(flatten)]
    verdict: Verdict,
}

/// The text of a result file.
///
/// # Errors
/// Serde's, for types that have no JSON form; these have one.
pub(crate) fn text(run: &Run) -> serde_json::Result<String> {
    let cases = run.cases.iter().map(|measured| CaseWithPublished { measured, published: published(measured) });
    serde_json::to_string_pretty(&RunWithPublished {
        environment: &run.environment,
        settings: &run.settings,
        cases: cases.collect(),
        skipped: &run.skipped,
    })
}

/// Every published result of a case, in the order of the publications' file.
fn published(ours: &Measured) -> Vec<PublishedEntry> {
    let entry = |(one, compared): (PublishedResult, RatioComparison)| PublishedEntry {
        set: one.set,
        kpps: one.kpps.map(Kpps),
        ratio: compared.published,
        base: compared.published.map(|_| compared.base),
        ours: compared.published.and(compared.ours),
        verdict: compared.verdict,
    };
    verdicts(ours).into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::result::example;

    #[test]
    fn a_file_has_the_published_results_beside_ours_and_is_read_without_them() {
        let run = example("end-bpf-add-tlv8", &[800.0], Some(0.93));
        let text = super::text(&run).expect("JSON");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let published = &file["cases"][0]["published"];
        assert_eq!(published[0]["set"], "patch-series", "{published}");
        assert_eq!((&published[0]["kpps"], &published[0]["base"]), (&json!(410.0), &json!("end")), "{published}");
        assert_eq!(
            (&published[0]["ours"], &published[0]["verdict"]),
            (&json!(0.93), &json!("reproduced")),
            "{published}"
        );
        assert_eq!(published[1]["base"], "ipv6-forward", "{published}");
        let not = (&published[1]["verdict"], &published[1]["why"]);
        assert_eq!(not, (&json!("not-comparable"), &json!("no-baseline-here")), "{published}");
        assert_eq!(serde_json::from_str::<Run>(&text).expect("a run"), run);
        // Earlier files do not have this list.
        let old = serde_json::to_string(&run).expect("JSON");
        assert!(!old.contains("published"));
        assert_eq!(serde_json::from_str::<Run>(&old).expect("a run"), run);
    }

    #[test]
    fn a_case_that_lost_everything_can_be_read_again() {
        let run = example("end", &[0.0], Some(f64::INFINITY));
        let read: Run = serde_json::from_str(&text(&run).expect("JSON")).expect("a run");
        assert_eq!(read.cases[0].kpps, run.cases[0].kpps);
        assert_eq!(read.cases[0].ns, run.cases[0].ns);
        assert_eq!(read.cases[0].ratio.end, None);
    }
}
