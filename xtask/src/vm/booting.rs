//! Waiting for a machine that boots. Faults of the emulator before PID 1 has begun are not the machine's: it is reset.

use std::time::Duration;

use crate::{Error, Vm, handover};

/// Longest boot under emulation on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(300);

/// The kernel's words for a timer that does not run: a processor's is silent (kernel/rcu/tree_stall.h), or the board's gave too few
/// interrupts while they were counted (arch/x86/kernel/apic/io_apic.c, check_timer). Seen under QEMU's software emulation on a host with
/// other work, before PID 1 began.
const NO_TIMER: [&str; 2] = ["Possible timer handling issue", "end Kernel panic - not syncing: IO-APIC + timer"];
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
            let events = [text, handover::UP.trim_end(), NO_TIMER[0], NO_TIMER[1]];
            // A machine that was reset often enough has no excuse any more.
            let events = if self.resets < RESETS { &events[..] } else { &events[..2] };
            let (which, said) = self.console.expect_first(events, BOOT)?;
            before += &said;
            match which {
                0 => return Ok(before),
                // A machine that began with PID 1 has rebooted, and its kernel holds again.
                1 => self.console.send(handover::GO)?,
                _ => {
                    eprintln!("reset, since a timer does not run: {said}{}", events[which]);
                    self.reset()?;
                }
            }
        }
    }
}
