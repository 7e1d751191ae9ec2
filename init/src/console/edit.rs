//! `edit`: a segbox.toml by paste. It is checked where it will lie, and takes the place of the old one only without a fault.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::terminal::{Terminal, Typed};
use crate::configuration::generations;
use crate::storage;

/// A pause in a paste: a person who looks for the rest of it.
const PAUSE: Duration = Duration::from_secs(300);
/// A file by paste is at most this long: ten minutes at 115200 baud would be 7 MB, and nobody pastes for a minute.
const MOST: usize = 1 << 20;

/// Takes a file.
pub(crate) fn edit(terminal: &Terminal) -> io::Result<()> {
    terminal.put("Paste the new segbox.toml; a line with nothing but a dot ends it, Ctrl-C gives up.\n")?;
    let Some(text) = paste(terminal)? else { return terminal.put("\nnothing was changed\n") };
    let folder = storage::editable()?;
    let fresh = folder.join("segbox.toml.edited");
    write(&fresh, &text)?;
    let fits = terminal.run(&["check", &fresh.to_string_lossy()])?;
    fs::remove_file(&fresh)?;
    if !fits.success() {
        return terminal.put("not taken; the file is as it was. `edit` again\n");
    }
    write(&folder.join("segbox.toml"), &text)?;
    storage::lead(&folder)?;
    let until = if storage::is_persistent() {
        ""
    } else {
        ", in memory: there is no config partition that can be written, so until the next boot"
    };
    terminal.put(&format!("taken{until}. `plan` shows what it changes, `apply` does it\n"))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    generations::replace(path, text.as_bytes()).map_err(|error| {
        let told = format!("{} cannot be written: {error}. The configuration is as it was", path.display());
        io::Error::new(error.kind(), told)
    })
}

/// The pasted lines; None if it was given up.
fn paste(terminal: &Terminal) -> io::Result<Option<String>> {
    let mut text = String::new();
    loop {
        match terminal.line(PAUSE)? {
            Typed::Line(line) if line == "." => return Ok(Some(text)),
            Typed::Line(line) if text.len() + line.len() < MOST => {
                text += &line;
                text.push('\n');
            }
            Typed::Line(_) => return Err(io::Error::new(io::ErrorKind::FileTooLarge, "over 1 MiB")),
            Typed::Interrupted | Typed::Nothing => return Ok(None),
        }
    }
}
