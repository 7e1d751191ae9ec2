//! Prints text to standard output and faults to standard error. Colors appear only on a terminal, and a closed pipe is no fault.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use miette::{IntoDiagnostic, Report};
use segbox_config::Faults;
use segbox_plan::overruled::Overruled;
use segbox_router::FaultyFile;
use segbox_router::overdue::Overdue;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();
pub(crate) const HEAD: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Prints a text at once, without styles if standard output is no terminal. A closed pipe (`segbox status | head`) is no fault.
pub(crate) fn print(text: &str) -> miette::Result<()> {
    match write(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.into_diagnostic(),
    }
}

/// The same, but returns an error if the reader is gone.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints a value as JSON, for scripts.
pub(crate) fn print_json(value: &impl serde::Serialize) -> miette::Result<()> {
    let text = serde_json::to_string_pretty(value).into_diagnostic()?;
    print(&(text + "\n"))
}

/// Prints a fault to standard error.
pub(crate) fn fault(report: &Report) {
    // If standard error is closed, there is no place to report it.
    drop(writeln!(anstream::stderr(), "{report:?}"));
}

/// Prints a message to standard error, beside the command's output.
pub(crate) fn notice(text: &str) {
    drop(writeln!(anstream::stderr(), "{text}"));
}

/// Prints the text of another program about a fault, without wrapping.
pub(crate) fn raw_fault(text: &str) {
    drop(writeln!(anstream::stderr(), "{text}\n"));
}

/// Prints a file's warnings to standard error: the first ones, or all.
pub(crate) fn warnings(warnings: &Faults, all: bool) {
    if !warnings.is_empty() {
        let file = FaultyFile::new(warnings.clone());
        fault(&Report::new(if all { file.in_full() } else { file }));
    }
}

/// Prints to standard error which routes of other programs go before the file's: the first ones.
pub(crate) fn overruled(all: &[Overruled]) {
    const SHOWN: usize = 20;
    for one in all.iter().take(SHOWN) {
        notice(&format!("{}: {one}", styled(CHANGED, "warning")));
    }
    if all.len() > SHOWN {
        notice(&format!("... and {} more", all.len() - SHOWN));
    }
}

/// Prints to standard error what became of a change that nobody confirmed in time.
pub(crate) fn overdue(Overdue { late, stays }: &Overdue) {
    let late = late.as_secs();
    notice(&match stays {
        None => format!(
            "{}: nobody confirmed the last change in time. It was undone now, {late} s late",
            styled(CHANGED, "undone")
        ),
        Some(why) => format!(
            "{}: a change that nobody confirmed was to be undone {late} s ago, and is not: {why}",
            styled(BAD, "not undone")
        ),
    });
}

/// Text in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Formats rows in columns, two spaces apart; the last column is not padded.
pub(crate) fn table(indent: &str, rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
