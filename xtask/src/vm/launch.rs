//! QEMU as a process, started from a machine's arguments. It ends with the thread that started it.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::arguments::arguments;
use crate::tool::LIBRARIES;
use crate::{Console, Error, Machine, Tap, Vm, tool};

/// A folder for the board's own files.
pub(crate) fn scratch() -> Result<TempDir, Error> {
    tempfile::tempdir().map_err(|source| Error::File { path: std::env::temp_dir(), source })
}

/// Starts a machine with `more` arguments; `also` sees all that it says.
pub(crate) fn launch(
    machine: &Machine<'_>,
    scratch: TempDir,
    more: &[String],
    also: Option<Box<dyn Write + Send>>,
) -> Result<Vm, Error> {
    let taps: Vec<Tap> = machine.ports.iter().map(|port| port.tap()).collect::<Result<_, _>>()?;
    let mut command = tool(machine.tools, "qemu-system-x86_64");
    command.env("QEMU_MODULE_DIR", machine.tools.join(LIBRARIES).join("qemu"));
    command.args(arguments(machine, &taps, scratch.path())?).args(more);
    let complaints = if machine.is_probe { Stdio::null() } else { Stdio::inherit() };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(complaints);
    inherit(&mut command, &taps);
    let mut child = command.spawn().map_err(Error::Start)?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        unreachable!("both were asked for")
    };
    // The taps are QEMU's now, and go with it.
    drop(taps);
    let console = Console::new(input, output, also);
    let cards = machine.ports.iter().enumerate().map(|(number, port)| port.card(number, machine.pluggable)).collect();
    Ok(Vm::new(child, console, (cards, machine.ends_at_reboot), scratch))
}

/// Lets the child keep the taps' descriptors, and has it end with the thread that started it.
#[expect(unsafe_code, reason = "only between fork and exec are descriptors the child's own")]
fn inherit(command: &mut Command, taps: &[Tap]) {
    let descriptors: Vec<_> = taps.iter().flat_map(|tap| &tap.queues).map(AsRawFd::as_raw_fd).collect();
    let prepare = move || {
        for descriptor in &descriptors {
            // SAFETY: one system call on a descriptor that is open in the child too.
            if unsafe { libc::fcntl(*descriptor, libc::F_SETFD, 0) } == -1 {
                return Err(std::io::Error::last_os_error());
            }
        }
        // SAFETY: one system call without pointers.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes system calls and reads a vector that it owns: no memory is allocated and no lock taken
    // between fork and exec.
    unsafe { command.pre_exec(prepare) };
}
