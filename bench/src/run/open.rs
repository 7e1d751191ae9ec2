//! The testbeds that a run's cases need. A testbed that this kernel cannot have takes its cases out of the run.

use std::collections::BTreeMap;

use indicatif::ProgressBar;

use super::plan::Plan;
use super::testbed::{Testbed, TestbedError};
use crate::case::{Case, RouterKind};
use crate::counters::Counters;
use crate::result::Skipped;
use crate::stop;

/// A testbed, its router's counters at the start, and the packets since.
pub(super) struct OpenTestbed {
    pub(super) testbed: Testbed,
    pub(super) before: Option<Counters>,
    /// Packets that were sent to it.
    pub(super) sent: u64,
    /// Packets that came out of it, also those that the router's kernel sent.
    pub(super) arrived: u64,
}

/// Builds the testbeds. Cases that this kernel cannot have move from `cases` to `skipped`, with the reason.
pub(super) fn open(
    plan: &Plan,
    cases: &mut Vec<Case>,
    skipped: &mut Vec<Skipped>,
    bar: &ProgressBar,
) -> Result<BTreeMap<RouterKind, OpenTestbed>, TestbedError> {
    let mut groups: BTreeMap<RouterKind, Vec<Case>> = BTreeMap::new();
    for case in cases.iter() {
        groups.entry(case.router).or_default().push(case.clone());
    }
    let mut testbeds = BTreeMap::new();
    for (kind, group) in groups {
        bar.set_message(format!("router for {}", group[0].id));
        bar.tick();
        match Testbed::build(kind, &group, &plan.segbox, plan.cpu, plan.flows) {
            Ok(testbed) => {
                let before = testbed.counters()?;
                testbeds.insert(kind, OpenTestbed { testbed, before, sent: 0, arrived: 0 });
            }
            // A kernel may lack what this router needs. All other routers work on every kernel.
            Err(error) if kind.may_lack() => {
                let why = reason(&error);
                skipped.extend(group.into_iter().map(|case| Skipped { case: case.id, why: why.clone() }));
            }
            // Ctrl-C also ends the segbox command.
            Err(_) if stop::requested() => break,
            Err(error) => return Err(error),
        }
        if stop::requested() {
            break;
        }
    }
    cases.retain(|case| testbeds.contains_key(&case.router));
    Ok(testbeds)
}

/// The line of an error that names the reason: the one that segbox marks, else the first.
fn reason(error: &TestbedError) -> String {
    let text = error.to_string();
    let marked = text.lines().rev().find_map(|line| line.trim_start().strip_prefix("× "));
    marked.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}
