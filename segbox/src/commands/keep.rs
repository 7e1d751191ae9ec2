//! `segbox keep`: keeps a router working where segbox is not PID 1, in the network namespace of the box or in another one. Runs until it is
//! ended.

use std::process::ExitCode;

use miette::Result;
use segbox_services::Names;

use super::OK;
use crate::text::output;

pub(super) fn run() -> Result<ExitCode> {
    // Go on even if the reader of this output is gone.
    segbox_services::keep(Names::OfTheSystem, |line| drop(output::write(&format!("{line}\n"))))?;
    Ok(OK)
}
