//! `segbox doctor`: lists the features of this kernel and box, the fixes that its kernel has, other programs that may lose SRv6, and what is
//! open on the machine.

use std::process::ExitCode;

use miette::Result;
use segbox_config::features;
use segbox_config::fixes::{self, Reach, Verdict};
use segbox_linux::doors::{DOORS, Seen};
use segbox_linux::kernel::{CHECKS, Finding, survey};
use segbox_router::Router;
use segbox_router::run::boot::Boot;
use serde::Serialize;

use super::{DEVIATIONS, OK};
use crate::text::output::{BAD, CHANGED, GOOD, print, print_json, styled};

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let mut findings = findings();
    findings.extend(kernel_fixes());
    findings.extend(beside());
    findings.extend(doors());
    let count = |is: fn(Kind) -> bool| findings.iter().filter(|row| row.found == Some(false) && is(row.kind)).count();
    // What is open forwards as well as what is closed, and on a host it belongs to the administrator.
    let open = count(|kind| kind == Kind::Door);
    let missing = count(|kind| matches!(kind, Kind::Need | Kind::Hazard | Kind::Fix));
    if json {
        print_json(&findings)?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let (style, word) = match (finding.found, finding.kind) {
                (None, _) => (CHANGED, "unknown"),
                (Some(true), Kind::Door) => (GOOD, "closed "),
                (Some(true), _) => (GOOD, "found  "),
                (Some(false), Kind::Need | Kind::Fix) => (BAD, "missing"),
                (Some(false), Kind::LaterFix | Kind::Extra) => (CHANGED, "missing"),
                (Some(false), Kind::Hazard) => (BAD, "to fix "),
                (Some(false), Kind::Door) => (CHANGED, "open   "),
            };
            text += &format!("{} {:<24} {}\n", styled(style, word), finding.name, finding.detail);
            match (finding.found, finding.kind) {
                (Some(true), _) => {}
                (_, Kind::Need | Kind::Extra) => text += &format!("        without it: {}\n", finding.without),
                (_, Kind::Hazard | Kind::Door | Kind::Fix | Kind::LaterFix) => {
                    text += &format!("        {}\n", finding.without)
                }
            }
        }
        let end =
            if missing == 0 { styled(GOOD, "nothing is missing") } else { styled(BAD, format!("{missing} to fix")) };
        let open = if open == 0 { String::new() } else { format!(", {open} open") };
        print(&format!("{text}{end}{open}\n"))?;
    }
    Ok(if missing == 0 { OK } else { ExitCode::from(DEVIATIONS) })
}

/// One feature, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Found {
    name: &'static str,
    kind: Kind,
    /// Null if it could not be checked.
    found: Option<bool>,
    detail: String,
    without: String,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A feature that segbox needs.
    Need,
    /// A feature that newer kernels have, and a router is whole without.
    #[serde(rename = "need")]
    Extra,
    /// Another program that may lose SRv6.
    Hazard,
    /// What somebody may come in by; it is closed if it is `found`.
    Door,
    /// A fix of the kernel against what packets do: a later kernel of the series has it.
    Fix,
    /// A fix against what no packet does, or that no kernel of the series has.
    #[serde(rename = "fix")]
    LaterFix,
}

/// A row for each fix of the kernel that an SRv6 router wants.
fn kernel_fixes() -> Vec<Found> {
    let kernel = segbox_linux::fixes::running();
    let row = |fix: &'static fixes::Fix| {
        let verdict = fix.verdict(&kernel);
        let found = match verdict {
            Verdict::Has(_) => Some(true),
            Verdict::Lacks(_) => Some(false),
            Verdict::Unknown(_) => None,
        };
        let is_due = fix.reach == Reach::Packets && fix.is_in_series_of(&kernel);
        let kind = if is_due { Kind::Fix } else { Kind::LaterFix };
        Found {
            name: &fix.id,
            kind,
            found,
            detail: verdict.to_string(),
            without: format!("without it {}; condition: {}", fix.without, fix.when),
        }
    };
    fixes::all().iter().map(row).collect()
}

/// The name of the rows about other programs.
const OTHERS: &str = "other programs";

/// A row for each program beside segbox that may lose SRv6; one row if there is none.
fn beside() -> Vec<Found> {
    let seen = segbox_linux::beside::look();
    let mut hazards = segbox_plan::beside::hazards(&seen);
    if hazards.iter().any(|hazard| hazard.ipv4_only) && !segbox_linux::beside::takes_ipv4_out() {
        hazards.retain(|hazard| !hazard.ipv4_only);
    }
    let row =
        |found, detail: String, without: String| Found { name: OTHERS, kind: Kind::Hazard, found, detail, without };
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

/// A row for each door of the kernel, and on a box for its console.
fn doors() -> Vec<Found> {
    let row = |name, found, detail, without| Found { name, kind: Kind::Door, found, detail, without };
    let mut rows: Vec<Found> = DOORS
        .iter()
        .map(|door| {
            let (found, detail) = match door.look() {
                Seen::Closed(detail) => (Some(true), detail),
                Seen::Open(detail) => (Some(false), detail),
                Seen::Unknown(why) => (None, why),
            };
            row(door.name, found, detail, format!("{}; fix: {}", door.risk, door.fix))
        })
        .collect();
    if Boot::read().is_some() {
        const NAME: &str = "console password";
        let risk =
            "whoever is at the serial port or the screen controls the box; fix: `[management.console] password-hash`";
        let record = Router::open("doctor").ok().and_then(|router| router.last_applied().ok());
        let has_one = |text: String| segbox_config::read(text, NAME).config().console_password.is_some();
        let has_one = record.map(|record| record.is_some_and(|record| has_one(record.text)));
        let detail = match has_one {
            Some(true) => "the applied configuration has one",
            Some(false) => "the applied configuration has none",
            None => "the applied configuration cannot be read",
        };
        rows.push(row(NAME, has_one, detail.to_owned(), risk.to_owned()));
    }
    rows
}

/// The kernel features that behaviors need, then what segbox itself needs.
fn findings() -> Vec<Found> {
    let kernel = survey();
    let (major, minor) = kernel.version;
    let needs = features::all().into_iter().map(|feature| Found {
        name: feature.name,
        kind: if feature.is_extra() { Kind::Extra } else { Kind::Need },
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
        Found { name: check.name, kind: Kind::Need, found, detail, without: check.without.to_owned() }
    });
    needs.chain(checks).collect()
}
