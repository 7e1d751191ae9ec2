//! The console: a status screen that needs no login, and behind a key a small command line with segbox's own commands. One process
//! a terminal; if it dies PID 1 starts another. There is no shell, and nothing here can do what the commands can't.
//!
//! Whoever has the console has the box, as with any router: it is the serial port or the screen in the rack.

mod commands;
mod edit;
mod reset;
mod screen;
mod terminal;

use std::time::Duration;

use crate::log::problem;
use terminal::Terminal;

/// A command line that nobody uses goes back to the screen, which whoever comes next wants to see.
const IDLE: Duration = Duration::from_secs(600);

/// The terminal of a console: the kernel writes to whichever virtual terminal is shown (tty0), people type on the first.
pub(crate) fn terminal_of(console: &str) -> String {
    if console == "tty0" { "tty1".to_owned() } else { console.to_owned() }
}

/// Screen and command line, in turns, for as long as the terminal is there.
pub(crate) fn run(name: &str) {
    let terminal = match Terminal::open(name) {
        Ok(terminal) => terminal,
        Err(error) => return problem!("console {name}: {error}"),
    };
    loop {
        if screen::show(&terminal).is_err() {
            // The line was hung up: a new process opens it again.
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
