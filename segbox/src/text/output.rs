//! Prints text to standard output and faults to standard error. Colors appear only on a terminal, and a closed pipe is no fault.
//!
//! Everything that segbox prints goes through here, and much of it comes from outside: files, the kernel, other programs. What a terminal would
//! obey in it is made visible. Our own styles are told from it by a number that nobody outside of this process knows.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::LazyLock;

use anstyle::{AnsiColor, Style};
use miette::{GraphicalReportHandler, GraphicalTheme, IntoDiagnostic, Report};
use segbox_config::Faults;
use segbox_config::visible::{visible, visible_json};
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
    out.write_all(shown(text).as_bytes())?;
    out.flush()
}

/// Prints a value as JSON, for scripts.
pub(crate) fn print_json(value: &impl serde::Serialize) -> miette::Result<()> {
    let text = serde_json::to_string_pretty(value).into_diagnostic()?;
    print(&(visible_json(&text).into_owned() + "\n"))
}

/// What a terminal gets of a text: ours is obeyed, the rest is shown.
pub(crate) fn shown(text: &str) -> String {
    visible(text).replace(MARK.as_str(), CSI)
}

/// A sequence of ours, as it may stand in a text for [`print()`].
pub(crate) fn ours(sequence: impl std::fmt::Display) -> String {
    sequence.to_string().replace(CSI, &MARK)
}

/// The start of a terminal's sequences.
const CSI: &str = "\u{1b}[";
/// Stands for it until a text is printed.
static MARK: LazyLock<String> = LazyLock::new(|| format!("\u{e000}{:016x}\u{e000}", RandomState::new().hash_one(0)));

/// Prints what clap has to say of the arguments. It repeats them: where a terminal would obey one, it is shown without colors.
pub(crate) fn usage(error: &clap::Error) {
    let is_plain = |argument: std::ffi::OsString| {
        let argument = argument.to_string_lossy();
        visible(&argument) == argument
    };
    if std::env::args_os().all(is_plain) {
        drop(error.print());
    } else {
        // As text it has no sequences of terminals, ours or others.
        drop(write!(anstream::stderr(), "{}", visible(&error.render().to_string())));
    }
}

/// Prints a fault to standard error.
pub(crate) fn fault(report: &Report) {
    // If standard error is closed, there is no place to report it.
    drop(writeln!(anstream::stderr(), "{}", drawn(report)));
}

/// A report in colors; without them, where a terminal would obey more of it than our colors.
fn drawn(report: &Report) -> String {
    let mut plain = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_links(false);
    match handler.render_report(&mut plain, report.as_ref()) {
        Ok(()) if visible(&plain) == plain => format!("{report:?}"),
        _ => visible(&plain).into_owned(),
    }
}

/// Prints a message to standard error, beside the command's output.
pub(crate) fn notice(text: &str) {
    drop(writeln!(anstream::stderr(), "{}", shown(text)));
}

/// Prints the text of another program about a fault, without wrapping.
pub(crate) fn raw_fault(text: &str) {
    drop(writeln!(anstream::stderr(), "{}\n", shown(text)));
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
    format!("{}{text}{}", ours(style), ours(format_args!("{style:#}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_styles_are_obeyed_and_nothing_else() {
        for hostile in [
            "\u{1b}[2J",
            "\u{1b}[32mhealthy\u{1b}[0m",
            "\u{9b}8m",
            "\u{1b}]0;title\u{7}",
            "a\rb",
            "\u{e000}0\u{e000}31m",
        ] {
            let text = shown(&format!("{}: {hostile}\n", styled(BAD, hostile)));
            let begin = BAD.render().to_string();
            let rest = text.strip_prefix(&begin).expect("our red").replacen("\u{1b}[0m", "", 1);
            assert!(!rest.chars().any(|char| char != '\n' && char.is_control()), "{rest:?}");
        }
    }

    #[test]
    fn a_fault_with_a_terminals_sequences_is_shown_without_colors() {
        let report = miette::miette!("no interface `{}`", "eth0\u{1b}[2J\u{9b}31m");
        let text = drawn(&report);
        assert!(text.contains("eth0\\u{1b}[2J\\u{9b}31m"), "{text:?}");
        assert!(!text.chars().any(|char| char != '\n' && char.is_control()), "{text:?}");
    }
}
