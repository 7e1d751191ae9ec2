//! `segbox observe`: the kernel's state as JSON.

use std::process::ExitCode;

use miette::Result;

use super::OK;
use super::output::print_json;
use crate::router::Router;

pub(super) fn run() -> Result<ExitCode> {
    print_json(&Router::open("observe")?.observe()?)?;
    Ok(OK)
}
