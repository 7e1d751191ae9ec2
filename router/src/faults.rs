//! A file's faults or warnings as one report: a count, then each drawn into the text. Twenty are enough to see what is wrong with
//! a file; the rest is counted, unless all are asked for. Not here: finding faults (config).

use std::fmt;

use miette::{Diagnostic, Severity, SourceCode};
use segbox_config::Faults;
use segbox_config::fault::Fault;

/// So many are shown where not all are asked for.
const SHOWN: usize = 20;
/// Above this number of faults, each takes one line: a drawing for each would be too long to read.
const DRAWN: usize = 30;

/// All faults and warnings of a file.
#[derive(Debug)]
pub struct FaultyFile {
    faults: Faults,
    most: usize,
    hidden: Option<Hidden>,
}

/// The last line of a report that does not show all: how many are left, and the command that shows them.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("... and {count} more; `segbox check --all {file}` shows all")]
#[diagnostic(severity(advice))]
struct Hidden {
    count: String,
    file: String,
}

impl FaultyFile {
    /// A report of the first twenty.
    pub fn new(faults: Faults) -> Self {
        let count = faults.len().saturating_sub(SHOWN);
        let least = if faults.more() { "at least " } else { "" };
        let count = (count > 0).then(|| format!("{least}{count}"));
        let hidden = count.map(|count| Hidden { count, file: faults.file().to_owned() });
        Self { faults, most: SHOWN, hidden }
    }

    /// A report of all.
    pub fn in_full(self) -> Self {
        Self { most: usize::MAX, hidden: None, ..self }
    }

    fn takes_lines(&self) -> bool {
        self.faults.len().min(self.most) > DRAWN || !self.shown().all(|fault| self.faults.can_be_drawn(fault))
    }

    /// Those that are shown, in the text's order. Where room is short a fault goes before a warning.
    fn shown(&self) -> impl Iterator<Item = &Fault> {
        let faults = self.faults.iter().filter(|fault| !fault.is_warning()).count();
        let (mut faults, mut warnings) = (faults.min(self.most), self.most.saturating_sub(faults));
        self.faults.iter().filter(move |fault| {
            let room = if fault.is_warning() { &mut warnings } else { &mut faults };
            let fits = *room > 0;
            *room = room.saturating_sub(1);
            fits
        })
    }
}

impl fmt::Display for FaultyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warnings = self.faults.iter().filter(|fault| fault.is_warning()).count();
        let faults = self.faults.len() - warnings;
        if self.faults.more() {
            f.write_str("at least ")?;
        }
        let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        match (faults, warnings) {
            (faults, 0) => f.write_str(&count(faults, "fault"))?,
            (0, warnings) => f.write_str(&count(warnings, "warning"))?,
            (faults, warnings) => write!(f, "{} and {}", count(faults, "fault"), count(warnings, "warning"))?,
        }
        if self.takes_lines() {
            self.shown().try_for_each(|fault| write!(f, "\n{}", self.faults.line(fault)))?;
        }
        Ok(())
    }
}

impl std::error::Error for FaultyFile {}

impl Diagnostic for FaultyFile {
    fn severity(&self) -> Option<Severity> {
        self.faults.severity()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.faults.source_code()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let drawn = self.shown().filter(|_| !self.takes_lines()).map(|fault| fault as &dyn Diagnostic);
        Some(Box::new(drawn.chain(self.hidden.iter().map(|hidden| hidden as &dyn Diagnostic))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with so many warnings, and after them so many faults.
    fn faulty(warnings: usize, faults: usize) -> FaultyFile {
        let unused = |index| format!("[program.p{index}]\nobject = \"builtin:end_noop\"\n");
        let text: String = (0..warnings).map(unused).collect::<String>() + &"# \n[vrf.x\n".repeat(faults);
        let found = segbox_config::read(text, "r2.toml").check(&segbox_config::Surroundings::default());
        FaultyFile::new(found.unwrap_or_else(|faults| faults))
    }

    /// How many faults and warnings are drawn, and what the last line says.
    fn related(file: &FaultyFile) -> (usize, usize, String) {
        let all: Vec<_> = file.related().into_iter().flatten().collect();
        let of = |severity| all.iter().filter(|one| one.severity() == severity).count();
        (of(None), of(Some(Severity::Warning)), all.last().map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn twenty_are_shown_and_the_rest_is_counted() {
        let file = faulty(0, 20);
        assert_eq!((file.to_string(), related(&file).0), ("20 faults".to_owned(), 20));
        assert!(!related(&file).2.contains("more"));
        let file = faulty(0, 225);
        let more = "... and 205 more; `segbox check --all r2.toml` shows all".to_owned();
        assert_eq!((file.to_string(), related(&file)), ("225 faults".to_owned(), (20, 0, more)));
        let lines = file.in_full();
        assert_eq!(lines.to_string().lines().count(), 226, "a line each: {lines}");
        assert_eq!(related(&lines).0, 0);
        assert_eq!(related(&faulty(0, 25).in_full()).0, 25, "few enough to be drawn");
    }

    #[test]
    fn a_warning_gives_way_to_a_fault() {
        let file = faulty(30, 15);
        assert_eq!(file.to_string(), "15 faults and 30 warnings");
        let (faults, warnings, more) = related(&file);
        assert_eq!((faults, warnings), (15, 5));
        assert!(more.starts_with("... and 25 more"), "{more}");
    }
}
