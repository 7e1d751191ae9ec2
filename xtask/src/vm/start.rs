//! Starting a machine: from its switch, or from a snapshot of its kernel.

use std::io::Write;

use crate::{Boot, Error, Machine, Vm, launch, snapshot};

impl Machine<'_> {
    /// Starts it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start(&self) -> Result<Vm, Error> {
        self.start_with(None)
    }

    /// Starts it; `also` sees all that it says.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start_with(&self, also: Option<Box<dyn Write + Send>>) -> Result<Vm, Error> {
        match &self.boot {
            Boot::Direct { kernel, initrd, command_line } if self.begins_with_pid_1 => {
                snapshot::start(self, (kernel, initrd, command_line), also)
            }
            _ => launch::launch(self, launch::scratch()?, &[], also),
        }
    }
}
