//! The console: a status screen without login, and after a key press a small command line with segbox's commands. One process per
//! terminal; if it ends, PID 1 starts another. There is no shell, and the console can do only what the commands can do.
//!
//! Access to the console is full access to the box, as on any router: it is the serial port or the screen in the rack.

mod commands;
mod edit;
mod reset;
mod screen;
mod terminal;

use std::time::Duration;

use crate::log::problem;
use terminal::Terminal;

/// An idle command line returns to the status screen after this time.
const IDLE: Duration = Duration::from_secs(600);

/// The terminal of a console: the kernel writes to the visible virtual terminal (tty0), the user types on the first one.
pub(crate) fn terminal_of(console: &str) -> String {
    if console == "tty0" { "tty1".to_owned() } else { console.to_owned() }
}

/// Alternates between screen and command line, as long as the terminal exists.
pub(crate) fn run(name: &str) {
    let terminal = match Terminal::open(name) {
        Ok(terminal) => terminal,
        Err(error) => return problem!("console {name}: {error}"),
    };
    loop {
        if screen::show(&terminal).is_err() {
            // The line was hung up: a new process opens the terminal again.
            return;
        }
        if commands::prompt(&terminal, IDLE).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn people_type_on_the_first_virtual_terminal() {
        assert_eq!(super::terminal_of("tty0"), "tty1");
        assert_eq!(super::terminal_of("ttyS1"), "ttyS1");
    }
}
