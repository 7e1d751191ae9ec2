//! `segbox status`: the router's health.

use std::process::ExitCode;

use miette::Result;

use super::output::{print, print_json};
use super::{DEVIATIONS, OK, status_text};
use crate::router::{Router, status};

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let status = status(&mut Router::open("status")?)?;
    if json {
        print_json(&status)?;
    } else {
        print(&status_text::text(&status, None))?;
    }
    Ok(if status.healthy { OK } else { ExitCode::from(DEVIATIONS) })
}
