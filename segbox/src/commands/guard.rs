//! `segbox guard`: the watch that `apply --confirm` leaves behind. It has no terminal, so it says nothing.

use std::process::ExitCode;

use miette::Result;
use segbox_router::Router;

use super::OK;

pub(super) fn run() -> Result<ExitCode> {
    Router::open("guard")?.guard()?;
    Ok(OK)
}
