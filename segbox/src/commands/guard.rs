//! `segbox guard`: the process that `apply --confirm` starts to undo the change. It has no terminal and prints nothing.

use std::process::ExitCode;

use super::OK;

pub(super) fn run() -> ExitCode {
    segbox_router::overdue::guard();
    OK
}
