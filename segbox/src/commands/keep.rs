//! `segbox keep`: keeps this box tuned, for a system on which segbox is not PID 1. Runs until it is ended.

use std::process::ExitCode;

use miette::Result;

use super::OK;
use crate::text::output;

pub(super) fn run() -> Result<ExitCode> {
    // The box is kept tuned also after the reader of these lines has gone.
    segbox_services::keep(|line| drop(output::write(&format!("{line}\n"))))?;
    Ok(OK)
}
