//! Waiting for a machine that boots. Faults of the emulator before PID 1 has begun are not the machine's: it is reset.

use std::time::Duration;

use crate::{Error, Vm, handover};

/// Longest boot under emulation on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(300);

/// The kernel's words for a processor whose timer is silent (kernel/rcu/tree_stall.h). Seen under QEMU's software emulation on a host
/// with other work, before PID 1 began: the emulator's fault, and nothing of the box has run yet.
const SILENT_TIMER: &str = "Possible timer handling issue";
/// How often such a machine is reset. Once was enough whenever it was seen.
const RESETS: usize = 2;

impl Vm {
    /// Waits until it says this; gives what it said before.
    ///
    /// # Errors
    /// As [`crate::Console::expect`], and if it cannot be reset.
    pub fn wait_booting(&mut self, text: &str) -> Result<String, Error> {
        let mut before = String::new();
        loop {
            let events = [text, SILENT_TIMER, handover::UP.trim_end()];
            // A machine that was reset often enough has no excuse any more.
            let events = if self.resets < RESETS { &events[..] } else { &[text, handover::UP.trim_end()] };
            let (which, said) = self.console.expect_first(events, BOOT)?;
            before += &said;
            match events[which] {
                found if found == text => return Ok(before),
                SILENT_TIMER => {
                    eprintln!("reset, since a processor's timer is silent: {said}");
                    self.reset()?;
                }
                // A machine that began with PID 1 has rebooted, and its kernel holds again.
                _ => self.console.send(handover::GO)?,
            }
        }
    }
}
