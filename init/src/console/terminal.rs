//! A terminal: opened as the controlling terminal, with two ways of reading (a key or a line), and programs that run in its
//! foreground. The kernel does the line editing (backspace, Ctrl-U, Ctrl-W). Nothing is faster at 115200 baud, and it needs no
//! code here.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, ioctl_tiocsctty, setsid};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr, tcsetpgrp,
};

/// Ctrl-C.
const INTERRUPT: u8 = 3;
/// Ctrl-D.
const END: u8 = 4;

/// The terminal of this process.
pub(crate) struct Terminal {
    device: OwnedFd,
    lines: Termios,
    keys: Termios,
}

/// The input of the user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C: the user gives up.
    Interrupted,
    /// Ctrl-D on an empty line, or no input until the time limit.
    Nothing,
}

impl Terminal {
    /// Opens it as the controlling terminal and as standard input, output and error.
    pub(crate) fn open(name: &str) -> io::Result<Self> {
        // A process that already leads a session keeps it.
        let _ = setsid();
        let path = format!("/dev/{name}");
        let device = open(&*path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        // The terminal may still belong to the session of an ended process.
        let _ = ioctl_tiocsctty(&device);
        rustix::stdio::dup2_stdin(&device)?;
        rustix::stdio::dup2_stdout(&device)?;
        rustix::stdio::dup2_stderr(&device)?;
        block_background_stop();
        let mut lines = tcgetattr(&device)?;
        lines.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK;
        // Signals are off while we read: Ctrl-C ends the line instead, and we see it.
        lines.local_modes &= !LocalModes::ISIG;
        lines.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        let mut keys = lines.clone();
        keys.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
        Ok(Self { device, lines, keys })
    }

    /// Writes text unchanged.
    pub(crate) fn put(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Waits for a key up to a time limit. True if one was pressed; other typed input is dropped.
    pub(crate) fn key(&self, limit: Duration) -> io::Result<bool> {
        self.set(&self.keys)?;
        if !self.comes(limit)? {
            return Ok(false);
        }
        let mut byte = [0; 16];
        if rustix::io::read(&self.device, &mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.forget_input()?;
        Ok(true)
    }

    /// Reads a line. Invalid UTF-8 (line noise) is replaced.
    pub(crate) fn line(&self, limit: Duration) -> io::Result<Typed> {
        self.set(&self.lines)?;
        self.next_line(limit)
    }

    fn next_line(&self, limit: Duration) -> io::Result<Typed> {
        if !self.comes(limit)? {
            return Ok(Typed::Nothing);
        }
        // A canonical line has at most 4096 bytes (N_TTY_BUF_SIZE).
        let mut buffer = [0; 4096];
        let length = rustix::io::read(&self.device, &mut buffer)?;
        Ok(typed(&buffer[..length]))
    }

    /// Reads a line that the terminal does not show.
    pub(crate) fn secret(&self, limit: Duration) -> io::Result<Typed> {
        self.take_secrets()?;
        self.next_line(limit)
    }

    /// Switches to the mode of [`Terminal::secret`].
    pub(crate) fn take_secrets(&self) -> io::Result<()> {
        let mut modes = self.lines.clone();
        modes.local_modes &= !(LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK);
        self.set(&modes)
    }

    /// Drops what is typed and not yet read.
    pub(crate) fn forget_input(&self) -> io::Result<()> {
        Ok(tcflush(&self.device, rustix::termios::QueueSelector::IFlush)?)
    }

    /// Switches to line mode, as [`Terminal::line`] needs it.
    pub(crate) fn take_lines(&self) -> io::Result<()> {
        self.set(&self.lines)
    }

    fn set(&self, modes: &Termios) -> io::Result<()> {
        // Keep pending input for the next mode: a paste must not lose a byte.
        Ok(tcsetattr(&self.device, OptionalActions::Now, modes)?)
    }

    fn comes(&self, limit: Duration) -> io::Result<bool> {
        let timeout = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: i64::from(limit.subsec_nanos()) };
        let mut waiting = [PollFd::from_borrowed_fd(self.device.as_fd(), PollFlags::IN)];
        match poll(&mut waiting, Some(&timeout)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Runs a command of segbox in the foreground: Ctrl-C ends the command, not this process.
    pub(crate) fn run(&self, arguments: &[&str]) -> io::Result<ExitStatus> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("segbox").args(arguments);
        self.run_in_foreground(command)
    }

    /// The same for another program.
    pub(crate) fn run_in_foreground(&self, mut command: Command) -> io::Result<ExitStatus> {
        let mut modes = self.lines.clone();
        modes.local_modes |= LocalModes::ISIG;
        self.set(&modes)?;
        let mut child = command.env("TERM", "linux").process_group(0).spawn()?;
        let group = Pid::from_raw(child.id().cast_signed());
        self.foreground(group);
        let status = child.wait();
        self.foreground(Some(rustix::process::getpid()));
        // The echo of Ctrl-C does not end the line.
        if let Ok(status) = &status
            && status.signal() == Some(rustix::process::Signal::INT.as_raw())
        {
            self.put("\n")?;
        }
        status
    }

    fn foreground(&self, group: Option<Pid>) {
        // A child that has already ended has no process group.
        if let Some(group) = group {
            let _ = tcsetpgrp(&self.device, group);
        }
    }
}

/// A background process that takes the foreground back would be stopped (SIGTTOU).
fn block_background_stop() {
    use nix::sys::signal::{SigSet, Signal};
    let set: SigSet = [Signal::SIGTTOU].into_iter().collect();
    let _ = set.thread_block();
}

fn typed(bytes: &[u8]) -> Typed {
    match bytes {
        [] => Typed::Nothing,
        [.., INTERRUPT] => Typed::Interrupted,
        bytes => {
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let text = String::from_utf8_lossy(bytes.strip_suffix(&[END]).unwrap_or(bytes)).into_owned();
            Typed::Line(text.trim_end_matches('\r').to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_line_from_a_change_of_mind() {
        assert_eq!(typed(b"status\n"), Typed::Line("status".into()));
        assert_eq!(typed(b"half a wo\x03"), Typed::Interrupted);
        assert_eq!(typed(b""), Typed::Nothing);
        assert_eq!(typed(b"\xff\n"), Typed::Line("\u{fffd}".into()));
    }
}
