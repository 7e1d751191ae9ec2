//! The options for PID 1 on the kernel's command line. Not here: options that other modules read (`boot_source`,
//! `modules::load`, `log`).

use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};

/// Silence after which the watchdog reboots. Longer than any step of a boot under software emulation, and shorter than a person
/// is willing to wait.
const WATCHDOG: Duration = Duration::from_secs(60);
/// PID 1 never works on anything for this long. Below it, a loaded virtual machine might reboot without a reason.
const SHORTEST: u64 = 10;
/// The longest timeout that common hardware supports (iTCO_wdt version 2: 613 s).
const LONGEST: u64 = 600;

/// All options, parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    /// `segbox.failsafe`: use only the built-in configuration.
    pub(crate) failsafe: bool,
    /// `segbox.untried`: the boot loader found no slot with a try left.
    pub(crate) untried: bool,
    /// `segbox.watchdog=30`.
    pub(crate) watchdog: Duration,
    /// `segbox.panic`, `segbox.hang`.
    pub(crate) mishap: Option<Mishap>,
}

/// A deliberate failure, to test that the box recovers and reports the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// PID 1 panics.
    Panic,
    /// PID 1 stops.
    Hang,
}

impl Words {
    /// Parses the options; also returns a line for each invalid one.
    pub(crate) fn read(command_line: &str) -> (Self, Vec<String>) {
        let mut words = Self { failsafe: false, untried: false, watchdog: WATCHDOG, mishap: None };
        let mut senseless = Vec::new();
        for word in command_line.split_ascii_whitespace() {
            match word.split_once('=').unwrap_or((word, "")) {
                // Exact words only: `segbox.failsafe=no` asks for nothing.
                _ if word == "segbox.failsafe" => words.failsafe = true,
                _ if word == "segbox.untried" => words.untried = true,
                ("segbox.panic", _) => words.mishap = Some(Mishap::Panic),
                ("segbox.hang", _) => words.mishap = Some(Mishap::Hang),
                ("segbox.watchdog", number) => {
                    match number.parse().ok().filter(|seconds| (SHORTEST..=LONGEST).contains(seconds)) {
                        Some(seconds) => words.watchdog = Duration::from_secs(seconds),
                        None => senseless.push(format!(
                            "{word} on the kernel's command line is not a number of seconds from {SHORTEST} to {LONGEST}; the watchdog waits {} s",
                            WATCHDOG.as_secs()
                        )),
                    }
                }
                _ => {}
            }
        }
        (words, senseless)
    }
}

/// The whole command line, for steps before memory can be allocated.
pub(crate) struct CommandLine {
    bytes: [u8; 2048],
    length: usize,
}

impl CommandLine {
    /// Reads it; empty if /proc is not there.
    pub(crate) fn read() -> Self {
        let mut bytes = [0; 2048];
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let read = open(c"/proc/cmdline", flags, Mode::empty()).and_then(|file| rustix::io::read(&file, &mut bytes));
        Self { bytes, length: read.unwrap_or(0) }
    }

    /// True unless it asks for the kernel's messages.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.has("loglevel=") && !self.words().any(|word| word == b"debug" || word == b"ignore_loglevel")
    }

    /// Whether a word begins like this.
    pub(crate) fn has(&self, begin: &str) -> bool {
        self.words().any(|word| word.starts_with(begin.as_bytes()))
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes[..self.length].split(u8::is_ascii_whitespace)
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        let mut bytes = [0; 2048];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self { bytes, length: text.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_words_by_their_beginning() {
        let line = CommandLine::of("quiet lockdown=none segbox.slot=a\n");
        assert!(
            line.has("lockdown=")
                && line.has("segbox.slot=a")
                && !line.has("down=")
                && !line.has("module.sig_enforce=")
        );
        assert!(line.is_quiet() && !CommandLine::of("loglevel=7").is_quiet() && !CommandLine::of("debug").is_quiet());
    }

    #[test]
    fn reads_its_own_words_among_the_kernels() {
        let (words, senseless) = Words::read("quiet console=ttyS0,115200 segbox.watchdog=30 segbox.failsafe panic=5");
        assert_eq!((words.failsafe, words.watchdog, words.mishap), (true, Duration::from_secs(30), None));
        assert!(senseless.is_empty());
        assert!(!Words::read("segbox.failsafe=no").0.failsafe);
        assert!(Words::read("quiet segbox.untried").0.untried && !words.untried);
        assert_eq!(Words::read("segbox.hang").0.mishap, Some(Mishap::Hang));
        assert_eq!(Words::read("segbox.panic=1").0.mishap, Some(Mishap::Panic));
    }

    #[test]
    fn an_invalid_watchdog_time_is_reported_and_ignored() {
        for word in
            ["segbox.watchdog", "segbox.watchdog=", "segbox.watchdog=9", "segbox.watchdog=601", "segbox.watchdog=-1"]
        {
            let (words, senseless) = Words::read(word);
            assert_eq!((words.watchdog, senseless.len()), (WATCHDOG, 1), "{word}");
        }
    }
}
