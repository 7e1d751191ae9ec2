//! The programs of this network namespace that report events, followed across `apply` and `clear`. Not here: reading the ring
//! buffers (`segbox-linux`) and formatting reports.

use segbox_linux::bpf::error::{EventsError, PinError};
use segbox_linux::bpf::{Events, Programs};

use crate::run::programs::short;
use crate::{OpenError, require_root};

/// Events cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ReportsError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error("program `{asked}` does not run here")]
    #[diagnostic(help("{}", those_that_report(reporting)))]
    NoProgram { asked: String, reporting: Vec<String> },
    #[error("program `{asked}` reports no events: it has no ring buffer `events`")]
    #[diagnostic(help("{}", those_that_report(reporting)))]
    Silent { asked: String, reporting: Vec<String> },
    #[error("no running program reports events")]
    #[diagnostic(help(
        "builtin:end_dm reports delays, builtin:end_oam marked packets; your own programs report through a ring buffer `events` \
         (docs/write-a-program.md)"
    ))]
    NoReporter,
    #[error("cannot read events")]
    #[diagnostic(help(
        "each event can be read only once, so a program has one reader. End the other `segbox events`, or name another program"
    ))]
    Busy(#[source] EventsError),
    #[error("cannot read events")]
    Kernel(#[source] EventsError),
}

impl From<PinError> for ReportsError {
    fn from(error: PinError) -> Self {
        Self::Kernel(error.into())
    }
}

impl From<EventsError> for ReportsError {
    fn from(error: EventsError) -> Self {
        if matches!(error, EventsError::Busy(_)) { Self::Busy(error) } else { Self::Kernel(error) }
    }
}

fn those_that_report(names: &[String]) -> String {
    match names {
        [] => "no running program reports events; builtin:end_dm and builtin:end_oam would".to_owned(),
        names => format!("programs that report events: {}", names.join(", ")),
    }
}

/// A program that reports events.
pub struct Reporter {
    /// Its ring buffer.
    pub events: Events,
    /// Lost records, as of the last call of `lost`.
    lost: u64,
    /// The pins are gone: the ring buffer holds the last records of this program.
    pub ended: bool,
}

/// A change that `apply` or `clear` has made.
#[derive(Debug, PartialEq, Eq)]
pub enum ReporterChange {
    /// A program reports events; its full name.
    Reports(String),
    /// A program no longer reports.
    Ended(String),
    /// Another process reads the events of this program.
    Taken(String),
}

/// The programs that report here: all of them, or those with one name.
pub struct Reports {
    programs: Programs,
    asked: Option<String>,
    /// One per program with a ring buffer.
    pub reporters: Vec<Reporter>,
    /// Programs that another process reads, each reported once.
    taken: Vec<String>,
}

impl Reports {
    /// Opens the programs for `command`. There is at least one.
    pub fn open(command: &'static str, asked: Option<String>) -> Result<Self, ReportsError> {
        require_root(command)?;
        let programs = Programs::open()?;
        let mut reports = Self { programs, asked, reporters: Vec::new(), taken: Vec::new() };
        let asked = reports.asked()?;
        for name in &asked {
            reports.reporters.extend(Reporter::open(&reports.programs, name)?);
        }
        if !reports.reporters.is_empty() {
            return Ok(reports);
        }
        let asked_runs = !asked.is_empty();
        let mut reporting = Vec::new();
        for name in reports.programs.names()? {
            if reports.programs.events_id(&name)?.is_some() {
                reporting.push(short(&name).to_owned());
            }
        }
        Err(match reports.asked {
            None => ReportsError::NoReporter,
            Some(asked) if asked_runs => ReportsError::Silent { asked, reporting },
            Some(asked) => ReportsError::NoProgram { asked, reporting },
        })
    }

    /// The full names of the requested programs, whether they report events or not.
    fn asked(&self) -> Result<Vec<String>, PinError> {
        let mut names = self.programs.names()?;
        names.retain(|name| self.asked.as_deref().is_none_or(|asked| asked == name || asked == short(name)));
        Ok(names)
    }

    /// Checks which programs report now. A program that no longer reports stays, marked as ended, until [`Reports::drop_ended`].
    pub fn follow(&mut self) -> Result<Vec<ReporterChange>, ReportsError> {
        let mut news = Vec::new();
        for reporter in self.reporters.iter_mut().filter(|reporter| !reporter.ended) {
            if self.programs.events_id(reporter.events.program())? != Some(reporter.events.id()) {
                reporter.ended = true;
                news.push(ReporterChange::Ended(reporter.events.program().to_owned()));
            }
        }
        for name in self.asked()? {
            if self.reporters.iter().any(|reporter| !reporter.ended && reporter.events.program() == name) {
                continue;
            }
            match Reporter::open(&self.programs, &name) {
                Ok(Some(reporter)) => {
                    self.taken.retain(|taken| *taken != name);
                    self.reporters.push(reporter);
                    news.push(ReporterChange::Reports(name));
                }
                Ok(None) => {}
                Err(EventsError::Busy(_)) if self.taken.contains(&name) => {}
                Err(EventsError::Busy(_)) => {
                    self.taken.push(name.clone());
                    news.push(ReporterChange::Taken(name));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(news)
    }

    /// Drops the ring buffers whose last records were read.
    pub fn drop_ended(&mut self) {
        self.reporters.retain(|reporter| !reporter.ended);
    }
}

impl Reporter {
    /// Opens a program. Records lost earlier are not counted as lost from now on.
    fn open(programs: &Programs, name: &str) -> Result<Option<Self>, EventsError> {
        let Some(events) = programs.events(name)? else { return Ok(None) };
        let lost = events.lost()?.unwrap_or(0);
        Ok(Some(Self { events, lost, ended: false }))
    }

    /// The program's name in the file.
    pub fn name(&self) -> &str {
        short(self.events.program())
    }

    /// Records that were lost before this reader started.
    pub fn lost_before(&self) -> u64 {
        self.lost
    }

    /// Records that were lost since the last call.
    pub fn lost(&mut self) -> Result<u64, ReportsError> {
        let now = self.events.lost()?.unwrap_or(0);
        Ok(now.wrapping_sub(std::mem::replace(&mut self.lost, now)))
    }
}
