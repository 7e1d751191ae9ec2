//! `segbox watch`: shows the status live.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use miette::Result;
use segbox_router::Router;
use segbox_router::status::{Status, status};

use super::OK;
use crate::text::{self, output};

/// Moves the cursor home and clears the rest: the screen is overwritten in place, without flicker.
const REDRAW: &str = "\x1b[H\x1b[J";

pub(super) fn run(every: Duration) -> Result<ExitCode> {
    let mut router = Router::open("watch")?;
    let mut earlier: Option<(Status, Instant)> = None;
    // In a file or a pipe the updates follow one another.
    let lead = if std::io::stdout().is_terminal() { output::ours(REDRAW) } else { String::new() };
    loop {
        let now = (status(&mut router)?, Instant::now());
        let since = earlier.as_ref().map(|(status, at)| (status, at.elapsed().as_secs_f64()));
        if output::write(&format!("{lead}{}\n", text::status::text(&now.0, since))).is_err() {
            // The reader is gone.
            return Ok(OK);
        }
        earlier = Some(now);
        std::thread::sleep(every);
    }
}
