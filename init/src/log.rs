//! PID 1's log lines: each goes to the kernel's log and to every console. Allocates no memory. A line waits while another process
//! writes to the console, but only briefly: a stuck terminal must not stop a boot. Not here: the console's screen and command
//! line.

use std::fmt::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heapless::{String, Vec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

/// Maximum bytes of a line. The kernel's log accepts 1024 (kernel/printk/printk.c, PRINTKRB_RECORD_MAX), a screen shows 80 per
/// row.
const LINE: usize = 480;
/// Maximum number of consoles that PID 1 writes to. A fifth console stays silent until its status screen starts.
const CONSOLES: usize = 4;
/// The longest wait of one line. In that time a console at 115200 baud prints 2300 characters of another process.
const TURN: Duration = Duration::from_millis(200);
/// The longest total wait of successive lines. One part in `REFILL` of the elapsed time is added again.
const BUDGET: Duration = Duration::from_secs(1);
const REFILL: u64 = 10;

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// To the kernel's log only (KERN_INFO).
    Detail,
    /// To the consoles too (KERN_NOTICE).
    Notice,
    /// A problem (KERN_WARNING).
    Problem,
    /// The box is about to go down (KERN_EMERG): the kernel itself prints the line on every console.
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

/// The open destinations of lines.
struct Voice {
    kmsg: Option<OwnedFd>,
    consoles: Vec<OwnedFd, CONSOLES>,
    patience: Patience,
}

static VOICE: OnceLock<Voice> = OnceLock::new();

/// Opens the kernel's log and the consoles. Before /dev and /sys are mounted there is nothing to open.
pub(crate) fn open_all() {
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let kmsg = open(c"/dev/kmsg", flags, Mode::empty()).ok();
    let mut consoles = Vec::new();
    let mut buffer = [0; 128];
    for name in active_consoles(&mut buffer) {
        let mut path = String::<64>::new();
        // Console names come from the kernel (tty0, ttyS0, hvc0), so they fit.
        if write!(path, "/dev/{name}\0").is_ok()
            && let Ok(path) = std::ffi::CStr::from_bytes_with_nul(path.as_bytes())
            && let Ok(console) = open(path, flags, Mode::empty())
        {
            drop(consoles.push(console));
        }
    }
    // A second call can only be a mistake; the first result is as good.
    drop(VOICE.set(Voice { kmsg, consoles, patience: Patience::new() }));
}

/// The names of the consoles that the kernel writes to, in the kernel's order: `tty0 ttyS0`.
pub(crate) fn active_consoles(buffer: &mut [u8]) -> impl Iterator<Item = &str> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let length = open(c"/sys/class/tty/console/active", flags, Mode::empty())
        .and_then(|file| rustix::io::read(&file, &mut *buffer))
        .unwrap_or(0);
    std::str::from_utf8(&buffer[..length]).unwrap_or_default().split_ascii_whitespace()
}

/// Logs a line.
pub(crate) fn say(level: Level, text: fmt::Arguments<'_>) {
    let Some(voice) = VOICE.get() else { return };
    let mut line = String::<LINE>::new();
    // A line that is too long is cut.
    let _ = write!(Capped(&mut line), "{}segbox: {text}", level.kernel_prefix());
    // Without its end, readers of the kernel's log would see the line only after the next one (kernel/printk/printk.c, vprintk_store).
    while line.push('\n').is_err() {
        line.pop();
    }
    if let Some(kmsg) = &voice.kmsg {
        let _ = rustix::io::write(kmsg, line.as_bytes());
    }
    if matches!(level, Level::Notice | Level::Problem) {
        // A single write, so that the output of a command on the console is not mixed into the line.
        let body = &line.as_bytes()[level.kernel_prefix().len()..];
        let waited = write_in_turn(&voice.consoles, body, voice.patience.left().min(TURN));
        voice.patience.spend(waited);
    }
}

