//! `segbox status`: prints the router's health.

use std::process::ExitCode;

use miette::Result;
use segbox_router::Router;
use segbox_router::status::status;

use super::{DEVIATIONS, OK};
use crate::text;
use crate::text::output::{print, print_json};

pub(super) fn run(json: bool) -> Result<ExitCode> {
    let status = status(&mut Router::open("status")?)?;
    if json {
        print_json(&status)?;
    } else {
        print(&text::status::text(&status, None))?;
    }
    Ok(if status.healthy { OK } else { ExitCode::from(DEVIATIONS) })
}
