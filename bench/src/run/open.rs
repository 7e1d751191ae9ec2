//! The testbeds that a run's cases need. A testbed that this kernel cannot have takes its cases out of the run.

use std::collections::BTreeMap;

use indicatif::ProgressBar;

use super::plan::Plan;
use super::testbed::{Testbed, TestbedError};
use crate::case::{Case, RouterKind};
use crate::counters::Counters;
use crate::result::Skipped;
use crate::stop;

/// A testbed and its counts at the start.
pub(super) struct OpenTestbed {
    pub(super) testbed: Testbed,
    pub(super) before: Option<Counters>,
    /// Packets that were sent to it.
    pub(super) sent: u64,
    /// Packets that came out of it, its own talk among them.
    pub(super) arrived: u64,
}

/// Builds the testbeds. Cases that this kernel cannot have are taken out, with the reason.
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
            // What a kernel may lack; the other routers every kernel can have.
            Err(error) if kind.may_lack() => {
                let why = reason(&error);
                skipped.extend(group.into_iter().map(|case| Skipped { case: case.id, why: why.clone() }));
            }
            // Ctrl-C reaches the segbox command as well, which then ends in the middle.
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

/// The line of an error that names what is missing: of a fault the one that it is marked with.
fn reason(error: &TestbedError) -> String {
    let text = error.to_string();
    let marked = text.lines().rev().find_map(|line| line.trim_start().strip_prefix("× "));
    marked.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}
