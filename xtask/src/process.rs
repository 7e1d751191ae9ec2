//! Runs other programs, and turns their failures into ours.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

use crate::failure::Failure;

/// Runs a command with its output on the terminal.
///
/// # Errors
/// It cannot be started or does not succeed; `fix` is the failure's advice.
pub(crate) fn run(command: &mut Command, fix: &str) -> Result<(), Failure> {
    let status = ends_with_us(command).status().map_err(|error| Failure::new(name(command), error.to_string(), fix))?;
    if status.success() { Ok(()) } else { Err(Failure::new(name(command), status.to_string(), fix)) }
}

/// Runs a command and returns its standard output, without the white space at its ends.
///
/// # Errors
/// As [`run`]; the command's standard error is quoted.
pub(crate) fn output(command: &mut Command, fix: &str) -> Result<String, Failure> {
    let result = ends_with_us(command).stdin(Stdio::null()).output();
    let fault = |why: String| Failure::new(name(command), why, fix);
    let output = result.map_err(|error| fault(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(fault(format!("{}: {}", output.status, text(&output.stderr))))
    }
}

/// Asks the kernel to end a command (SIGTERM) when the thread that starts it ends. After a SIGKILL only the kernel can do so.
#[expect(unsafe_code, reason = "the request has to be made by the child, between fork and exec")]
pub(crate) fn ends_with_us(command: &mut Command) -> &mut Command {
    let us = getpid();
    let request = move || {
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // If the parent ended before the request, no signal will come.
        if getppid() == Some(us) { Ok(()) } else { Err(Errno::SRCH.into()) }
    };
    // SAFETY: the closure makes two system calls and uses a number that it owns: it allocates no memory and takes no lock between fork
    // and exec.
    unsafe { command.pre_exec(request) }
}

/// The command's words.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
