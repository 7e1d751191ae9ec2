//! `segbox apply` and `segbox clear`: changing the router and printing the result.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use miette::{Diagnostic, Result};
use segbox_plan::overruled::of_file;
use segbox_router::{Change, ChangeError, End, Report, Router, VerifierError, Wanted, read, run::sweep};

use super::OK;
use super::uninterrupted::Uninterrupted;
use crate::text::output::{self, BAD, CHANGED, FAINT, GOOD, count, print, styled};

/// Above this many steps only the refused ones are printed. A hundred thousand lines are not readable, and a terminal takes longer
/// to show them than the kernel takes to apply them.
const SHOWN: usize = 200;

/// A change that was undone.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum Undone {
    #[error("{refused} refused; everything was undone: the router is as it was before")]
    #[diagnostic(help(
        "the refused steps and the kernel's answers are above; fix the file or the box, then apply again"
    ))]
    Whole { refused: String },
    #[error("the kernel did not keep {unkept}; everything was undone: the router is as it was before")]
    #[diagnostic(help("another program may be changing the same things; the steps that were not kept are above"))]
    NotKept { unkept: String },
    #[error("the change failed, and {left} could not be undone")]
    #[diagnostic(help(
        "they are listed above; `segbox plan` shows what is left to do, `segbox clear` removes everything that segbox made"
    ))]
    Partly { left: String },
}

/// Parses a time as people write it: `60s`, `5m`, `1h 30m`. At least a second.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| format!("{error}; use for example 60s, 5m or 1h"))?;
    if time < Duration::from_secs(1) { Err("use at least 1s".to_owned()) } else { Ok(time) }
}

pub(super) fn run(file: &Path, confirm: Option<Duration>) -> Result<ExitCode> {
    let begin = Instant::now();
    let mut router = Router::open("apply")?;
    let on = router.seen()?;
    let reading = read("apply", file, on)?;
    output::warnings(&reading.checked.warnings, false);
    let _whole = Uninterrupted::begin();
    sweep();
    let report = router.change(&Wanted::File(&reading), Change { confirm }).inspect_err(show_verifier)?;
    let waiting = match report.end {
        End::InSync => router.wait_for_detection(&reading.checked.config)?,
        End::Undone { .. } => BTreeSet::new(),
    };
    tell(&report, &format!("applied {}", file.display()), begin)?;
    if !waiting.is_empty() {
        let ports = waiting.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let text =
            format!("duplicate address detection still runs on {ports}: neighbours cannot resolve its addresses yet");
        print(&format!("{}\n", styled(CHANGED, text)))?;
    }
    for line in router.without_keeper(&reading.checked.config) {
        print(&format!("{}\n", styled(CHANGED, line)))?;
    }
    output::overruled(&router.overruled(&of_file(&reading.checked.config))?);
    if let Some(trouble) = &router.trouble {
        print(&format!("{}\n", styled(CHANGED, trouble)))?;
    }
    if let Some(time) = confirm.filter(|_| report.tried() > 0) {
        print(&format!(
            "the change is undone in {} unless you run `segbox confirm`\n",
            humantime::format_duration(time)
        ))?;
    }
    Ok(OK)
}

pub(super) fn clear() -> Result<ExitCode> {
    let begin = Instant::now();
    let mut router = Router::open("clear")?;
    let _whole = Uninterrupted::begin();
    sweep();
    let report = router.change(&Wanted::Nothing, Change::default())?;
    let told = tell(&report, "removed everything that segbox made", begin);
    for line in &router.not_put_back {
        output::notice(&format!("{} {line}", styled(CHANGED, "not put back:")));
    }
    told?;
    Ok(OK)
}

/// Prints the verifier's log unwrapped: its lines lose their meaning when they are wrapped.
fn show_verifier(error: &ChangeError) {
    if let ChangeError::Verifier { refused } = error {
        for VerifierError { name, source } in refused {
            output::raw_fault(&format!("{}: {source}", styled(BAD, format!("program {name}"))));
        }
    }
}

/// Prints each step's result and the end.
fn tell(report: &Report, done: &str, begin: Instant) -> Result<()> {
    let mut text = String::new();
    let every = report.tried() <= SHOWN;
    let mut refused = 0;
    for one in &report.applied {
        match &one.result {
            Ok(()) if every => text += &format!("{} {}\n", styled(GOOD, "ok  "), one.step),
            Ok(()) => {}
            // A refused knob is no fault: the router works without it, and `status` shows it.
            Err(error) if one.step.tuning().is_some() => {
                text += &format!("{} {}\n{}", styled(CHANGED, "not "), one.step, causes(error.as_ref()));
            }
            Err(error) => {
                refused += 1;
                text += &format!("{} {}\n{}", styled(BAD, "FAIL"), one.step, causes(error.as_ref()));
            }
        }
    }
    let steps = count(report.tried(), "step");
    let time = styled(FAINT, format!("({steps}, {:.0?})", begin.elapsed()));
    match &report.end {
        End::InSync if report.tried() == 0 => {
            print(&(text + &format!("{}: nothing to do {time}\n", styled(GOOD, "in sync"))))
        }
        End::InSync => print(&(text + &format!("{}: {done} {time}\n", styled(GOOD, "in sync")))),
        End::Undone { unkept, left } => {
            for step in unkept.steps.iter().take(SHOWN) {
                text += &format!("{} {step}\n", styled(BAD, "not kept  "));
            }
            for step in left.steps.iter().take(SHOWN) {
                text += &format!("{} {step}\n", styled(BAD, "not undone"));
            }
            print(&text)?;
            Err(if !left.is_empty() {
                Undone::Partly { left: count(left.steps.len(), "step") }
            } else if refused > 0 {
                Undone::Whole { refused: count(refused, "step") }
            } else {
                Undone::NotKept { unkept: count(unkept.steps.len(), "step") }
            }
            .into())
        }
    }
}

/// An error and its causes, one per line, indented below the step.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        text += &format!("       {error}\n");
        cause = error.source();
    }
    if let Some(fix) =
        error.downcast_ref::<segbox_linux::netlink::StepError>().and_then(segbox_linux::netlink::StepError::fix)
    {
        text += &format!("       fix: {fix}\n");
    }
    text
}
