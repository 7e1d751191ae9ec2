//! Machines that begin with PID 1. The first one of a build boots its kernel, which holds where it would start PID 1 (`handover`), and
//! is written to a file; all of that build go on from there. Drivers of disks, cards and QEMU's files are modules that PID 1 loads, so
//! nothing of a machine's own content is in a snapshot. It goes with the process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::launch::{launch, scratch};
use crate::{Boot, Error, Machine, Medium, Monitor, Vm, handover};

/// Longest time that QEMU takes to write a snapshot, or to read one, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A file that has no name any more.
type Memory = Arc<File>;

/// Starts a machine from the snapshot of its build.
pub(crate) fn start(
    machine: &Machine<'_>,
    (kernel, initrd, command_line): (&Path, &Path, &str),
    also: Option<Box<dyn Write + Send>>,
) -> Result<Vm, Error> {
    let scratch = scratch()?;
    let held = scratch.path().join("initrd");
    handover::write(initrd, &held).map_err(|source| Error::File { path: initrd.to_owned(), source })?;
    let kernel = kernel.to_owned();
    let command_line = format!("{command_line} {}", handover::WORDS);
    let build = format!("{}, {}", build(machine), initrd.display());
    let machine = Machine { boot: Boot::Direct { kernel, initrd: held, command_line }, ..machine.clone() };
    let memory = kept(&build, &machine)?;
    let from = ["-incoming".to_owned(), uri(&memory)];
    let mut vm = launch(&machine, scratch, &from, also)?;
    let mut monitor = vm.monitor()?;
    until(|| Ok(monitor.execute("query-status", &json!({}))?["running"] == true))?;
    vm.console.send(handover::GO)?;
    Ok(vm)
}

/// All that a snapshot depends on: the machine without the contents of its disks and files.
fn build(machine: &Machine<'_>) -> String {
    let ports: Vec<_> = machine.ports.iter().map(|port| (port.mac, port.model, port.queues)).collect();
    let Machine { boot, accelerator, memory, processors, disks_bus, is_parallel, pluggable, also, .. } = machine;
    let command_line = if let Boot::Direct { command_line, .. } = boot { command_line } else { "" };
    let disks = machine.disks.len();
    format!(
        "{:?}",
        (command_line, accelerator, memory, processors, disks, disks_bus, ports, is_parallel, pluggable, also)
    )
}

/// The snapshot of a build, made by the first that asks for it. Those that ask meanwhile wait.
fn kept(build: &str, machine: &Machine<'_>) -> Result<Memory, Error> {
    static MADE: Mutex<BTreeMap<String, Arc<Mutex<Option<Memory>>>>> = Mutex::new(BTreeMap::new());
    let place = {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(build.to_owned()).or_default())
    };
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(memory) = &*place {
        return Ok(Arc::clone(memory));
    }
    let memory = Arc::new(make(machine)?);
    *place = Some(Arc::clone(&memory));
    Ok(memory)
}

/// Boots a kernel and writes its machine down.
fn make(machine: &Machine<'_>) -> Result<File, Error> {
    let memory = tempfile::tempfile().map_err(|source| Error::File { path: std::env::temp_dir(), source })?;
    let donor = Machine { medium: Medium::Sound, files: Vec::new(), ..machine.clone() };
    let mut vm = launch(&donor, scratch()?, &[], None)?;
    vm.wait_booting(handover::UP.trim_end())?;
    let mut monitor = vm.monitor()?;
    monitor.execute("migrate", &json!({ "uri": uri(&memory) }))?;
    until(|| is_written(&mut monitor))?;
    Ok(memory)
}

fn is_written(monitor: &mut Monitor) -> Result<bool, Error> {
    let state = monitor.execute("query-migrate", &json!({}))?;
    match state["status"].as_str() {
        Some("completed") => Ok(true),
        Some("failed" | "cancelled") => Err(refused(&state)),
        _ => Ok(false),
    }
}

fn refused(state: &Value) -> Error {
    Error::Refused { command: "migrate".to_owned(), answer: state.to_string() }
}

/// QEMU opens the file anew by this process's descriptor.
fn uri(memory: &File) -> String {
    format!("file:/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd())
}

fn until(mut done: impl FnMut() -> Result<bool, Error>) -> Result<(), Error> {
    let begin = Instant::now();
    while !done()? {
        if begin.elapsed() > PATIENCE {
            return Err(Error::Monitor(io::ErrorKind::TimedOut.into()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
