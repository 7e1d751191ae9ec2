//! `segbox keep`: keeps this box tuned where segbox is not PID 1. Runs until it is ended.

use std::process::ExitCode;

use miette::Result;

use super::OK;
use crate::text::output;

pub(super) fn run() -> Result<ExitCode> {
    // Keep the box tuned even if the reader of this output is gone.
    segbox_services::keep(|line| drop(output::write(&format!("{line}\n"))))?;
    Ok(OK)
}
