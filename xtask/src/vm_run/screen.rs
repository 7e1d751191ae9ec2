//! The user's screen: the machine's console, and below it a few lines of ours. The console scrolls above them. Lines that a program on
//! the console clears or overwrites are painted again at the next turn.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::termios::tcgetwinsize;

/// A terminal shared by the console and our lines.
#[derive(Clone)]
pub(super) struct Screen(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    console: Place,
    closed: bool,
}

/// The state of the console's output: our lines may not interrupt a sequence or a character.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    /// Behind an escape.
    Escape,
    /// In a control sequence, up to its final byte.
    Sequence,
    /// So many bytes of a character are missing.
    Character(u8),
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (_, 0x1b) => Self::Escape,
            (Self::Escape, b'[') => Self::Sequence,
            // An intermediate byte, such as of ESC ( B.
            (Self::Escape, 0x20..=0x2f) => Self::Escape,
            (Self::Sequence, 0x20..=0x3f) => Self::Sequence,
            (Self::Character(left @ 2..), _) => Self::Character(left - 1),
            (Self::Character(_) | Self::Escape | Self::Sequence, _) => Self::Between,
            (Self::Between, 0xc0..=0xdf) => Self::Character(1),
            (Self::Between, 0xe0..=0xef) => Self::Character(2),
            (Self::Between, 0xf0..) => Self::Character(3),
            (Self::Between, _) => Self::Between,
        }
    }
}

impl Screen {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Puts these lines at the screen's end. False if the console is in the middle of a sequence: try again.
    pub(super) fn paint(&self, lines: &[String]) -> bool {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.console != Place::Between || shared.closed {
            return shared.closed;
        }
        // A terminal that does not tell its size gets the console alone.
        let Ok(size) = tcgetwinsize(io::stdout()) else { return true };
        put(&painted(lines, usize::from(size.ws_row), usize::from(size.ws_col)));
        true
    }

    /// Gives the terminal back: all of it scrolls again, and the next output stands below.
    pub(super) fn close(&self) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.closed = true;
        put("\x1b[0m\x1b[r\x1b[999;1H\n");
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.closed {
            return Ok(bytes.len());
        }
        shared.console = bytes.iter().fold(shared.console, |place, byte| place.after(*byte));
        io::stdout().write_all(bytes)?;
        io::stdout().flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn put(text: &str) {
    // If the terminal is gone, a signal says so.
    drop(io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()));
}

/// Lines at the end of a screen of this size. Keeps the cursor's place and colours; only the rows above scroll.
fn painted(lines: &[String], rows: usize, columns: usize) -> String {
    // On a small screen the console keeps half of the rows.
    let count = lines.len().min(rows / 2);
    let above = rows - count;
    if count == 0 {
        return String::new();
    }
    let mut text = format!("\x1b7\x1b[1;{above}r");
    for (at, line) in lines[..count].iter().enumerate() {
        let line: String = line.chars().take(columns).collect();
        text += &format!("\x1b[{};1H\x1b[0;7m{line:<columns$}\x1b[0m", above + at + 1);
    }
    text + "\x1b8"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_into_the_middle_of_a_sequence_or_a_character() {
        let after = |text: &[u8]| text.iter().fold(Place::Between, |place, byte| place.after(*byte));
        for whole in ["text", "\x1b[0m", "\x1b[1;24r", "\x1b(B", "\x1b7", "é", "→"] {
            assert_eq!(after(whole.as_bytes()), Place::Between, "{whole:?}");
            for cut in 1..whole.len() {
                let open = after(&whole.as_bytes()[..cut]) != Place::Between;
                assert_eq!(open, whole != "text", "{whole:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn lines_stand_at_the_end_and_the_rest_scrolls() {
        let text = painted(&["one".to_owned(), "two and more".to_owned()], 24, 5);
        assert!(text.starts_with("\x1b7\x1b[1;22r\x1b[23;1H") && text.ends_with("\x1b8"), "{text:?}");
        assert!(text.contains("mone  \x1b") && text.contains("mtwo a\x1b"), "as wide as the screen: {text:?}");
        assert_eq!(painted(&["one".to_owned()], 1, 80), "");
    }
}
