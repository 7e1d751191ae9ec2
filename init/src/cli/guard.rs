//! `segbox guard`: the watch that `apply --confirm` leaves behind. It has no terminal, so it says nothing.

use std::process::ExitCode;

use miette::Result;

use super::OK;
use crate::router::{Router, guard};

pub(super) fn run() -> Result<ExitCode> {
    guard(&mut Router::open("guard")?)?;
    Ok(OK)
}
