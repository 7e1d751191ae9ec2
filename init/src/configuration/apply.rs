//! One attempt to apply a file: read it, check it, match it with the present NICs, and apply it as one transaction. Runs in a
//! child of PID 1, and PID 1 decides what follows. Not here: where the file came from.

use std::fs;
use std::path::Path;
use std::time::Duration;

use segbox_config::Checked;
use segbox_plan::degrade::degrade;
use segbox_router::{Change, ChangeError, End, Reading, Report, Router, Wanted, check, run, with_causes};
use serde::{Deserialize, Serialize};

use super::fallback::{Candidate, Sources};
use super::{generations, nics};
use crate::clock::Moment;
use crate::storage;

/// The configuration of a box without a usable file. Nothing is forwarded, and only the console is reachable.
const BUILT_IN: &str =
    "# Built in. Use `edit` on the console to enter your own file.\n[system]\nhostname = \"segbox\"\n";
const BUILT_IN_FILE: &str = "/run/segbox/built-in.toml";

/// Time limit for one attempt: a hundred thousand routes take a second, a missing NIC takes three.
pub(crate) const LIMIT: Duration = Duration::from_secs(45);

/// The result of an attempt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Applied and read back.
    Holds {
        file: String,
        /// When the last SID was installed and read back.
        at: Moment,
        steps: usize,
        /// The parts of the attempt: name, start and end.
        parts: Vec<(String, Moment, Moment)>,
        /// The parts that were left out because an interface is missing, one line each.
        dropped: Vec<String>,
        /// Warnings.
        remarks: Vec<String>,
    },
    /// Not applied, or undone: the reasons, one line each.
    Fails(Vec<String>),
}

/// Tries a candidate. `first`: nothing runs on this box yet.
pub(crate) fn attempt(candidate: &Candidate, sources: &Sources, first: bool) -> Outcome {
    match try_apply(candidate, sources, first) {
        Ok(outcome) => outcome,
        Err(lines) => Outcome::Fails(lines),
    }
}

fn try_apply(candidate: &Candidate, sources: &Sources, first: bool) -> Result<Outcome, Vec<String>> {
    let line = |error: &dyn std::error::Error| vec![with_causes(error)];
    let (path, text) = text(candidate)?;
    let config = Path::new(storage::CONFIG);
    let mut remarks = Vec::new();
    // The built-in configuration needs no record of attempts: it cannot break a boot.
    let noted = sources.persistent && !matches!(candidate, Candidate::BuiltIn);
    let mut note = |what, answer: std::io::Result<()>| {
        if let Err(error) = answer {
            remarks.push(format!(
                "the config partition cannot be written ({what}): {error}. `factory-reset config` empties it; first copy the output of `show`"
            ));
        }
    };
    if noted {
        note("the attempt was not recorded", generations::begin(config, &text));
    }
    let mut parts = Parts::begin();
    let mut router = Router::open("apply").map_err(|error| line(&error))?;
    parts.end("read the kernel");
    let applied = apply(&mut router, &path, &text, first, &mut parts).map_err(Refused::lines);
    let at = Moment::now();
    if noted {
        note("the record of the attempt was not removed", generations::end(config));
        if applied.is_ok() {
            note("this configuration was not saved as good", generations::keep(config, &text));
        }
    }
    let (report, dropped) = applied?;
    let steps = report.tried();
    remarks.extend(router.trouble.take());
    Ok(Outcome::Holds { file: path.display().to_string(), at, steps, parts: parts.done, dropped, remarks })
}

/// The path of the candidate's file, and its text.
fn text(candidate: &Candidate) -> Result<(std::path::PathBuf, String), Vec<String>> {
    let path = match candidate {
        // The path that all commands use.
        Candidate::Wanted(_) => Path::new(storage::ETC).join("segbox.toml"),
        Candidate::LastGood(generation) => generation.path.clone(),
        Candidate::BuiltIn => {
            // If the file cannot be written, the built-in text is applied all the same.
            drop(built_in());
            return Ok((BUILT_IN_FILE.into(), BUILT_IN.to_owned()));
        }
    };
    let (text, _) = segbox_router::text("apply", &path).map_err(|error| vec![with_causes(&error)])?;
    Ok((path, text))
}

