//! The console's command line: a table of commands. Most are segbox's own and run as a program of their own; the rest are about the
//! box. Not here: how any of segbox's commands works.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::terminal::{Terminal, Typed};
use super::{edit, reset};
use crate::configuration::{apply, generations};
use crate::signals::ask_pid1;
use crate::storage::{CONFIG, ETC};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// A command of segbox, with the words that were typed.
    Segbox,
    /// The tester, where the box was booted as one.
    Segbench,
    Edit,
    Show,
    Log,
    Failsafe,
    FactoryReset,
    Reboot,
    PowerOff,
    Help,
    Leave,
}

/// Every command, as `help` lists them.
const COMMANDS: [(&str, Act, &str); 21] = [
    ("status", Act::Segbox, "health, SIDs, links; `status boot`: the steps of this boot"),
    ("watch", Act::Segbox, "live status with rates; Ctrl-C ends it"),
    ("events", Act::Segbox, "reports of programs, live; Ctrl-C ends it"),
    ("show", Act::Show, "print the configuration file"),
    ("edit", Act::Edit, "paste a new file; it is checked but not applied"),
    ("check", Act::Segbox, "list the faults of the file"),
    ("plan", Act::Segbox, "list the changes that `apply` would make"),
    ("apply", Act::Segbox, "apply the file; `apply --confirm 60s` undoes it unless confirmed"),
    ("confirm", Act::Segbox, "make the change of `apply --confirm` permanent"),
    ("clear", Act::Segbox, "remove everything that segbox made, until the next boot"),
    ("doctor", Act::Segbox, "show what this kernel and box have"),
    ("programs", Act::Segbox, "the built-in programs"),
    ("segbench", Act::Segbench, "measures a box: `segbench lab`, with a lab.toml beside the segbox.toml"),
    ("log", Act::Log, "last lines of the kernel log"),
    ("flash", Act::Segbox, "write a disk: `flash` lists disks and images, `flash self /dev/sda` copies this stick"),
    ("failsafe", Act::Failsafe, "run the built-in configuration until the next boot"),
    ("factory-reset", Act::FactoryReset, "reset both partitions; `factory-reset config` or `state` resets one"),
    ("reboot", Act::Reboot, "start the box again"),
    ("poweroff", Act::PowerOff, "turn it off"),
    ("help", Act::Help, "list the commands"),
    ("exit", Act::Leave, "go back to the status screen"),
];

/// Loaded behind the initrd on a machine that is to be a tester; a router has none.
const SEGBENCH: &str = "/usr/bin/segbench";

/// The commands that there are on this box.
fn commands() -> impl Iterator<Item = &'static (&'static str, Act, &'static str)> {
    let measures = Path::new(SEGBENCH).exists();
    COMMANDS.iter().filter(move |(_, act, _)| *act != Act::Segbench || measures)
}

/// The command line, until somebody leaves it or nobody types for so long.
pub(crate) fn prompt(terminal: &Terminal, idle: Duration) -> io::Result<()> {
    // Before anything asks for a line: what is typed up to then would be cut where the mode changes.
    terminal.take_lines()?;
    terminal.put("segbox's command line; `help` lists the commands, `exit` goes back\n")?;
    loop {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        terminal.put(&format!("{name}> "))?;
        match terminal.line(idle)? {
            Typed::Nothing => return Ok(()),
            Typed::Interrupted => terminal.put("\n")?,
            Typed::Line(line) => {
                let words: Vec<&str> = line.split_whitespace().collect();
                let Some(first) = words.first() else { continue };
                match commands().find(|(name, ..)| name == first) {
                    Some((_, Act::Leave, _)) => return Ok(()),
                    Some((_, act, _)) => told(terminal, run(terminal, *act, &words))?,
                    None => terminal.put(&format!("there is no command {first}; `help` lists them\n"))?,
                }
            }
        }
    }
}

/// What could not be done is said; only a terminal that is gone ends the command line.
fn told(terminal: &Terminal, result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) => terminal.put(&format!("failed: {error}\n")),
        Ok(()) => Ok(()),
    }
}

