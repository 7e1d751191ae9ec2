//! What PID 1 says: a line each to the kernel's log and to every console. Needs no memory and never waits: a serial line takes
//! 87 microseconds a character, and a stuck terminal must not stop a boot. Not here: the console's screen and command line.

use std::fmt::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

use heapless::{String, Vec};
use rustix::fs::{Mode, OFlags, open};

/// A line's most bytes; the kernel's log takes 1024 (kernel/printk/printk.c, PRINTKRB_RECORD_MAX), a screen shows 80 a row.
const LINE: usize = 480;

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// To the kernel's log only (KERN_INFO).
    Detail,
    /// To the consoles too (KERN_NOTICE).
    Notice,
    /// Something is not as it should be (KERN_WARNING).
    Problem,
    /// The end is near (KERN_EMERG): the kernel itself prints it on every console.
    Emergency,
}

impl Level {
    fn kernel_prefix(self) -> &'static str {
        match self {
            Self::Detail => "<6>",
            Self::Notice => "<5>",
            Self::Problem => "<4>",
            Self::Emergency => "<0>",
        }
    }
}

/// Where lines go to, opened once.
struct Voice {
    kmsg: Option<OwnedFd>,
    consoles: Vec<OwnedFd, 4>,
}

static VOICE: OnceLock<Voice> = OnceLock::new();

/// Opens the kernel's log and the consoles. Before /dev and /sys are mounted nothing is there to open.
pub(crate) fn open_all() {
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let kmsg = open(c"/dev/kmsg", flags, Mode::empty()).ok();
    let mut consoles = Vec::new();
    let mut buffer = [0; 128];
    for name in active_consoles(&mut buffer) {
        let mut path = String::<64>::new();
        // A console's name is one of the kernel's own (tty0, ttyS0, hvc0), so it fits.
        if write!(path, "/dev/{name}\0").is_ok()
            && let Ok(path) = std::ffi::CStr::from_bytes_with_nul(path.as_bytes())
            && let Ok(console) = open(path, flags, Mode::empty())
        {
            // A fifth console stays silent until it has a screen of its own.
            drop(consoles.push(console));
        }
    }
    // Opened a second time only by mistake; the first voice is as good.
    drop(VOICE.set(Voice { kmsg, consoles }));
}

/// The consoles that the kernel writes to, by name, in its order: `tty0 ttyS0`.
pub(crate) fn active_consoles(buffer: &mut [u8]) -> impl Iterator<Item = &str> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let length = open(c"/sys/class/tty/console/active", flags, Mode::empty())
        .and_then(|file| rustix::io::read(&file, &mut *buffer))
        .unwrap_or(0);
    std::str::from_utf8(&buffer[..length]).unwrap_or_default().split_ascii_whitespace()
}

/// Says a line.
pub(crate) fn say(level: Level, text: fmt::Arguments<'_>) {
    let Some(voice) = VOICE.get() else { return };
    let mut line = String::<LINE>::new();
    // A line that is too long ends early.
    let _ = write!(Capped(&mut line), "{}segbox: {text}", level.kernel_prefix());
    if let Some(kmsg) = &voice.kmsg {
        let _ = rustix::io::write(kmsg, line.as_bytes());
    }
    if matches!(level, Level::Notice | Level::Problem) {
        // In one write: what a console's own command says comes before the line or after it, and not before its end.
        while line.push('\n').is_err() {
            line.pop();
        }
        let body = &line.as_bytes()[level.kernel_prefix().len()..];
        for console in &voice.consoles {
            let _ = rustix::io::write(console.as_fd(), body);
        }
    }
}

/// Cuts what does not fit, where heapless would refuse the whole piece.
struct Capped<'a, const N: usize>(&'a mut String<N>);

impl<const N: usize> Write for Capped<'_, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            // A record of the log is one line.
            let character = if character == '\n' { ' ' } else { character };
            self.0.push(character).map_err(|_| fmt::Error)?;
        }
        Ok(())
    }
}

/// Formats a line into a buffer, cut where it is full.
pub(crate) fn capped<const N: usize>(text: fmt::Arguments<'_>) -> String<N> {
    let mut line = String::new();
    let _ = write!(Capped(&mut line), "{text}");
    line
}

/// Says a detail: kernel's log only.
macro_rules! detail {
    ($($text:tt)*) => { $crate::log::say($crate::log::Level::Detail, format_args!($($text)*)) };
}
/// Says a line on the consoles too.
macro_rules! notice {
    ($($text:tt)*) => { $crate::log::say($crate::log::Level::Notice, format_args!($($text)*)) };
}
/// Says what is wrong.
macro_rules! problem {
    ($($text:tt)*) => { $crate::log::say($crate::log::Level::Problem, format_args!($($text)*)) };
}
pub(crate) use {detail, notice, problem};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_and_stays_one() {
        let line: String<10> = capped(format_args!("{}", "one\ntwo three"));
        assert_eq!(line, "one two th");
    }

    #[test]
    fn says_nothing_before_there_is_a_voice() {
        detail!("nobody hears {}", 1);
    }
}
