//! `factory-reset`: asks, has the partitions emptied or formatted, and reboots. Not here: the reset itself (`storage::reset`).

use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::terminal::{Terminal, Typed};
use crate::signals::ask_pid1;
use crate::storage::reset::{Part, reset};

/// How long to wait for the answer of the user who has just typed the command.
const ANSWER: Duration = Duration::from_secs(60);

/// Resets the named partitions, or both.
pub(super) fn factory_reset(terminal: &Terminal, words: &[&str]) -> io::Result<()> {
    let parts: &[Part] = match words {
        [_] => &[Part::Config, Part::State],
        [_, word] => match Part::of(word) {
            Some(Part::Config) => &[Part::Config],
            Some(Part::State) => &[Part::State],
            None => {
                return terminal
                    .put("use `factory-reset config`, `factory-reset state`, or `factory-reset` for both\n");
            }
        },
        _ => return terminal.put("use `factory-reset config`, `factory-reset state`, or `factory-reset` for both\n"),
    };
    let what = match parts {
        [Part::Config] => "the configuration, its earlier versions, keys and programs",
        [Part::State] => "all logs and crash records",
        _ => "the configuration, its earlier versions, keys and programs, and all logs",
    };
    terminal.put(&format!("This removes {what}, then reboots. Type yes: "))?;
    if terminal.line(ANSWER)? != Typed::Line("yes".to_owned()) {
        return terminal.put("nothing was removed\n");
    }
    let mut failed = false;
    for part in parts {
        let progress = |line: String| drop(terminal.put(&format!("{line}\n")));
        match reset(*part, progress) {
            Ok(done) => terminal.put(&format!("{done}\n"))?,
            Err(why) => {
                failed = true;
                terminal.put(&format!("{why}\n"))?;
            }
        }
    }
    rustix::fs::sync();
    // Keep errors visible: the screen must not replace them.
    if failed { terminal.put("not rebooting; use `reboot` to do so\n") } else { ask_pid1(Signal::SIGTERM) }
}