/// Writes a line to every console. Waits up to `patience` for those that are busy. Returns the time that it waited.
///
/// The kernel refuses a write with EAGAIN while another process writes to that terminal (drivers/tty/tty_io.c, tty_write_lock).
fn write_in_turn(consoles: &[OwnedFd], line: &[u8], patience: Duration) -> Duration {
    let mut rest: Vec<(BorrowedFd<'_>, &[u8]), CONSOLES> =
        consoles.iter().map(|console| (console.as_fd(), line)).collect();
    let mut begin = None;
    loop {
        rest.retain_mut(|(console, line)| match rustix::io::write(*console, line) {
            Ok(written) => {
                *line = line.get(written..).unwrap_or_default();
                !line.is_empty()
            }
            Err(errno) => matches!(errno, Errno::AGAIN | Errno::INTR),
        });
        if rest.is_empty() && begin.is_none() {
            return Duration::ZERO;
        }
        let waited = begin.get_or_insert_with(Instant::now).elapsed();
        let left = patience.saturating_sub(waited);
        if rest.is_empty() || left.is_zero() {
            return waited;
        }
        let mut turns: Vec<PollFd<'_>, CONSOLES> =
            rest.iter().map(|(console, _)| PollFd::from_borrowed_fd(*console, PollFlags::OUT)).collect();
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
        // After a signal, try again.
        let _ = poll(&mut turns, Some(&timeout));
    }
}

/// How long lines may still wait.
struct Patience {
    begin: Instant,
    /// Microseconds after `begin` at which the whole budget is available again.
    whole_at: AtomicU64,
}

impl Patience {
    fn new() -> Self {
        Self { begin: Instant::now(), whole_at: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn left(&self) -> Duration {
        let missing = self.whole_at.load(Ordering::Relaxed).saturating_sub(self.now()) / REFILL;
        BUDGET.saturating_sub(Duration::from_micros(missing))
    }

    fn spend(&self, waited: Duration) {
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        if waited > 0 {
            let from = self.whole_at.load(Ordering::Relaxed).max(self.now());
            self.whole_at.store(from.saturating_add(waited.saturating_mul(REFILL)), Ordering::Relaxed);
        }
    }
}

/// Cuts text that does not fit, where heapless would reject the whole piece.
struct Capped<'a, const N: usize>(&'a mut String<N>);

impl<const N: usize> Write for Capped<'_, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            // A record of the log is one line.
            let character = if character == '\n' { ' ' } else { character };
            for shown in segbox_config::visible::shown(character) {
                self.0.push(shown).map_err(|_| fmt::Error)?;
            }
        }
        Ok(())
    }
}

/// Formats a line into a buffer, and cuts it when the buffer is full.
pub(crate) fn capped<const N: usize>(text: fmt::Arguments<'_>) -> String<N> {
    let mut line = String::new();
    let _ = write!(Capped(&mut line), "{text}");
    line
}

/// Logs a detail: to the kernel's log only.
macro_rules! detail {
    ($($text:tt)*) => { $crate::log::say($crate::log::Level::Detail, format_args!($($text)*)) };
}
/// Logs a line to the consoles too.
macro_rules! notice {
    ($($text:tt)*) => { $crate::log::say($crate::log::Level::Notice, format_args!($($text)*)) };
}
/// Logs a problem.
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
        let line: String<40> = capped(format_args!("eth0 is {}", "\u{1b}[2Jgone"));
        assert_eq!(line, "eth0 is \\u{1b}[2Jgone");
    }

    #[test]
    fn logs_nothing_before_it_is_opened() {
        detail!("not logged {}", 1);
    }

    /// A full console, and the reading end of its pipe.
    fn full() -> (OwnedFd, OwnedFd, usize) {
        let (from, to) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).expect("a pipe");
        let mut length = 0;
        while let Ok(written) = rustix::io::write(&to, &[b'.'; 4096]) {
            length += written;
        }
        (from, to, length)
    }

    #[test]
    fn a_line_waits_for_a_busy_console_and_the_others_have_it_at_once() {
        let (busy, to_busy, mut before) = full();
        let (free, to_free) = rustix::pipe::pipe().expect("a pipe");
        let reader = std::thread::spawn(move || {
            let mut text = [0; 5];
            rustix::io::read(&free, &mut text).expect("a line");
            // Only now the other process has finished its text.
            let mut piece = [0; 4096];
            while before > 0 {
                before -= rustix::io::read(&busy, &mut piece).expect("what was there");
            }
            let mut later = [0; 5];
            while rustix::io::read(&busy, &mut later) == Err(Errno::AGAIN) {
                std::thread::sleep(Duration::from_millis(1));
            }
            (text, later)
        });
        let waited = write_in_turn(&[to_busy, to_free], b"line\n", Duration::from_secs(60));
        assert!(waited > Duration::ZERO && waited < Duration::from_secs(60), "{waited:?}");
        assert_eq!(reader.join().expect("it reads"), (*b"line\n", *b"line\n"));
    }

    #[test]
    fn a_stuck_console_is_waited_for_within_the_budget_and_then_no_longer() {
        let (_stuck, console, _) = full();
        let patience = Patience::new();
        let consoles = [console];
        let begin = Instant::now();
        let mut lines = 0;
        // On a busy machine some time passes between two lines, which adds to the budget.
        while patience.left() > Duration::from_millis(20) {
            let turn = patience.left().min(TURN);
            let waited = write_in_turn(&consoles, b"line\n", turn);
            assert!(waited >= turn, "{waited:?} of {turn:?}");
            patience.spend(waited);
            lines += 1;
            assert!(lines < 100, "{:?} for {lines} lines", begin.elapsed());
        }
        assert!(lines >= 5 && begin.elapsed() >= BUDGET - TURN, "{:?} for {lines} lines", begin.elapsed());
        // Only the passing of time restores the budget.
        let left = patience.left();
        std::thread::sleep(Duration::from_millis(100));
        assert!(patience.left() > left);
    }

    #[test]
    fn a_console_that_is_gone_is_not_waited_for() {
        let (from, to) = rustix::pipe::pipe().expect("a pipe");
        drop(from);
        assert_eq!(write_in_turn(&[to], b"line\n", TURN), Duration::ZERO);
    }
}
