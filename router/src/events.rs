//! Who reports in this network namespace, and what: the programs with a ring buffer, followed over what `apply` changes.
//! Not here: the ring buffers themselves (linux), and how a report is shown.

use segbox_linux::bpf::{Events, EventsError, PinError, Programs};

use crate::{OpenError, require_root};

/// Reports cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ReportsError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error("no program `{asked}` runs here")]
    #[diagnostic(help("{}", those_that_report(reporting)))]
    NoProgram { asked: String, reporting: Vec<String> },
    #[error("program `{asked}` reports nothing: it has no ring buffer `events`")]
    #[diagnostic(help("{}", those_that_report(reporting)))]
    Silent { asked: String, reporting: Vec<String> },
    #[error("no program that runs here reports anything")]
    #[diagnostic(help(
        "builtin:end_dm reports delays, builtin:end_oam marked packets; a program of yours reports through a ring buffer `events` \
         (docs/write-a-program.md)"
    ))]
    Nobody,
    #[error("cannot read what programs report")]
    #[diagnostic(help(
        "one at a time can: each report is given out once. End the other `segbox events`, or name another program"
    ))]
    Busy(#[source] EventsError),
    #[error("cannot read what programs report")]
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
        [] => "none that runs here reports: builtin:end_dm and builtin:end_oam do".to_owned(),
        names => format!("those that report: {}", names.join(", ")),
    }
}

/// A program that reports.
pub struct Reporter {
    /// Its ring buffer.
    pub events: Events,
    /// Records that found no room, as told last.
    lost: u64,
    /// Its pins are gone: what is still in the ring buffer is its last.
    pub ended: bool,
}

/// What `apply` or `clear` has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// A program reports, with its full name.
    Reports(String),
    /// One does no more.
    Ended(String),
    /// One reports to another process.
    Taken(String),
}

/// The programs that report here: all, or those of one name.
pub struct Reports {
    programs: Programs,
    asked: Option<String>,
    /// One per program with a ring buffer.
    pub reporters: Vec<Reporter>,
    /// Said once to be another's.
    taken: Vec<String>,
}

impl Reports {
    /// Opens them, for `command`. There is one at least.
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
            None => ReportsError::Nobody,
            Some(asked) if asked_runs => ReportsError::Silent { asked, reporting },
            Some(asked) => ReportsError::NoProgram { asked, reporting },
        })
    }

    /// The full names of the programs that are asked for, whether they report or not.
    fn asked(&self) -> Result<Vec<String>, PinError> {
        let mut names = self.programs.names()?;
        names.retain(|name| self.asked.as_deref().is_none_or(|asked| asked == name || asked == short(name)));
        Ok(names)
    }

    /// Looks who reports now. One that does no more stays, marked as ended, until it is dropped by [`Reports::drop_ended`].
    pub fn follow(&mut self) -> Result<Vec<News>, ReportsError> {
        let mut news = Vec::new();
        for reporter in self.reporters.iter_mut().filter(|reporter| !reporter.ended) {
            if self.programs.events_id(reporter.events.program())? != Some(reporter.events.id()) {
                reporter.ended = true;
                news.push(News::Ended(reporter.events.program().to_owned()));
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
                    news.push(News::Reports(name));
                }
                Ok(None) => {}
                Err(EventsError::Busy(_)) if self.taken.contains(&name) => {}
                Err(EventsError::Busy(_)) => {
                    self.taken.push(name.clone());
                    news.push(News::Taken(name));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(news)
    }

    /// Lets go of the ring buffers whose last records were read.
    pub fn drop_ended(&mut self) {
        self.reporters.retain(|reporter| !reporter.ended);
    }
}

impl Reporter {
    /// Opens one: what was lost before is known, and not counted as lost from now on.
    fn open(programs: &Programs, name: &str) -> Result<Option<Self>, EventsError> {
        let Some(events) = programs.events(name)? else { return Ok(None) };
        let lost = events.lost()?.unwrap_or(0);
        Ok(Some(Self { events, lost, ended: false }))
    }

    /// The program's name in the file.
    pub fn name(&self) -> &str {
        short(self.events.program())
    }

    /// Records that found no room before this reader came.
    pub fn lost_before(&self) -> u64 {
        self.lost
    }

    /// Records that found no room since the last call.
    pub fn lost(&mut self) -> Result<u64, ReportsError> {
        let now = self.events.lost()?.unwrap_or(0);
        Ok(now.wrapping_sub(std::mem::replace(&mut self.lost, now)))
    }
}

/// `delay` of `delay@1a2b3c4d`: what the file calls it.
fn short(name: &str) -> &str {
    name.rsplit_once('@').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_is_the_files() {
        assert_eq!(short("delay@1a2b3c4d"), "delay");
        assert_eq!(short("a@b@1a2b3c4d"), "a@b");
        assert_eq!(short("bare"), "bare");
    }
}
