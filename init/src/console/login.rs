//! The password of the console, where the applied configuration has one. Without a password the console opens at a key press. Not here:
//! hashes (`segbox_config::PasswordHash`).

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use segbox_config::PasswordHash;
use segbox_router::Router;

use super::terminal::{Terminal, Typed};
use crate::log::detail;
use crate::storage::ETC;

/// For typing a password. Then the status screen returns.
const PATIENCE: Duration = Duration::from_secs(60);
/// A wrong password makes the console wait; each further one twice as long, up to this: about 1,300 guesses in a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// What one terminal knows of the people at it.
#[derive(Debug, Default)]
pub(super) struct Login {
    /// Wrong passwords in a row.
    wrong: u32,
}

impl Login {
    /// Whether the command line opens: there is no password, or somebody types it.
    pub(super) fn passes(&mut self, terminal: &Terminal, name: &str) -> io::Result<bool> {
        let Some(wanted) = wanted() else { return Ok(true) };
        // Set the mode before the prompt: what is typed at once must not be shown either.
        terminal.take_secrets()?;
        terminal.put("password: ")?;
        let Typed::Line(typed) = terminal.secret(PATIENCE)? else { return Ok(false) };
        if wanted.fits(&typed) {
            self.wrong = 0;
            terminal.put("\n")?;
            return Ok(true);
        }
        let pause = pause(self.wrong);
        self.wrong = self.wrong.saturating_add(1);
        detail!("console {name}: wrong password, {} in a row", self.wrong);
        terminal.put(&format!("\nwrong password; the next one can be typed in {} s\n", pause.as_secs()))?;
        std::thread::sleep(pause);
        // What was typed meanwhile is no further guess.
        terminal.forget_input()?;
        Ok(false)
    }
}

/// The wait after a wrong password, if so many came before it.
fn pause(wrong: u32) -> Duration {
    Duration::from_secs(1 << wrong.min(6)).min(LONGEST_PAUSE)
}

/// The hash in the configuration that runs. `apply` and its undo change it, and nothing else.
fn wanted() -> Option<PasswordHash> {
    let of = |text: String, name: &Path| {
        segbox_config::read(text, name.display().to_string()).config().console_password.clone()
    };
    match Router::open("console")
        .map_err(|error| error.to_string())
        .and_then(|router| router.last_applied().map_err(|error| error.to_string()))
    {
        Ok(record) => record.and_then(|record| of(record.text, &record.file)),
        // A box whose record is damaged must not be open for that.
        Err(error) => {
            detail!("the console takes its password from the file: {error}");
            let file = Path::new(ETC).join("segbox.toml");
            fs::read_to_string(&file).ok().and_then(|text| of(text, &file))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_password_makes_the_next_one_wait_longer() {
        let seconds: Vec<u64> = (0..9).map(|wrong| pause(wrong).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
