//! The watchdog: opened before anything slow, fed by PID 1's own loop and by nothing else, so that a PID 1 that hangs is a box
//! that reboots. Not here: which driver it needs (`modules`).
#![expect(unsafe_code, reason = "the watchdog's ioctls (include/uapi/linux/watchdog.h) have no wrapper")]

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};

use super::clock::Moment;

/// Silence after which it reboots. Over any step of a boot in software emulation, under what a person waits for.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is fed: a third of the shortest timeout that common hardware takes (30 s for i6300esb's default).
pub(crate) const FEED_EVERY: Duration = Duration::from_secs(10);

/// _IOR('W', 2, int): why the box last started.
const GETBOOTSTATUS: libc::Ioctl = 0x8004_5702;
/// _IOR('W', 5, int)
const KEEPALIVE: libc::Ioctl = 0x8004_5705;
/// _IOWR('W', 6, int), in seconds
const SETTIMEOUT: libc::Ioctl = 0xc004_5706;
/// WDIOF_CARDRESET: the last reboot was the watchdog's.
const CARD_RESET: libc::c_int = 0x20;

/// An open watchdog: once opened, it must be fed.
#[derive(Debug)]
pub(crate) struct Watchdog {
    device: OwnedFd,
    fed: Moment,
    /// The last reboot was this watchdog's.
    pub(crate) it_rebooted: bool,
    /// Seconds that the hardware agreed to.
    pub(crate) timeout: i32,
}

impl Watchdog {
    /// Opens the first watchdog, if its driver is there.
    pub(crate) fn open() -> Option<Self> {
        let device = open(c"/dev/watchdog0", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut timeout = TIMEOUT.as_secs() as libc::c_int;
        // Hardware with a shorter range keeps its own, which the feeding interval allows for.
        if !call(&device, SETTIMEOUT, &mut timeout) {
            timeout = 0;
        }
        let mut status = 0;
        let it_rebooted = call(&device, GETBOOTSTATUS, &mut status) && status & CARD_RESET != 0;
        let mut watchdog = Self { device, fed: Moment::now(), it_rebooted, timeout };
        watchdog.feed();
        Some(watchdog)
    }

    /// Feeds it if it is time to.
    pub(crate) fn feed_in_time(&mut self) {
        if Moment::now().since(self.fed) >= FEED_EVERY {
            self.feed();
        }
    }

    fn feed(&mut self) {
        call(&self.device, KEEPALIVE, &mut 0);
        self.fed = Moment::now();
    }

    /// Lets it sleep: the letter is the driver's sign that the silence to come is meant.
    pub(crate) fn stop(self) {
        let _ = rustix::io::write(&self.device, b"V");
    }
}

/// An ioctl that takes or gives one int. True if the driver knows it.
fn call(device: &OwnedFd, request: libc::Ioctl, value: &mut libc::c_int) -> bool {
    // SAFETY: all three requests take a pointer to one int, and the descriptor is open.
    unsafe { libc::ioctl(device.as_raw_fd(), request, std::ptr::from_mut(value)) == 0 }
}
