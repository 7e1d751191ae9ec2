//! `segbox schema`: prints the JSON Schema of segbox.toml.

use std::process::ExitCode;

use miette::Result;

use super::OK;
use crate::text::output::print_json;

pub(super) fn run() -> Result<ExitCode> {
    print_json(&segbox_config::grammar::schema())?;
    Ok(OK)
}
