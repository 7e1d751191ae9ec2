//! The console's command line: a table of commands. Most of them run segbox as a separate process; the others act on the box. Not
//! here: how segbox's commands work.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use segbox_config::visible::visible;

use super::terminal::{Terminal, Typed};
use super::{edit, reset};
use crate::configuration::{apply, generations};
use crate::signals::ask_pid1;
use crate::storage::{CONFIG, ETC};

/// The action of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// A command of segbox, with the words that were typed.
    Segbox,
    /// The tester, on a box that was booted as a tester.
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

/// All commands, in the order of `help`.
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
    ("programs", Act::Segbox, "list the built-in programs"),
    ("segbench", Act::Segbench, "measure a box: `segbench lab`, with a lab.toml beside segbox.toml"),
    ("log", Act::Log, "last lines of the kernel log"),
    ("flash", Act::Segbox, "write a disk: `flash` lists disks and images, `flash self /dev/sda` copies this stick"),
    ("failsafe", Act::Failsafe, "run the built-in configuration until the next boot"),
    ("factory-reset", Act::FactoryReset, "reset both partitions; `factory-reset config` or `state` resets one"),
    ("reboot", Act::Reboot, "restart the box"),
    ("poweroff", Act::PowerOff, "turn the box off"),
    ("help", Act::Help, "list the commands"),
    ("exit", Act::Leave, "go back to the status screen"),
];

/// Only on a tester, whose boot loader loads it together with the initrd.
const SEGBENCH: &str = "/usr/bin/segbench";

/// The commands of this box.
fn commands() -> impl Iterator<Item = &'static (&'static str, Act, &'static str)> {
    let measures = Path::new(SEGBENCH).exists();
    COMMANDS.iter().filter(move |(_, act, _)| *act != Act::Segbench || measures)
}

/// The command line. Ends with `exit`, or after this idle time.
pub(crate) fn prompt(terminal: &Terminal, idle: Duration) -> io::Result<()> {
    // Set the mode before the prompt: a change of mode would cut off what is already typed.
    terminal.take_lines()?;
    terminal.put("segbox command line; `help` lists the commands, `exit` goes back to the status screen\n")?;
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
                    Some((_, act, _)) => show_error(terminal, run(terminal, *act, &words))?,
                    None => terminal.put(&format!("unknown command {first}; `help` lists the commands\n"))?,
                }
            }
        }
    }
}

/// Prints the error of a command. Only a lost terminal ends the command line.
fn show_error(terminal: &Terminal, result: io::Result<()>) -> io::Result<()> {
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
        Act::Show => terminal.put(&visible(&fs::read_to_string(Path::new(ETC).join("segbox.toml"))?)),
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
    // This configuration is now the last good one, which the next boot can fall back to. A change on probation is not saved yet.
    let holds = match words {
        ["apply", rest @ ..] => rest.is_empty(),
        ["confirm"] => true,
        _ => false,
    };
    let writable = crate::storage::is_persistent();
    if status.success() && holds && writable {
        let text = fs::read_to_string(Path::new(ETC).join("segbox.toml"))?;
        if let Err(error) = generations::keep(Path::new(CONFIG), &text) {
            terminal
                .put(&format!("applied, but the configuration could not be saved as the last good one: {error}\n"))?;
        }
    }
    Ok(())
}

/// Runs in the folder of the configuration, where lab.toml is beside segbox.toml.
fn segbench(terminal: &Terminal, words: &[&str]) -> io::Result<()> {
    let mut command = Command::new(SEGBENCH);
    command.args(&words[1..]);
    if Path::new(ETC).is_dir() {
        command.current_dir(ETC);
    }
    terminal.run_in_foreground(command).map(drop)
}

/// Number of kernel log lines that `log` shows: two screens.
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
            // Some records were overwritten meanwhile; continue with the next one.
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
            // 115200 baud terminals are 80 columns wide; apply's line also describes its option.
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
