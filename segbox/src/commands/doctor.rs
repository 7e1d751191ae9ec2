//! `segbox doctor`: lists the features of this kernel and box, and other programs that may lose SRv6.

use std::process::ExitCode;

use miette::Result;
use segbox_config::features;
use segbox_linux::kernel::{CHECKS, Finding, survey};
use serde::Serialize;

use super::{DEVIATIONS, OK};
use crate::text::output::{BAD, CHANGED, GOOD, print, print_json, styled};

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let mut findings = findings();
    findings.extend(beside());
    let missing = findings.iter().filter(|finding| finding.found == Some(false)).count();
    if json {
        print_json(&findings)?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let is_hazard = finding.name == OTHERS;
            let (style, word) = match finding.found {
                Some(false) if is_hazard => (BAD, "to fix "),
                Some(true) => (GOOD, "found  "),
                Some(false) => (BAD, "missing"),
                None => (CHANGED, "unknown"),
            };
            text += &format!("{} {:<24} {}\n", styled(style, word), finding.name, finding.detail);
            match finding.found {
                Some(true) => {}
                Some(false) if is_hazard => text += &format!("        {}\n", finding.without),
                _ => text += &format!("        without it: {}\n", finding.without),
            }
        }
        let end =
            if missing == 0 { styled(GOOD, "nothing is missing") } else { styled(BAD, format!("{missing} to fix")) };
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
    without: String,
}

/// The name of the rows about other programs.
const OTHERS: &str = "other programs";

/// A row for each program beside segbox that may lose SRv6; one row if there is none.
fn beside() -> Vec<Found> {
    let seen = segbox_linux::beside::look();
    let hazards = segbox_plan::beside::hazards(&seen);
    let row = |found, detail: String, without: String| Found { name: OTHERS, found, detail, without };
    if hazards.is_empty() {
        let read = match &seen.chains {
            Some(chains) => format!("{} chains of firewalls", chains.len()),
            None => "no firewall that this user may read".to_owned(),
        };
        return vec![row(Some(true), format!("none that loses SRv6 ({read})"), String::new())];
    }
    hazards
        .into_iter()
        .map(|hazard| row(Some(false), hazard.what, format!("{}; fix: {}", hazard.loses, hazard.fix)))
        .collect()
}

/// The kernel features that behaviors need, then what segbox itself needs.
fn findings() -> Vec<Found> {
    let kernel = survey();
    let (major, minor) = kernel.version;
    let needs = features::all().into_iter().map(|feature| Found {
        name: feature.name,
        found: Some(kernel.has(&feature)),
        detail: format!("Linux {major}.{minor}; since {}.{}, {}", feature.since.0, feature.since.1, feature.option),
        without: feature.without.to_owned(),
    });
    let checks = CHECKS.iter().map(|check| {
        let (found, detail) = match check.look() {
            Finding::Found(detail) => (Some(true), detail),
            Finding::Missing(detail) => (Some(false), detail),
            Finding::Unknown(detail) => (None, detail),
        };
        Found { name: check.name, found, detail, without: check.without.to_owned() }
    });
    needs.chain(checks).collect()
}
