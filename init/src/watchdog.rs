//! The watchdog: opened before any slow step, and fed only by PID 1's loop, so that the box reboots if PID 1 hangs. Not here: its
//! driver (`modules`).
#![expect(unsafe_code, reason = "the watchdog's ioctls (include/uapi/linux/watchdog.h) have no wrapper")]

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};

use super::clock::Moment;

/// Feeding interval: a third of the shortest fixed timeout of hardware that refuses ours (30 s, i6300esb).
const FEED_EVERY: Duration = Duration::from_secs(10);

/// _IOR('W', 2, int): the cause of the last start.
const GETBOOTSTATUS: libc::Ioctl = 0x8004_5702;
/// _IOR('W', 5, int)
const KEEPALIVE: libc::Ioctl = 0x8004_5705;
/// _IOWR('W', 6, int), in seconds
const SETTIMEOUT: libc::Ioctl = 0xc004_5706;
/// WDIOF_CARDRESET: the watchdog caused the last reboot.
const CARD_RESET: libc::c_int = 0x20;

/// An open watchdog. Once opened, it must be fed.
#[derive(Debug)]
pub(crate) struct Watchdog {
    device: OwnedFd,
    fed: Moment,
    every: Duration,
    /// This watchdog caused the last reboot.
    pub(crate) it_rebooted: bool,
    /// The timeout in seconds that the hardware accepted.
    pub(crate) timeout: i32,
}

impl Watchdog {
    /// Opens the first watchdog, if its driver is loaded, with a timeout of `silence`.
    pub(crate) fn open(silence: Duration) -> Option<Self> {
        let device = open(c"/dev/watchdog0", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut timeout = libc::c_int::try_from(silence.as_secs()).unwrap_or(libc::c_int::MAX);
        // Hardware with a shorter range keeps a shorter timeout, which the feeding interval allows for.
        if !call(&device, SETTIMEOUT, &mut timeout) {
            timeout = 0;
        }
        let mut status = 0;
        let it_rebooted = call(&device, GETBOOTSTATUS, &mut status) && status & CARD_RESET != 0;
        let third = Duration::from_secs(u64::try_from(timeout).unwrap_or(0)) / 3;
        let every = if third.is_zero() { FEED_EVERY } else { third.min(FEED_EVERY) };
        let mut watchdog = Self { device, fed: Moment::now(), every, it_rebooted, timeout };
        watchdog.feed();
        Some(watchdog)
    }

    /// Feeds it if it is time.
    pub(crate) fn feed_in_time(&mut self) {
        if self.hungry_in().is_zero() {
            self.feed();
        }
    }

    /// Time until it must be fed.
    pub(crate) fn hungry_in(&self) -> Duration {
        self.fed.plus(self.every).since(Moment::now())
    }

    fn feed(&mut self) {
        call(&self.device, KEEPALIVE, &mut 0);
        self.fed = Moment::now();
    }

    /// Disables it: the letter tells the driver that the missing feeding is intended.
    pub(crate) fn stop(self) {
        let _ = rustix::io::write(&self.device, b"V");
    }
}

/// An ioctl that takes or returns one int. True if the driver supports it.
fn call(device: &OwnedFd, request: libc::Ioctl, value: &mut libc::c_int) -> bool {
    // SAFETY: all three requests take a pointer to one int, and the descriptor is open.
    unsafe { libc::ioctl(device.as_raw_fd(), request, std::ptr::from_mut(value)) == 0 }
}
