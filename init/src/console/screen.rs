//! The status screen: what runs, problems, and traffic. 80 columns and 24 rows fit every terminal. Only changed rows are sent,
//! since a whole screen takes 170 ms at 115200 baud. Not here: gathering the facts (`segbox_router::status`, the boot record).

use std::io;
use std::time::{Duration, Instant};

use segbox_config::visible::visible;
use segbox_router::Router;
use segbox_router::run::boot::Boot;
use segbox_router::status::{Status, status};

use super::terminal::Terminal;
use crate::clock::Moment;

const COLUMNS: usize = 79;
const ROWS: usize = 23;
/// Minimum time between two updates, and its minimum as a multiple of the time that an update takes: the screen must not keep a
/// box with a hundred thousand routes busy.
const REFRESH: Duration = Duration::from_secs(2);
const SHARE: u32 = 50;
/// Interval for drawing the whole screen again: the terminal may have been connected later, or the kernel may have written over
/// it.
const REPAINT: Duration = Duration::from_secs(60);
const HINT: &str = "press a key for the command line";

/// Shows the screen until a key is pressed.
pub(crate) fn show(terminal: &Terminal) -> io::Result<()> {
    let mut shown: Vec<String> = Vec::new();
    let mut painted: Option<Instant> = None;
    loop {
        let begin = Instant::now();
        let rows = rows();
        if painted.is_none_or(|at| at.elapsed() >= REPAINT) {
            terminal.put("\x1b[0m\x1b[2J")?;
            shown.clear();
            painted = Some(begin);
        }
        terminal.put(&changes(&shown, &rows))?;
        shown = rows;
        if terminal.key(REFRESH.max(begin.elapsed() * SHARE))? {
            return terminal.put("\x1b[2J\x1b[H");
        }
    }
}

/// The text to send so that `rows` replace `shown` on the terminal.
fn changes(shown: &[String], rows: &[String]) -> String {
    let mut text = String::new();
    for at in 0..rows.len().max(shown.len()) {
        let row = rows.get(at).map_or("", String::as_str);
        if shown.get(at).map(String::as_str) != Some(row) {
            text += &format!("\x1b[{};1H{}\x1b[K", at + 1, visible(row));
        }
    }
    // The cursor stays below the rows, where kernel messages do the least harm.
    text + &format!("\x1b[{};1H", ROWS + 1)
}

fn rows() -> Vec<String> {
    let boot = Boot::read().unwrap_or_default();
    let mut rows = vec![heading(&boot), String::new()];
    rows.extend(health(&boot));
    match look() {
        Ok(status) => rows.extend(traffic(&status)),
        Err(error) => rows.push(format!("cannot read the router's state: {error}")),
    }
    let mut rows: Vec<String> = rows.iter().flat_map(|row| wrapped(row)).collect();
    rows.truncate(ROWS - 2);
    rows.resize(ROWS - 1, String::new());
    rows.push(HINT.to_owned());
    rows
}

/// Wraps a row to the width of the screen; continuation rows are indented.
fn wrapped(row: &str) -> Vec<String> {
    let characters: Vec<char> = row.chars().collect();
    let (first, rest) = characters.split_at(characters.len().min(COLUMNS));
    let mut rows = vec![first.iter().collect()];
    rows.extend(rest.chunks(COLUMNS - 2).map(|piece| format!("  {}", piece.iter().collect::<String>())));
    rows
}

fn look() -> Result<Status, String> {
    let mut router = Router::open("status").map_err(|error| error.to_string())?;
    status(&mut router).map_err(|error| error.to_string())
}

fn heading(boot: &Boot) -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let up = Moment::now().since_kernel().as_secs();
    let slot = boot.slot.as_ref().map(|slot| format!(" slot {slot}")).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    format!("segbox {version}{slot}   {name}   up {}   Linux {}", time(up), boot.kernel)
}

/// `3d 4h`, `5h 6m`, `7m 8s`
fn time(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m {}s", seconds % 60),
        (0, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// Maximum number of problem rows, so that the links fit below.
const MOST_PROBLEMS: usize = 8;

fn health(boot: &Boot) -> Vec<String> {
    let mut rows = Vec::new();
    match &boot.configuration {
        Some(run) if boot.good => {
            let signed = if boot.secure_boot { ", started by Secure Boot" } else { "" };
            rows.push(format!("good: configured from {}{signed}", run.source));
        }
        Some(run) => rows.push(format!("NOT AS REQUESTED: configured from {}", run.source)),
        None => rows.push("NOT CONFIGURED".to_owned()),
    }
    let problems: Vec<&String> = boot.all_problems().collect();
    rows.extend(problems.iter().take(MOST_PROBLEMS).map(|line| format!("! {line}")));
    if problems.len() > MOST_PROBLEMS {
        rows.push(format!("! and {} more: `status boot` lists all of them", problems.len() - MOST_PROBLEMS));
    }
    rows.push(String::new());
    rows
}

fn traffic(status: &Status) -> Vec<String> {
    let mut rows = vec![format!(
        "{:<15} {:<5} {:>6} {:>14} {:>14} {:>9} {:>9}",
        "link", "state", "mtu", "received", "sent", "dropped", "errors"
    )];
    for link in &status.links {
        let counted = &link.statistics;
        rows.push(format!(
            "{:<15} {:<5} {:>6} {:>14} {:>14} {:>9} {:>9}",
            link.name,
            link.state,
            link.mtu,
            counted.rx_packets,
            counted.tx_packets,
            counted.rx_dropped + counted.tx_dropped,
            counted.rx_errors + counted.tx_errors
        ));
    }
    let packets: u64 = status.sids.iter().filter_map(|sid| sid.packets).sum();
    let errors: u64 = status.sids.iter().filter_map(|sid| sid.errors).sum();
    rows.push(String::new());
    rows.push(format!(
        "{} SIDs, {packets} packets, {errors} errors   {} policies   {} programs   {} deviations",
        status.sids.len(),
        status.policies.len(),
        status.programs.len(),
        status.deviations.len()
    ));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn sends_only_the_rows_that_changed() {
        let sent = changes(&rows(&["a", "b", "c"]), &rows(&["a", "x"]));
        assert_eq!(sent, "\x1b[2;1Hx\x1b[K\x1b[3;1H\x1b[K\x1b[24;1H");
    }

    #[test]
    fn a_boot_that_is_not_as_asked_says_so_first() {
        let boot = Boot { problems: vec!["p".into(); 10], ..Boot::default() };
        let found = health(&boot);
        assert_eq!(found[0], "NOT CONFIGURED");
        assert_eq!(found.len(), 1 + MOST_PROBLEMS + 1 + 1);
        assert!(found[MOST_PROBLEMS + 1].contains("2 more"));
    }

    #[test]
    fn a_long_row_goes_on_below() {
        assert_eq!(wrapped("short"), ["short"]);
        assert_eq!(wrapped(""), [""]);
        let rows = wrapped(&"x".repeat(COLUMNS + 3));
        assert_eq!((rows.len(), rows[1].as_str()), (2, "  xxx"));
    }

    #[test]
    fn times_have_two_parts() {
        assert_eq!([time(59), time(3700), time(100_000)], ["0m 59s", "1h 1m", "1d 3h"]);
    }
}
