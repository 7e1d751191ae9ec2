//! A campaign's result as a row of docs/trust.md, which has one row per campaign.

use std::fmt::Write as _;
use std::fs;

use super::campaign::Campaign;
use super::state::State;
use crate::failure::Failure;
use crate::{times, workspace};

/// The table's place.
const PAGE: &str = "docs/trust.md";
const HEAD: &str = "| campaign | held | date | time | command |";

/// All campaigns, for a person.
pub(super) fn list(all: &[&Campaign]) -> String {
    let mut text = String::new();
    for campaign in all {
        let _ = writeln!(text, "{:<12} {} (goal: {} {})", campaign.name, campaign.what, campaign.goal, campaign.unit);
    }
    text
}

/// The result of a run.
pub(super) fn told(campaign: &Campaign, state: &State) -> String {
    let mut text = format!("{}\n", row(campaign, state));
    for failed in &state.failures {
        let _ = writeln!(text, "  case {} did not hold: {}", failed.case, failed.why);
    }
    text
}

fn row(campaign: &Campaign, state: &State) -> String {
    let (name, held) = (campaign.name, state.done - state.failures.len() as u64);
    format!(
        "| {name} | {held} of {} {} | {} | {} | `cargo xtask trust {name} --count {} --seed {}` |",
        state.done,
        campaign.unit,
        jiff::Zoned::now().date(),
        times::words(state.took()),
        state.done,
        state.seed
    )
}

/// Puts the result into the page.
///
/// # Errors
/// The page has no table.
pub(super) fn write(campaign: &Campaign, state: &State) -> Result<(), Failure> {
    let path = workspace::root().join(PAGE);
    let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
    let fresh = with(&text, campaign.name, &row(campaign, state)).ok_or_else(|| {
        Failure::new(format!("cannot write {PAGE}"), format!("it has no line {HEAD}"), "put the table back")
    })?;
    fs::write(&path, fresh).map_err(|error| Failure::file("write", &path, &error))
}

/// The page with this row in place of the campaign's last one.
fn with(page: &str, name: &str, row: &str) -> Option<String> {
    let (before, table) = page.split_once(HEAD)?;
    let (rows, after): (Vec<&str>, Vec<&str>) = {
        let lines: Vec<&str> = table.lines().skip(1).collect();
        let end = lines.iter().position(|line| !line.starts_with('|')).unwrap_or(lines.len());
        (lines[..end].to_vec(), lines[end..].to_vec())
    };
    let mark = format!("| {name} |");
    let mut rows: Vec<&str> = rows.into_iter().filter(|row| !row.starts_with(&mark)).collect();
    rows.push(row);
    let mut text = format!("{before}{HEAD}\n");
    for line in rows.into_iter().chain(after) {
        text += line;
        text.push('\n');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_takes_the_place_of_the_campaigns_last_one() {
        let page = format!("# Trust\n\n{HEAD}\n|---|---|---|---|---|\n| a | 1 |\n| b | 2 |\n\nMore.\n");
        let fresh = with(&page, "a", "| a | 3 |").expect("it has a table");
        assert_eq!(fresh, format!("# Trust\n\n{HEAD}\n|---|---|---|---|---|\n| b | 2 |\n| a | 3 |\n\nMore.\n"));
        let new = with(&page, "c", "| c | 4 |").expect("it has a table");
        assert!(new.contains("| b | 2 |\n| c | 4 |\n\nMore."), "{new}");
        assert_eq!(with("# Trust\n", "a", "| a | 3 |"), None);
    }
}
