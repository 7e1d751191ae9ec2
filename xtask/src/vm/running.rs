//! A machine that runs, and what is done to it from outside. Not here: what it says (`console`), and waiting for its boot (`booting`).

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Console, Error, Monitor};

/// The monitor's socket among the machine's own files.
pub(crate) const MONITOR: &str = "monitor";
/// A guest whose driver is busy takes its time to let a card go.
const LET_GO: Duration = Duration::from_secs(30);

/// A machine that runs, and ends when this value is dropped.
#[derive(Debug)]
pub struct Vm {
    child: Child,
    /// Its serial line.
    pub console: Console,
    /// Its ports' cards, in QEMU's words.
    cards: Vec<String>,
    ends_at_reboot: bool,
    /// How often its reset button was pressed.
    pub resets: usize,
    /// The board's own files: its variables, its monitor's socket.
    scratch: tempfile::TempDir,
}

impl Vm {
    pub(crate) fn new(
        child: Child,
        console: Console,
        (cards, ends_at_reboot): (Vec<String>, bool),
        scratch: tempfile::TempDir,
    ) -> Self {
        Self { child, console, cards, ends_at_reboot, resets: 0, scratch }
    }

    /// Presses its reset button.
    ///
    /// # Errors
    /// As [`Monitor::execute`].
    pub fn reset(&mut self) -> Result<(), Error> {
        self.resets += 1;
        let mut monitor = self.monitor()?;
        // QEMU would take it for one of the reboots that it is to end at.
        monitor.execute("set-action", &json!({ "reboot": "reset" }))?;
        monitor.execute("system_reset", &json!({}))?;
        monitor.event("RESET", LET_GO, |_| true)?;
        if self.ends_at_reboot {
            monitor.execute("set-action", &json!({ "reboot": "shutdown" }))?;
        }
        Ok(())
    }

    /// Ends it as a power cut does.
    pub fn cut_power(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// QEMU's monitor: anything from outside but the serial line and the ports.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Monitor`]: QEMU has ended.
    pub fn monitor(&self) -> Result<Monitor, Error> {
        Monitor::connect(&self.scratch.path().join(MONITOR))
    }

    /// Pulls a port's card out of its slot, and waits until the guest has let it go.
    ///
    /// # Errors
    /// As [`Monitor::execute`], and if the guest does not let go.
    pub fn pull(&self, port: usize) -> Result<(), Error> {
        let mut monitor = self.monitor()?;
        let name = format!("port{port}");
        monitor.execute("device_del", &json!({ "id": name }))?;
        match monitor.event("DEVICE_DELETED", LET_GO, |data| data["device"] == *name)? {
            Some(_) => Ok(()),
            None => Err(Error::Refused { command: "device_del".into(), answer: "the guest keeps the card".into() }),
        }
    }

    /// Puts it back.
    ///
    /// # Errors
    /// As [`Monitor::execute`].
    pub fn plug(&self, port: usize) -> Result<(), Error> {
        let command = format!("device_add {}", self.cards.get(port).map_or("", String::as_str));
        match self.monitor()?.type_in(&command)? {
            answer if answer.is_empty() => Ok(()),
            answer => Err(Error::Refused { command, answer }),
        }
    }

    /// Waits until it has ended by itself; false if it has not.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while !self.has_ended() {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// QEMU's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.cut_power();
    }
}
