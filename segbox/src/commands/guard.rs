//! `segbox guard`: the process that `apply --confirm` starts to undo the change. It has no terminal and prints nothing.

use std::process::ExitCode;

use miette::Result;
use segbox_router::Router;

use super::OK;

pub(super) fn run() -> Result<ExitCode> {
    Router::open("guard")?.guard()?;
    Ok(OK)
}
