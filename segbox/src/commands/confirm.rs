//! `segbox confirm`: makes the change of `apply --confirm` permanent.

use std::process::ExitCode;

use miette::Result;
use segbox_router::Router;

use super::OK;
use crate::text::output::{GOOD, print, styled};

pub(super) fn run() -> Result<ExitCode> {
    Router::open("confirm")?.confirm()?;
    print(&format!("{}: the change is permanent\n", styled(GOOD, "confirmed")))?;
    Ok(OK)
}
