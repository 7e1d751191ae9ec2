//! The demo's layout: 100 columns, colour only on a terminal. Does not choose the content.

use std::fmt::Display;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};

const HEAD: Style = AnsiColor::Cyan.on_default().bold();
const NAME: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Columns that the demo uses.
const WIDTH: usize = 100;

/// Prints a line. A closed pipe ends the output, not the demo, which still has to clean up.
pub(super) fn line(text: &str) {
    let _ = writeln!(anstream::stdout(), "{}", text.trim_end());
}

/// The nodes in their order, each with its facts.
const NODES: [(&str, &str); 5] = [
    ("host-a", "2001:db8:a::2"),
    ("r1", "fc00:0:1::/48"),
    ("r2", "fc00:0:2::/48"),
    ("r3", "fc00:0:3::/48"),
    ("host-b", "2001:db8:b::2"),
];

/// The network as a picture.
pub(super) fn title() {
    let (mut names, mut below, mut end) = (String::new(), String::new(), 0);
    for (at, (name, what)) in NODES.into_iter().enumerate() {
        // Every node has 19 columns, with its name in the middle.
        let start = at * 19 + (19 - name.len()) / 2;
        let gap = start - end;
        let cable = if at == 0 { " ".repeat(gap) } else { format!(" {} ", "─".repeat(gap - 2)) };
        names += &format!("{}{}", styled(FAINT, cable), styled(NAME, name));
        below += &format!("{what:^19}");
        end = start + name.len();
    }
    line("");
    line(&format!("{}   three SRv6 routers between two hosts, each a network namespace", styled(HEAD, "segbox demo")));
    line("");
    line(&names);
    line(&styled(FAINT, below.trim_end()));
    line("");
}

/// The start of a chapter.
pub(super) fn heading(text: &str) {
    let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
    line("");
    line(&format!("{} {} {}", styled(FAINT, "──"), styled(HEAD, text), styled(FAINT, rule)));
    line("");
}

/// A step that worked, with a summary.
pub(super) fn done(name: &str, text: &str, detail: &str) {
    line(&format!("  {} {}{}  {}", styled(GOOD, "✓"), styled(NAME, format!("{name:<8}")), text, styled(FAINT, detail)));
}

/// A step that failed.
pub(super) fn undone(name: &str, text: &str) {
    line(&format!("  {} {}{text}", styled(BAD, "✗"), styled(NAME, format!("{name:<8}"))));
}

/// A host at an end of the path.
pub(super) fn host(name: &str, text: &str) {
    line(&format!("  {} {}  {text}", styled(HEAD, "○"), styled(NAME, name)));
}

/// A router on the path: the SID or policy that the packet met there, and the effect.
pub(super) fn router(name: &str, met: &str, effect: &str) {
    line(&format!("  {} {}  {}", styled(HEAD, "●"), styled(NAME, name), met));
    line(&format!("  {}     {effect}", styled(FAINT, "│")));
}

/// The same on one line.
pub(super) fn router_in_short(name: &str, met: &str, effect: &str) {
    line(&format!("  {} {}  {met:<36}  {effect}", styled(HEAD, "●"), styled(NAME, name)));
}

/// A packet on a link. Lines that the previous link's packet lacks are in colour.
pub(super) fn packet(text: &str, before: &str) {
    let bar = styled(FAINT, "│");
    line(&format!("  {bar}"));
    for row in text.lines() {
        let new = !before.is_empty() && !before.lines().any(|known| known == row);
        let row = if new { styled(GOOD, row) } else { styled(FAINT, row) };
        line(&format!("  {bar}   {row}"));
    }
    line(&format!("  {bar}"));
}

/// Another program's lines, indented.
pub(super) fn quote(text: &str) {
    text.lines().for_each(|row| line(&format!("    {row}")));
}

/// The verdict.
pub(super) fn end(faults: &[String], success: &str) {
    if faults.is_empty() {
        line(&format!("  {} {success}", styled(GOOD, "✓")));
    }
    faults.iter().for_each(|fault| line(&format!("  {} {fault}", styled(BAD, "✗"))));
    line("");
}

/// A name in bold.
pub(super) fn name(text: impl Display) -> String {
    styled(NAME, text)
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
