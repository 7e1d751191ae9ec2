//! A machine's serial line, or a terminal: its output is collected as it comes, and can be waited for; input is typed.
//!
//! A wait goes on from where the last one ended, so that a test reads its machine's answers in order. Not here: the meaning of the output
//! (`router`).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;

/// Bytes of the output that are shown if a wait ends in vain.
const LAST: usize = 4000;

/// A serial line.
#[derive(Debug)]
pub struct Console {
    input: File,
    said: Arc<Said>,
    /// Up to here it was waited for.
    read: usize,
}

#[derive(Debug, Default)]
struct Said {
    text: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

impl Console {
    /// Collects from now on; `also` sees every piece as it comes, with nothing changed.
    pub fn new(input: impl Into<OwnedFd>, output: impl Into<OwnedFd>, mut also: Option<Box<dyn Write + Send>>) -> Self {
        let (input, mut output) = (File::from(input.into()), File::from(output.into()));
        let said = Arc::new(Said::default());
        let collected = Arc::clone(&said);
        // Ends with the machine, which closes the pipe; that of a terminal with the last who has it open.
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut piece) {
                if let Some(also) = &mut also {
                    drop(also.write_all(&piece[..length]).and_then(|()| also.flush()));
                }
                collected.add(&piece[..length], false);
            }
            collected.add(&[], true);
        });
        Self { input, said, read: 0 }
    }

    /// Types.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub fn send(&mut self, text: &str) -> Result<(), Error> {
        self.send_bytes(text.as_bytes())
    }

    /// Types the bytes that a person typed, unchanged.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.input.write_all(bytes).and_then(|()| self.input.flush()).map_err(Error::Gone)
    }

    /// Waits until the machine says this; gives what it said before it, from the last wait on.
    ///
    /// # Errors
    /// [`Error::Silent`]: it did not say it in time, or has ended. Its last lines are in the error.
    pub fn expect(&mut self, wanted: &str, patience: Duration) -> Result<String, Error> {
        Ok(self.expect_first(&[wanted], patience)?.1)
    }

    /// Waits until the machine says one of these; gives which one, and what it said before it. Of several that it has said, the first
    /// of the list counts.
    ///
    /// # Errors
    /// As [`Console::expect`], of the first of them.
    pub fn expect_first(&mut self, wanted: &[&str], patience: Duration) -> Result<(usize, String), Error> {
        let end = Instant::now() + patience;
        let mut guard = self.said.text.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let new = &guard.0[self.read..];
            let place = |text: &&str| new.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some((which, at)) = wanted.iter().enumerate().find_map(|(which, text)| Some((which, place(text)?))) {
                let before = String::from_utf8_lossy(&new[..at]).into_owned();
                self.read += at + wanted[which].len();
                return Ok((which, before));
            }
            let left = end.saturating_duration_since(Instant::now());
            if guard.1 || left.is_zero() {
                let from = guard.0.len().saturating_sub(LAST);
                return Err(Error::Silent {
                    wanted: wanted.first().copied().unwrap_or_default().to_owned(),
                    seconds: patience.as_secs(),
                    ended: if guard.1 { ", and the machine has ended" } else { "" },
                    said: String::from_utf8_lossy(&guard.0[from..]).into_owned(),
                });
            }
            let waited = self.said.more.wait_timeout(guard, left);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything that the machine has said since its start.
    pub fn transcript(&self) -> String {
        let guard = self.said.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&guard.0).into_owned()
    }

    /// Whether the machine has ended.
    pub fn has_ended(&self) -> bool {
        self.said.text.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl Said {
    fn add(&self, piece: &[u8], ended: bool) {
        let mut guard = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        guard.0.extend_from_slice(piece);
        guard.1 |= ended;
        self.more.notify_all();
    }
}

impl io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.input.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }
}
