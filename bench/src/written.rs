//! A run as it is written: with the published results beside ours. They follow from the figures, so reading a file leaves them
//! where they are, and they cannot disagree.

use serde::Serialize;

use crate::environment::Environment;
use crate::result::{Measured, Run, Settings, Skipped};
use crate::verdict::{Beside, beside};

#[derive(Serialize)]
struct Written<'a> {
    environment: &'a Environment,
    settings: &'a Settings,
    cases: Vec<Case<'a>>,
    skipped: &'a [Skipped],
}

#[derive(Serialize)]
struct Case<'a> {
    #[serde(flatten)]
    measured: &'a Measured,
    published: Vec<Beside>,
}

/// What a result file has in it.
///
/// # Errors
/// Serde's, of types that do not become JSON: these do.
pub(crate) fn text(run: &Run) -> serde_json::Result<String> {
    let cases = run.cases.iter().map(|measured| Case { measured, published: beside(measured) });
    serde_json::to_string_pretty(&Written {
        environment: &run.environment,
        settings: &run.settings,
        cases: cases.collect(),
        skipped: &run.skipped,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::result::example;

    #[test]
    fn a_file_has_the_published_results_beside_ours_and_is_read_without() {
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
        // As files were before there was such a list.
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
