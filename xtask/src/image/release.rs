//! The release: version, time and revision that the image reports.

use std::path::Path;
use std::process::Command;

use crate::process;

/// A release.
#[derive(Debug, Clone)]
pub(super) struct Release {
    /// `0.1.0`
    pub(super) version: &'static str,
    /// Seconds since 1970: the time of every file in the image. It is the last commit's, so that the same sources give the
    /// same bytes.
    pub(super) time: u64,
    /// The last commit, if there is one.
    pub(super) revision: Option<String>,
}

/// The time of an image from sources without git: 1 January 2026.
const NO_TIME: u64 = 1_767_225_600;

impl Release {
    /// The release of the sources at `root`.
    pub(super) fn of(root: &Path) -> Self {
        let git = |arguments: &[&str]| {
            process::output(Command::new("git").current_dir(root).args(arguments), "git init").ok()
        };
        let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|time| time.parse().ok());
        let committed = || git(&["log", "-1", "--format=%ct"])?.parse().ok();
        Self {
            // All crates of the workspace have one version.
            version: env!("CARGO_PKG_VERSION"),
            time: given.or_else(committed).unwrap_or(NO_TIME),
            revision: git(&["rev-parse", "HEAD"]),
        }
    }

    /// os-release(5) of the image.
    pub(super) fn os_release(&self) -> String {
        format!(
            "ID=segbox\nNAME=segbox\nPRETTY_NAME=\"segbox {0}\"\nVERSION_ID={0}\nIMAGE_ID=segbox\nIMAGE_VERSION={0}\n",
            self.version
        )
    }
}
