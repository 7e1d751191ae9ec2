//! The user's terminal as the machine's: every key goes to the guest at once, except Ctrl-C, which ends the command.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// The terminal's settings before ours; None while they are in force.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal. Dropping this restores its settings.
pub(super) struct Terminal {
    /// The user's keys. Ends where standard input ends.
    pub(super) keys: Receiver<Vec<u8>>,
}

impl Terminal {
    pub(super) fn open() -> Self {
        let stdin = std::io::stdin();
        let before = if isatty(&stdin) { tcgetattr(&stdin).ok() } else { None };
        if let Some(before) = before {
            let mut raw = before.clone();
            // No lines and no echo: the guest provides both.
            raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
            // A terminal that refuses shows each key twice.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &raw);
        }
        let (send, keys) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 256];
            while let Ok(length @ 1..) = std::io::stdin().read(&mut piece) {
                // Enter is a carriage return on a serial line.
                let typed = piece[..length].iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
                if send.send(typed).is_err() {
                    return;
                }
            }
        });
        Self { keys }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the settings, from any thread: the end by a second signal drops no value.
pub(super) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}
