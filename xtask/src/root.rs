//! Tasks that only root can do, started again through sudo by others.

use std::process::Command;

use crate::failure::Failure;
use crate::process;
use crate::toolchain::on_path;

/// Starts this program again, with the same words, as root.
///
/// # Errors
/// There is no sudo, or the task fails there.
pub(crate) fn again(what: &str) -> Result<(), Failure> {
    let fix = "run it as root";
    let fault = |why: String| Failure::new(format!("{what} makes network namespaces, which takes root"), why, fix);
    let sudo = on_path("sudo").ok_or_else(|| fault("you are not root and there is no sudo".to_owned()))?;
    let me = std::env::current_exe().map_err(|error| fault(error.to_string()))?;
    let keep = "--preserve-env=CARGO,CARGO_HOME,CARGO_MANIFEST_DIR,CARGO_TARGET_DIR,RUSTUP_HOME,TERM,NO_COLOR";
    process::run(Command::new(sudo).arg(keep).arg(me).args(std::env::args_os().skip(1)), fix)
}
