//! Applies the last applied configuration again: an interface has come (back), and the kernel has forgotten the addresses and routes
//! that it had. Runs in a child of PID 1. Not here: tuning, which comes back by itself (`segbox-services`).

use std::time::Duration;

use segbox_router::{Change, ChangeError, FolderError, Router};
use serde::{Deserialize, Serialize};

use super::apply::{Refused, chain, checked, fitted, made};

/// How long another change of the router is given.
const BUSY: Duration = Duration::from_secs(1);

/// The result of applying a configuration again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reapplied {
    /// Nothing is applied here, so nothing is to be applied again.
    Nothing,
    /// Another change of the router is under way or waits for its confirmation, and goes first.
    Later(Duration),
    /// The box is what the file says, after so many steps.
    Holds {
        file: String,
        steps: usize,
        /// What is still left out, because an interface is missing.
        dropped: Vec<String>,
    },
    /// It could not be applied, or was undone: why, a line each.
    Fails(Vec<String>),
}

/// Looks, and applies what is missing. The text is the one that was applied, not what the file has become since.
pub(crate) fn reapply() -> Reapplied {
    match tried() {
        Ok(reapplied) => reapplied,
        Err(Refused::Change(ChangeError::Waiting { left })) => Reapplied::Later(left.max(BUSY)),
        Err(Refused::Change(ChangeError::Overtaken | ChangeError::Folder(FolderError::Busy { .. }))) => {
            Reapplied::Later(BUSY)
        }
        Err(refused) => Reapplied::Fails(refused.lines()),
    }
}

fn tried() -> Result<Reapplied, Refused> {
    let mut router = Router::open("apply").map_err(|error| Refused::Lines(vec![chain(&error)]))?;
    let Some(record) = router.last_applied().map_err(Refused::Change)? else { return Ok(Reapplied::Nothing) };
    let checked = checked(&router, &record.file, &record.text)?;
    let (checked, dropped) = fitted(&mut router, checked, false)?;
    let file = record.file.display().to_string();
    // Asked first: a change that changes nothing would still be the last one that `status` tells of.
    if router.plan(&checked.config).map_err(Refused::Change)?.is_empty() {
        return Ok(Reapplied::Holds { file, steps: 0, dropped });
    }
    let how = Change { over: Some(&record), ..Change::default() };
    let report = made(&mut router, &record.file, &record.text, checked, how)?;
    Ok(Reapplied::Holds { file, steps: report.applied.len(), dropped })
}
