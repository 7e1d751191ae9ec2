//! QEMU's monitor (QMP, one JSON object per line): it presses a board's buttons, moves its cards, and tells of events. Not here:
//! anything inside the machine.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Error;

/// Longest answer of a QEMU whose machine has the processors.
const PATIENCE: Duration = Duration::from_secs(30);
/// QEMU makes its socket when it starts.
const START: Duration = Duration::from_secs(10);

/// A connection to a machine's monitor.
#[derive(Debug)]
pub struct Monitor {
    to: UnixStream,
    from: BufReader<UnixStream>,
    /// A line of which only the beginning has come.
    part: Vec<u8>,
    /// Events that have not been waited for yet.
    events: Vec<Value>,
}

impl Monitor {
    /// Connects, and waits for QEMU as long as it may take to start.
    pub(crate) fn connect(socket: &Path) -> Result<Self, Error> {
        let begin = Instant::now();
        let to = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(_) if begin.elapsed() < START => std::thread::sleep(Duration::from_millis(10)),
                Err(source) => return Err(Error::File { path: socket.to_owned(), source }),
            }
        };
        let from = BufReader::new(to.try_clone().map_err(Error::Monitor)?);
        let mut monitor = Self { to, from, part: Vec::new(), events: Vec::new() };
        // QEMU takes no command before this one.
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Has QEMU do something; gives what it returns.
    ///
    /// # Errors
    /// [`Error::Refused`]: QEMU says no. [`Error::Monitor`]: it has ended, or does not answer.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, Error> {
        let line = json!({ "execute": command, "arguments": arguments }).to_string() + "\n";
        self.to.write_all(line.as_bytes()).map_err(Error::Monitor)?;
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.next(end)?.ok_or_else(|| Error::Monitor(ErrorKind::TimedOut.into()))?;
            if let Some(error) = said.get("error") {
                return Err(Error::Refused { command: command.to_owned(), answer: error.to_string() });
            }
            if let Some(answer) = said.get("return") {
                return Ok(answer.clone());
            }
            self.keep(said);
        }
    }

    /// The same in the words of the monitor for people, which says errors as it says all else.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn type_in(&mut self, line: &str) -> Result<String, Error> {
        let answer = self.execute("human-monitor-command", &json!({ "command-line": line }))?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// Waits for an event of this name that fits; None if it does not come in time.
    ///
    /// # Errors
    /// [`Error::Monitor`]: QEMU has ended before it came.
    pub fn event(
        &mut self,
        name: &str,
        patience: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, Error> {
        let end = Instant::now() + patience;
        loop {
            let found = self.events.iter().position(|event| event["event"] == name && fits(&event["data"]));
            if let Some(at) = found {
                return Ok(Some(self.events.remove(at)["data"].take()));
            }
            match self.next(end)? {
                Some(said) => self.keep(said),
                None => return Ok(None),
            }
        }
    }

    fn keep(&mut self, said: Value) {
        if said.get("event").is_some() {
            self.events.push(said);
        }
    }

    /// The next line; None if none comes until then.
    fn next(&mut self, end: Instant) -> Result<Option<Value>, Error> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.to.set_read_timeout(Some(left)).map_err(Error::Monitor)?;
            match self.from.read_until(b'\n', &mut self.part) {
                Ok(0) => return Err(Error::Monitor(ErrorKind::UnexpectedEof.into())),
                Ok(_) if self.part.ends_with(b"\n") => {
                    let line = std::mem::take(&mut self.part);
                    return serde_json::from_slice(&line).map(Some).map_err(|error| Error::Monitor(error.into()));
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(Error::Monitor(error)),
            }
        }
    }
}
