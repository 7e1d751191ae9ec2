//! The record of the last change: which file was applied and when.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::read::{Reading, Seen, check};

/// The file name of [`Record`].
pub(crate) const RECORD: &str = "record.json";

/// The last applied file, as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// When the change ended.
    pub at: Timestamp,
    /// The path of the file.
    pub file: PathBuf,
    /// The text that was applied.
    pub text: String,
}

impl Record {
    /// Checks the applied file again: the files that it names may have changed since.
    pub(crate) fn reading(&self, on: Seen) -> Result<Reading, segbox_config::Faults> {
        let checked = check(&self.file, &self.text, on)?;
        Ok(Reading { path: self.file.clone(), text: self.text.clone(), checked })
    }
}
