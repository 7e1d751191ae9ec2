//! The user's terminal as the machine's: every key goes to the guest as it is typed, but for Ctrl-C, which ends it all.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// How the terminal was before; None while it is so.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal, put back as it was when this is dropped.
pub(super) struct Terminal {
    /// What is typed. Ends where standard input ends.
    pub(super) keys: Receiver<Vec<u8>>,
}

impl Terminal {
    pub(super) fn open() -> Self {
        let stdin = std::io::stdin();
        let before = if isatty(&stdin) { tcgetattr(&stdin).ok() } else { None };
        if let Some(before) = before {
            let mut raw = before.clone();
            // Not line by line, and no echo: the guest does both.
            raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
            // A terminal that refuses shows what is typed twice.
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

/// Puts it back, from whichever thread: the end by a second signal drops nothing.
pub(super) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}
