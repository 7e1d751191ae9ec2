//! `factory-reset`: asks, has the partitions emptied or made anew, and reboots. Not here: doing it (`storage::reset`).

use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::terminal::{Terminal, Typed};
use crate::signals::ask_pid1;
use crate::storage::reset::{Part, reset};

/// For an answer: a person at the console who has just typed the command.
const ANSWER: Duration = Duration::from_secs(60);

/// Resets what the words name, or all of it.
pub(super) fn factory_reset(terminal: &Terminal, words: &[&str]) -> io::Result<()> {
    let parts: &[Part] = match words {
        [_] => &[Part::Config, Part::State],
        [_, word] => match Part::of(word) {
            Some(Part::Config) => &[Part::Config],
            Some(Part::State) => &[Part::State],
            None => return terminal.put("factory-reset: `config`, `state`, or nothing for both\n"),
        },
        _ => return terminal.put("factory-reset: `config`, `state`, or nothing for both\n"),
    };
    let what = match parts {
        [Part::Config] => "the configuration, its earlier versions, keys and programs",
        [Part::State] => "all logs and crash records",
        _ => "the configuration, its earlier versions, keys and programs, and all logs",
    };
    terminal.put(&format!("This removes {what}, and reboots. Type yes: "))?;
    if terminal.line(ANSWER)? != Typed::Line("yes".to_owned()) {
        return terminal.put("nothing was removed\n");
    }
    let mut failed = false;
    for part in parts {
        let told = |line: String| drop(terminal.put(&format!("{line}\n")));
        match reset(*part, told) {
            Ok(done) => terminal.put(&format!("{done}\n"))?,
            Err(why) => {
                failed = true;
                terminal.put(&format!("{why}\n"))?;
            }
        }
    }
    rustix::fs::sync();
    // What could not be done is to be read before the screen comes back.
    if failed { terminal.put("not rebooting; `reboot` does\n") } else { ask_pid1(Signal::SIGTERM) }
}
