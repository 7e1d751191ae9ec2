//! Runs other programs and says what went wrong with them.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Runs a command with its output on the terminal.
///
/// # Errors
/// It cannot be started or does not succeed; `mend` says what to do then.
pub(crate) fn run(command: &mut Command, mend: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| Failure::new(name(command), error.to_string(), mend))?;
    if status.success() { Ok(()) } else { Err(Failure::new(name(command), status.to_string(), mend)) }
}

/// Runs a command and returns its standard output, without the white space at its ends.
///
/// # Errors
/// As [`run`]; the command's standard error is quoted.
pub(crate) fn output(command: &mut Command, mend: &str) -> Result<String, Failure> {
    let result = command.stdin(Stdio::null()).output();
    let fault = |why: String| Failure::new(name(command), why, mend);
    let output = result.map_err(|error| fault(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(fault(format!("{}: {}", output.status, text(&output.stderr))))
    }
}

/// The command as one would type it.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
