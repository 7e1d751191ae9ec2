//! The record of the last change: which file was applied and when.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::folder::{Begun, Folder, FolderError};
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

/// Takes room for the record of a change that begins, with all that is known of it by then. A text may have hundreds of megabytes: it is
/// compressed once.
pub(crate) fn begin(folder: &Folder, file: &Path, text: &str) -> Result<Begun, FolderError> {
    let mut begun = folder.begin(RECORD);
    begun.text("{\"file\":");
    folder.put(&mut begun, &file)?;
    begun.text(",\"text\":");
    folder.put(&mut begun, &text)?;
    folder.reserve(&mut begun)?;
    Ok(begun)
}

/// Writes the record of a change that ends now.
pub(crate) fn end(folder: &Folder, mut begun: Begun) -> Result<(), FolderError> {
    begun.text(",\"at\":");
    folder.put(&mut begun, &Timestamp::now())?;
    begun.text("}");
    folder.finish(begun)
}

impl Record {
    /// Checks the applied file again: the files that it names may have changed since.
    pub(crate) fn reading(&self, on: Seen) -> Result<Reading, segbox_config::Faults> {
        let text: Arc<str> = self.text.as_str().into();
        let checked = check(&self.file, Arc::clone(&text), on)?;
        Ok(Reading { path: self.file.clone(), text, checked })
    }
}
