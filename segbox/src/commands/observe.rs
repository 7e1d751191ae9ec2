//! `segbox observe`: prints the kernel's state as JSON.

use std::process::ExitCode;

use miette::Result;
use segbox_router::Router;

use super::OK;
use crate::text::output::print_json;

pub(super) fn run() -> Result<ExitCode> {
    print_json(&Router::open("observe")?.observe()?)?;
    Ok(OK)
}
