//! The console: a status screen for everybody, and after a key press a small command line with segbox's commands, behind a password if
//! the configuration has one. One process per terminal; if it ends, PID 1 starts another. There is no shell, and the console can do only
//! what the commands can do.
//!
//! Its command line is full access to the box, as on any router.

mod commands;
mod edit;
mod login;
mod reset;
mod screen;
mod terminal;

use std::time::Duration;

use crate::log::problem;
use login::Login;
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
    let mut login = Login::default();
    loop {
        if screen::show(&terminal).is_err() {
            // The line was hung up: a new process opens the terminal again.
            return;
        }
        let done = login.passes(&terminal, name).and_then(|passes| match passes {
            true => commands::prompt(&terminal, IDLE),
            false => Ok(()),
        });
        if done.is_err() {
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
