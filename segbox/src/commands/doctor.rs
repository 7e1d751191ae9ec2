//! `segbox doctor`: lists the features of this kernel and box.

use std::process::ExitCode;

use miette::Result;
use segbox_config::features;
use segbox_linux::kernel::{CHECKS, Finding, survey};
use serde::Serialize;

use super::{DEVIATIONS, OK};
use crate::text::output::{BAD, CHANGED, GOOD, print, print_json, styled};

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let findings = findings();
    let missing = findings.iter().filter(|finding| finding.found == Some(false)).count();
    if json {
        print_json(&findings)?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let (style, word) = match finding.found {
                Some(true) => (GOOD, "found  "),
                Some(false) => (BAD, "missing"),
                None => (CHANGED, "unknown"),
            };
            text += &format!("{} {:<24} {}\n", styled(style, word), finding.name, finding.detail);
            if finding.found != Some(true) {
                text += &format!("        without it: {}\n", finding.without);
            }
        }
        let end =
            if missing == 0 { styled(GOOD, "nothing is missing") } else { styled(BAD, format!("{missing} missing")) };
        print(&(text + &end + "\n"))?;
    }
    Ok(if missing == 0 { OK } else { ExitCode::from(DEVIATIONS) })
}

/// One feature, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Found {
    name: &'static str,
    /// Null if it could not be checked.
    found: Option<bool>,
    detail: String,
    without: &'static str,
}

/// The kernel features that behaviors need, then what segbox itself needs.
fn findings() -> Vec<Found> {
    let kernel = survey();
    let (major, minor) = kernel.version;
    let needs = features::all().into_iter().map(|feature| Found {
        name: feature.name,
        found: Some(kernel.has(&feature)),
        detail: format!("Linux {major}.{minor}; since {}.{}, {}", feature.since.0, feature.since.1, feature.option),
        without: feature.without,
    });
    let checks = CHECKS.iter().map(|check| {
        let (found, detail) = match check.look() {
            Finding::Found(detail) => (Some(true), detail),
            Finding::Missing(detail) => (Some(false), detail),
            Finding::Unknown(detail) => (None, detail),
        };
        Found { name: check.name, found, detail, without: check.without }
    });
    needs.chain(checks).collect()
}
