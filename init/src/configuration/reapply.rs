//! Applies the last applied configuration again after an interface (re)appeared: the kernel has dropped its addresses and routes.
//! Runs in a child of PID 1. Not here: tuning, which the services restore (`segbox-services`).

use std::time::Duration;

use segbox_router::{Change, ChangeError, FolderError, Router, with_causes};
use serde::{Deserialize, Serialize};

use super::apply::{Refused, apply_checked, checked, match_nics};

/// How long this waits while another change of the router is in progress.
const BUSY: Duration = Duration::from_secs(1);

/// The result of applying a configuration again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reapplied {
    /// Nothing is applied here, so there is nothing to apply again.
    Nothing,
    /// Another change of the router is in progress or waits for its confirmation. It has precedence.
    Later(Duration),
    /// The box has the configuration of the file, after this number of steps.
    Holds {
        file: String,
        steps: usize,
        /// The parts that are still left out because an interface is missing.
        dropped: Vec<String>,
    },
    /// The file could not be applied, or was undone: the reasons, one line each.
    Fails(Vec<String>),
}

/// Applies the missing parts. It uses the text that was applied, not the current text of the file.
pub(crate) fn reapply() -> Reapplied {
    match try_reapply() {
        Ok(reapplied) => reapplied,
        Err(Refused::Change(ChangeError::Waiting { left })) => Reapplied::Later(left.max(BUSY)),
        Err(Refused::Change(ChangeError::Overtaken | ChangeError::Folder(FolderError::Busy { .. }))) => {
            Reapplied::Later(BUSY)
        }
        Err(refused) => Reapplied::Fails(refused.lines()),
    }
}

fn try_reapply() -> Result<Reapplied, Refused> {
    let mut router = Router::open("apply").map_err(|error| Refused::Lines(vec![with_causes(&error)]))?;
    let Some(record) = router.last_applied().map_err(Refused::Change)? else { return Ok(Reapplied::Nothing) };
    let checked = checked(&router, &record.file, &record.text)?;
    let (checked, dropped) = match_nics(&mut router, checked, false)?;
    let file = record.file.display().to_string();
    // Check first: a change without steps would still replace the record of the last change in `status`.
    if router.plan(&checked.config).map_err(Refused::Change)?.is_empty() {
        return Ok(Reapplied::Holds { file, steps: 0, dropped });
    }
    let how = Change { over: Some(&record), ..Change::default() };
    let report = apply_checked(&mut router, &record.file, &record.text, checked, how)?;
    Ok(Reapplied::Holds { file, steps: report.applied.len(), dropped })
}
