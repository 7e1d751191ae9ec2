//! What differs between two snapshots, in words.

use super::snapshot::Snapshot;

/// Lines that are gone and lines that are new; empty where both are the same.
pub(super) fn differences(before: &Snapshot, after: &Snapshot) -> String {
    let gone = before.difference(after).map(|line| format!("- {line}\n"));
    let new = after.difference(before).map(|line| format!("+ {line}\n"));
    gone.chain(new).collect()
}