fn run(terminal: &Terminal, act: Act, words: &[&str]) -> io::Result<()> {
    match act {
        Act::Segbox => segbox(terminal, words),
        Act::Segbench => segbench(terminal, words),
        Act::Edit => edit::edit(terminal),
        Act::Show => terminal.put(&fs::read_to_string(Path::new(ETC).join("segbox.toml"))?),
        Act::Log => log(terminal),
        Act::Failsafe => {
            let file = apply::built_in()?;
            terminal.run(&["apply", file]).map(drop)
        }
        Act::FactoryReset => reset::factory_reset(terminal, words),
        Act::Reboot => ask_pid1(Signal::SIGTERM),
        Act::PowerOff => ask_pid1(Signal::SIGUSR2),
        Act::Help => {
            let lines = commands().map(|(name, _, does)| format!("  {name:<14} {does}\n"));
            terminal.put(&lines.collect::<String>())
        }
        Act::Leave => Ok(()),
    }
}

fn segbox(terminal: &Terminal, words: &[&str]) -> io::Result<()> {
    let status = terminal.run(words)?;
    // What holds is the last good one from now on, and what the next boot falls back to. On probation it is not yet.
    let holds = match words {
        ["apply", rest @ ..] => rest.is_empty(),
        ["confirm"] => true,
        _ => false,
    };
    let writable = crate::storage::is_persistent();
    if status.success() && holds && writable {
        let text = fs::read_to_string(Path::new(ETC).join("segbox.toml"))?;
        if let Err(error) = generations::keep(Path::new(CONFIG), &text) {
            terminal.put(&format!("applied, but it could not be saved as the last good configuration: {error}\n"))?;
        }
    }
    Ok(())
}

/// In the folder of the configuration, where what it is handed lies beside the segbox.toml.
fn segbench(terminal: &Terminal, words: &[&str]) -> io::Result<()> {
    let mut command = Command::new(SEGBENCH);
    command.args(&words[1..]);
    if Path::new(ETC).is_dir() {
        command.current_dir(ETC);
    }
    terminal.run_in_foreground(command).map(drop)
}

/// Lines of the kernel's log that `log` shows: two screens.
const LOG_LINES: usize = 46;

fn log(terminal: &Terminal) -> io::Result<()> {
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let kmsg = rustix::fs::open(c"/dev/kmsg", flags, rustix::fs::Mode::empty())?;
    let mut lines = std::collections::VecDeque::new();
    let mut record = [0; 2048];
    loop {
        match rustix::io::read(&kmsg, &mut record) {
            Ok(length) => {
                if let Some(line) = log_line(&String::from_utf8_lossy(&record[..length])) {
                    lines.push_back(line);
                    if lines.len() > LOG_LINES {
                        lines.pop_front();
                    }
                }
            }
            // Some were overwritten while we read: the next one is there.
            Err(rustix::io::Errno::PIPE) => {}
            Err(_) => break,
        }
    }
    terminal.put(&lines.into_iter().collect::<String>())
}

/// `6,339,5140900,-;text\n KEY=value` → `    5.140900 text` (Documentation/ABI/testing/dev-kmsg).
fn log_line(record: &str) -> Option<String> {
    let (head, text) = record.split_once(';')?;
    let microseconds: u64 = head.split(',').nth(2)?.parse().ok()?;
    Some(format!("{:>5}.{:06} {}\n", microseconds / 1_000_000, microseconds % 1_000_000, text.lines().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_there_once_and_fits_a_line() {
        for (name, _, does) in COMMANDS {
            assert_eq!(COMMANDS.iter().filter(|(other, ..)| *other == name).count(), 1, "{name}");
            // 115200 baud terminals are 80 columns wide; apply's line tells of its option.
            assert!(does.len() <= 90, "{name}");
        }
    }

    #[test]
    fn reads_a_record_of_the_kernels_log() {
        let line = log_line("6,339,5140900,-;segbox: starting\n SUBSYSTEM=pci\n");
        assert_eq!(line.as_deref(), Some("    5.140900 segbox: starting\n"));
        assert_eq!(log_line("nonsense"), None);
    }
}
