//! What was applied last, once more: hardware has come (back), and the kernel has forgotten the addresses and routes of an interface
//! that went. Runs in a child of PID 1. Not here: tuning, which comes back by itself (`tune::keeper`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::{Refused, chain, checked, fitted, made};
use crate::router::{Change, ChangeError, FolderError, Router};

/// For whoever changes the router right now.
const BUSY: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Again {
    /// Nothing is applied here, so nothing is to be applied again.
    Nothing,
    /// Somebody is changing the router, or a change waits for its confirmation: then it is their turn first.
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
pub(crate) fn again() -> Again {
    match tried() {
        Ok(again) => again,
        Err(Refused::Change(ChangeError::Waiting { left })) => Again::Later(left.max(BUSY)),
        Err(Refused::Change(ChangeError::Overtaken | ChangeError::Folder(FolderError::Busy { .. }))) => {
            Again::Later(BUSY)
        }
        Err(refused) => Again::Fails(refused.lines()),
    }
}

fn tried() -> Result<Again, Refused> {
    let mut router = Router::open("apply").map_err(|error| Refused::Lines(vec![chain(&error)]))?;
    let Some(record) = router.last_applied().map_err(Refused::Change)? else { return Ok(Again::Nothing) };
    let checked = checked(&router, &record.file, &record.text)?;
    let (checked, dropped) = fitted(&mut router, checked, false)?;
    let file = record.file.display().to_string();
    // Asked first: a change that changes nothing would still be the last one that `status` tells of.
    if router.plan(&checked.config).map_err(Refused::Change)?.is_empty() {
        return Ok(Again::Holds { file, steps: 0, dropped });
    }
    let how = Change { over: Some(&record), ..Change::default() };
    let report = made(&mut router, &record.file, &record.text, checked, how)?;
    Ok(Again::Holds { file, steps: report.taken.len(), dropped })
}
