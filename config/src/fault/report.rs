//! Faults in print: sorted by place, each on one line, or drawn into the text by a miette handler. Not here: which of the two (the
//! command line chooses).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, MietteError, MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents};

use super::{Fault, FaultKind, Found, SyntaxFault};
use crate::place::Source;

/// Bytes of text that are drawn around a fault, at most.
const PAGE: usize = 8192;

/// All faults or all warnings of a file, in the order of the text.
///
/// Its `Display` has a line per fault: `file:line:column: fault: what is wrong (fix: how to fix it)`. As a [`Diagnostic`] it has
/// the faults as related ones, over the file's text.
#[derive(Clone)]
pub struct Faults {
    source: Arc<Source>,
    faults: Vec<Fault>,
    /// Some were not held.
    more: bool,
}

impl Faults {
    pub(crate) fn new(source: Arc<Source>, found: Found) -> Self {
        let (mut faults, more) = found.into_held();
        // Stable: the first fault that was found at a place is the cause of later ones.
        faults.sort_by_key(|fault| fault.span);
        one_per_broken_line(&source, &mut faults);
        Self { source, faults, more }
    }

    /// The name of the file, as it was given to whatever read it.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Each fault, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.faults.iter()
    }

    /// Whether there may be more than these: no more than a thousand are held.
    pub fn more(&self) -> bool {
        self.more
    }

    /// Whether a fault can be drawn into the text: the lines around it are not longer than a page.
    pub fn can_be_drawn(&self, fault: &Fault) -> bool {
        let spans = std::iter::once(fault.span).chain(fault.beside.map(|(span, _)| span));
        let (start, end) = spans.fold((u32::MAX, 0), |(start, end), span| (start.min(span.start), end.max(span.end)));
        // Two that are far from each other are drawn with all that is between them.
        self.source.around(start, end) <= PAGE
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Line and column of a fault, both from 1; columns count characters.
    pub fn place(&self, fault: &Fault) -> (usize, usize) {
        self.source.place(fault.span.start)
    }

    /// A fault as one line, without a line end.
    pub fn line<'a>(&'a self, fault: &'a Fault) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            let (line, column) = self.place(fault);
            let severity = if fault.is_warning() { "warning" } else { "fault" };
            write!(f, "{}:{line}:{column}: {severity}: {fault}", self.source.name)?;
            if let Some((span, what)) = fault.beside {
                let (line, column) = self.source.place(span.start);
                write!(f, " ({what}: {line}:{column})")?;
            }
            write!(f, " (fix: {})", fault.fix())
        })
    }
}

/// A line that is not TOML keeps its first syntax fault only: the parser loses its way there, and the other faults follow from it.
fn one_per_broken_line(source: &Source, faults: &mut Vec<Fault>) {
    let is_broken =
        |fault: &Fault| matches!(fault.kind, FaultKind::Syntax(SyntaxFault::Toml { .. } | SyntaxFault::NoValue));
    let line = |fault: &Fault| source.place(fault.span.start).0;
    // The lines whose fault has not come yet.
    let mut open: BTreeSet<usize> = faults.iter().filter(|fault| is_broken(fault)).map(line).collect();
    if open.is_empty() {
        return;
    }
    let broken = open.clone();
    faults.retain(|fault| {
        if matches!(fault.kind, FaultKind::Syntax(SyntaxFault::TooMuch)) {
            return true;
        }
        let line = line(fault);
        !broken.contains(&line) || is_broken(fault) && open.remove(&line)
    });
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}", self.line(fault))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Faults {}

impl Diagnostic for Faults {
    fn severity(&self) -> Option<Severity> {
        let worst = if self.faults.iter().all(Fault::is_warning) { Severity::Warning } else { Severity::Error };
        Some(worst)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.faults.iter().map(|fault| fault as &dyn Diagnostic)))
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}
