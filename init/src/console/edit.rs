//! `edit`: a new segbox.toml by paste. It is checked in its final folder, and replaces the old file only if it has no faults.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::terminal::{Terminal, Typed};
use crate::configuration::generations;
use crate::storage;

/// The longest pause within a paste.
const PAUSE: Duration = Duration::from_secs(300);
/// Size limit for a pasted file. A minute at 115200 baud is 700 kB, and ten minutes would be 7 MB.
const MOST: usize = 1 << 20;

/// Reads and saves a new file.
pub(crate) fn edit(terminal: &Terminal) -> io::Result<()> {
    terminal.put("Paste the new segbox.toml. A line with only a dot ends it. Ctrl-C gives up.\n")?;
    let Some(text) = paste(terminal)? else { return terminal.put("\nnothing was changed\n") };
    let folder = storage::editable()?;
    let fresh = folder.join("segbox.toml.edited");
    write(&fresh, &text)?;
    let fits = terminal.run(&["check", &fresh.to_string_lossy()])?;
    fs::remove_file(&fresh)?;
    if !fits.success() {
        return terminal.put("not saved; the old file is unchanged. Run `edit` again\n");
    }
    write(&folder.join("segbox.toml"), &text)?;
    storage::lead(&folder)?;
    let until = if storage::is_persistent() {
        ""
    } else {
        " in memory until the next boot, because there is no writable config partition"
    };
    terminal.put(&format!("saved{until}. `plan` shows the changes, `apply` makes them\n"))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    generations::replace(path, text.as_bytes()).map_err(|error| {
        let text = format!("{} cannot be written: {error}. The old configuration is unchanged", path.display());
        io::Error::new(error.kind(), text)
    })
}

/// The pasted lines; None if the user gave up.
fn paste(terminal: &Terminal) -> io::Result<Option<String>> {
    let mut text = String::new();
    loop {
        match terminal.line(PAUSE)? {
            Typed::Line(line) if line == "." => return Ok(Some(text)),
            Typed::Line(line) if text.len() + line.len() < MOST => {
                text += &line;
                text.push('\n');
            }
            Typed::Line(_) => return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 1 MiB")),
            Typed::Interrupted | Typed::Nothing => return Ok(None),
        }
    }
}