/// Writes the built-in configuration to a file for the commands; returns its path.
pub(crate) fn built_in() -> std::io::Result<&'static str> {
    fs::create_dir_all("/run/segbox")?;
    fs::write(BUILT_IN_FILE, BUILT_IN)?;
    Ok(BUILT_IN_FILE)
}

/// Why a text was not applied.
enum Refused {
    /// The change was not started or was aborted.
    Change(ChangeError),
    /// The text has faults, or the change was undone: the reasons, one line each.
    Lines(Vec<String>),
}

impl Refused {
    fn lines(self) -> Vec<String> {
        match self {
            Self::Change(error) => vec![with_causes(&error)],
            Self::Lines(lines) => lines,
        }
    }
}

fn apply(
    router: &mut Router,
    path: &Path,
    text: &str,
    first: bool,
    parts: &mut Parts,
) -> Result<(Report, Vec<String>), Refused> {
    let checked = checked(router, path, text)?;
    parts.end("read the file");
    let (checked, dropped) = match_nics(router, checked, first)?;
    parts.end("find the NICs");
    let report = apply_checked(router, path, text, checked)?;
    parts.end("apply and read back");
    Ok((report, dropped))
}

/// Checks a text without the links. PID 1 leaves out missing interfaces, where the command line reports them as faults.
fn checked(router: &Router, path: &Path, text: &str) -> Result<Checked, Refused> {
    check(path, text, router.seen_without_links())
        .map_err(|faults| Refused::Lines(faults.to_string().lines().map(str::to_owned).collect()))
}

/// Names the NICs, and leaves out the parts that depend on missing ones; returns one line for each.
fn match_nics(router: &mut Router, mut checked: Checked, first: bool) -> Result<(Checked, Vec<String>), Refused> {
    let links = nics::settle(router, &checked.config, first).map_err(Refused::Change)?;
    let (config, dropped) = degrade(checked.config, &links);
    checked.config = config;
    Ok((checked, dropped))
}

/// Applies the checked configuration completely or not at all.
fn apply_checked(router: &mut Router, path: &Path, text: &str, checked: Checked) -> Result<Report, Refused> {
    let reading = Reading { path: path.to_owned(), text: text.into(), checked };
    run::sweep();
    let report = router.change(&Wanted::File(&reading), Change::default()).map_err(Refused::Change)?;
    match &report.end {
        End::InSync => Ok(report),
        End::Undone { unkept, left } => {
            let refused = report.applied.iter().filter_map(|one| Some((&one.step, one.result.as_ref().err()?)));
            let mut lines: Vec<String> =
                refused.map(|(step, refusal)| format!("{step}: {}", with_causes(refusal.as_ref()))).collect();
            lines.extend(unkept.steps.iter().map(|step| format!("the kernel did not keep: {step}")));
            lines.extend(left.steps.iter().map(|step| format!("could not be undone: {step}")));
            Err(Refused::Lines(lines))
        }
    }
}

/// The parts of an attempt, one after the other.
struct Parts {
    from: Moment,
    done: Vec<(String, Moment, Moment)>,
}

impl Parts {
    fn begin() -> Self {
        Self { from: Moment::now(), done: Vec::new() }
    }

    fn end(&mut self, name: &str) {
        let now = Moment::now();
        self.done.push((name.to_owned(), std::mem::replace(&mut self.from, now), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_configuration_has_no_fault_and_no_interface() {
        let checked = check(Path::new(BUILT_IN_FILE), BUILT_IN, segbox_router::Seen::default()).expect("without fault");
        assert!(checked.config.interfaces.is_empty());
        assert_eq!(checked.config.system.hostname.as_deref(), Some(crate::settings::HOSTNAME));
    }
}
