//! A file's faults or warnings as one report: a count, and each of them drawn into the text, or on a line where they are many.

use std::fmt;

use miette::{Diagnostic, Severity, SourceCode};
use segbox_config::{Fault, Faults};

/// Above this many, a drawing each would scroll away what they have in common.
const DRAWN: usize = 30;

/// All that is wrong with a file, or worth a warning.
#[derive(Debug)]
pub struct FaultyFile(pub Faults);

impl FaultyFile {
    fn are_many(&self) -> bool {
        self.0.len() > DRAWN
    }
}

impl fmt::Display for FaultyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warnings = self.0.iter().filter(|fault| fault.is_warning()).count();
        let faults = self.0.len() - warnings;
        let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        match (faults, warnings) {
            (faults, 0) => f.write_str(&count(faults, "fault"))?,
            (0, warnings) => f.write_str(&count(warnings, "warning"))?,
            (faults, warnings) => write!(f, "{} and {}", count(faults, "fault"), count(warnings, "warning"))?,
        }
        if self.are_many() {
            self.0.iter().try_for_each(|fault| write!(f, "\n{}", self.0.line(fault)))?;
        }
        Ok(())
    }
}

impl std::error::Error for FaultyFile {}

impl Diagnostic for FaultyFile {
    fn severity(&self) -> Option<Severity> {
        self.0.severity()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let each = |fault: &'a Fault| fault as &dyn Diagnostic;
        if self.are_many() { None } else { Some(Box::new(self.0.iter().map(each))) }
    }
}
