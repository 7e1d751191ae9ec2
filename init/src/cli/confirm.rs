//! `segbox confirm`: keeps what `apply --confirm` has applied.

use std::process::ExitCode;

use miette::Result;

use super::OK;
use super::output::{GOOD, print, styled};
use crate::router::{Router, confirm};

pub(super) fn run() -> Result<ExitCode> {
    confirm(&mut Router::open("confirm")?)?;
    print(&format!("{}: the change stays\n", styled(GOOD, "confirmed")))?;
    Ok(OK)
}
