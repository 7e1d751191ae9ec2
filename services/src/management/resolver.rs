//! The box's resolv.conf. Not here: its text (`segbox_plan::resolver`).

use std::fs;
use std::io;

use segbox_config::IfName;
use segbox_plan::resolver::{Learned, text};

const FILE: &str = "/etc/resolv.conf";
/// A file that replaces the other one once it is whole.
const FRESH: &str = "/etc/resolv.conf.new";

/// What was written last; the outer None: nothing yet.
#[derive(Debug, Default)]
pub(super) struct Resolver(Option<Option<String>>);

impl Resolver {
    /// Writes what ports have learned, if it is something else than before; removes the file where they know no server.
    pub(super) fn write<'a>(&mut self, ports: impl Iterator<Item = (IfName, &'a Learned)>) -> Result<(), String> {
        let text = text(ports);
        if self.0.as_ref() == Some(&text) {
            return Ok(());
        }
        let written = match &text {
            Some(text) => fs::write(FRESH, text).and_then(|()| fs::rename(FRESH, FILE)),
            None => match fs::remove_file(FILE) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            },
        };
        written.map_err(|error| format!("cannot write {FILE}: {error}"))?;
        self.0 = Some(text);
        Ok(())
    }
}
