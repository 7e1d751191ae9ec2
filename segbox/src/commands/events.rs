//! `segbox events`: prints the reports of programs as they arrive.
//!
//! Standard output has one line per event, and a line with the number of lost events when some were lost. All other messages
//! (which programs are read, which were replaced, the total at the end) go to standard error.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstyle::Style;
use jiff::Timestamp;
use miette::{IntoDiagnostic, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, DynamicClockId, clock_gettime, clock_gettime_dynamic};
use segbox_config::visible::visible_json;
use segbox_router::events::{Reporter, ReporterChange, Reports};

use super::OK;
use crate::text::event::{Clocks, Record, head};
use crate::text::output::{BAD, FAINT, HEAD, count, notice, styled, write};

/// The arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Events {
    /// Show only the reports of this program.
    program: Option<String>,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
    /// Stop after this many reports.
    #[arg(long, value_name = "NUMBER")]
    count: Option<NonZeroU64>,
}

/// Interval between two checks for new programs and lost events. It is short enough after an `apply`, and costs a few system
/// calls.
const LOOK: Duration = Duration::from_millis(500);
/// Most events printed at a time. At 115200 baud they take a second, which is how long Ctrl-C waits at most.
const BATCH: usize = 64;
/// Bytes that a pipe accepts without blocking once poll reports it writable (PIPE_BUF).
const PIECE: usize = 4096;

pub(super) fn run(asked: Events) -> Result<ExitCode> {
    // Signals are blocked before anything is opened: from here on they are read from the descriptor.
    let stop = signals().into_diagnostic()?;
    let mut reports = Reports::open("events", asked.program)?;
    let mut teller = Teller { json: asked.json, left: asked.count.map(NonZeroU64::get), ..Teller::default() };
    reports.reporters.iter().for_each(begin);
    let ended = read(&mut reports, &mut teller, &stop)?;
    for reporter in &mut reports.reporters {
        teller.count_lost(reporter)?;
    }
    if ended == Ended::Unheard || teller.flush(&stop)? == Some(Ended::Unheard) {
        return Ok(OK);
    }
    // The terminal's echo of Ctrl-C does not end the line.
    let lead = if ended == Ended::Signal && rustix::termios::isatty(io::stderr()) { "\n" } else { "" };
    notice(&format!("{lead}{}, {} lost", count(teller.printed, "event"), teller.lost));
    Ok(OK)
}

/// Why reading ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// Ctrl-C or another signal that ends the command.
    Signal,
    /// The number of reports that `--count` asks for has been printed.
    Enough,
    /// The reader of our standard output is gone.
    Unheard,
}

fn read(reports: &mut Reports, teller: &mut Teller, stop: &SignalFd) -> Result<Ended> {
    let mut looked = Instant::now();
    loop {
        let look = looked.elapsed() >= LOOK;
        let mut news = Vec::new();
        if look {
            looked = Instant::now();
            // Checked before the last records of ended programs are read, so that no record is missed.
            news = reports.follow()?;
        }
        let mut more = false;
        for reporter in &mut reports.reporters {
            more |= teller.take(reporter);
            if look || reporter.ended {
                teller.count_lost(reporter)?;
            }
        }
        if let Some(ended) = teller.flush(stop)? {
            return Ok(ended);
        }
        if teller.left == Some(0) {
            return Ok(Ended::Enough);
        }
        tell(&news, reports);
        if !more {
            reports.drop_ended();
        }
        let wait = if more { Duration::ZERO } else { LOOK.saturating_sub(looked.elapsed()) };
        if let Some(ended) = sleep(reports, stop, wait).into_diagnostic()? {
            return Ok(ended);
        }
    }
}

/// Waits for a record or for the end.
fn sleep(reports: &Reports, stop: &SignalFd, wait: Duration) -> io::Result<Option<Ended>> {
    let stdout = io::stdout();
    // No events are requested of standard output: poll always reports a closed reader.
    let mut polled =
        vec![PollFd::new(stop, PollFlags::IN), PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::empty())];
    polled.extend(reports.reporters.iter().map(|reporter| PollFd::new(&reporter.events, PollFlags::IN)));
    let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut polled, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    if !polled[0].revents().is_empty() {
        return Ok(Some(Ended::Signal));
    }
    Ok((!polled[1].revents().is_empty()).then_some(Ended::Unheard))
}

/// Waits until standard output is writable or a signal arrives.
fn writable(stop: &SignalFd) -> io::Result<Option<Ended>> {
    let stdout = io::stdout();
    loop {
        let mut polled = [PollFd::new(stop, PollFlags::IN), PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::OUT)];
        match poll(&mut polled, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        // Write what can be written even if a signal is waiting.
        if !polled[1].revents().is_empty() {
            return Ok(None);
        }
        if !polled[0].revents().is_empty() {
            return Ok(Some(Ended::Signal));
        }
    }
}

fn signals() -> nix::Result<SignalFd> {
    let set = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn begin(reporter: &Reporter) {
    let before = match reporter.lost_before() {
        0 => String::new(),
        lost => format!("; {lost} were lost earlier because no process read them"),
    };
    notice(&format!("{} reports{before}", reporter.events.program()));
}

fn tell(news: &[ReporterChange], reports: &Reports) {
    for piece in news {
        match piece {
            ReporterChange::Reports(name) => {
                reports.reporters.iter().filter(|reporter| reporter.events.program() == name).for_each(begin);
            }
            ReporterChange::Ended(name) => notice(&format!("{name} no longer runs")),
            ReporterChange::Taken(name) => notice(&format!("{name} reports to another process")),
        }
    }
    let waits = reports.reporters.iter().all(|reporter| reporter.ended);
    if waits && !news.is_empty() {
        notice("no program reports now; waiting for the next `apply`");
    }
}

/// Formats records as lines.
#[derive(Default)]
struct Teller {
    json: bool,
    /// How many more events to print; None: no limit.
    left: Option<u64>,
    printed: usize,
    lost: u64,
    lines: String,
    /// Width of the widest text of each program's field so far, so that columns stay aligned.
    widths: HashMap<(String, String), usize>,
}

impl Teller {
    /// Reads up to one batch of records; true if there may be more.
    fn take(&mut self, reporter: &mut Reporter) -> bool {
        let clocks = clocks();
        for _ in 0..BATCH {
            if self.left == Some(0) {
                return false;
            }
            let Some(bytes) = reporter.events.next_record() else { return false };
            let record = Record::read(reporter.events.record(), &bytes, clocks);
            let line =
                if self.json { in_json(&record.json(reporter.name())) } else { self.line(reporter.name(), &record) };
            self.lines += &line;
            self.lines.push('\n');
            self.printed += 1;
            self.left = self.left.map(|left| left - 1);
        }
        true
    }

    fn line(&mut self, program: &str, record: &Record) -> String {
        let mut line = format!("{:.6}  {}", record.time, self.padded(program, "", program, HEAD));
        for (name, text) in record.cells() {
            line += &format!("  {} {}", styled(FAINT, name), self.padded(program, name, &text, Style::new()));
        }
        line.trim_end().to_owned()
    }

    /// A cell, padded to its column.
    fn padded(&mut self, program: &str, field: &str, text: &str, style: Style) -> String {
        let width = text.chars().count();
        // All programs share the first column; fields have columns per program.
        let key =
            if field.is_empty() { (String::new(), String::new()) } else { (program.to_owned(), field.to_owned()) };
        let widest = self.widths.entry(key).or_default();
        *widest = width.max(*widest);
        format!("{}{}", styled(style, text), " ".repeat(*widest - width))
    }

    fn count_lost(&mut self, reporter: &mut Reporter) -> Result<()> {
        let lost = reporter.lost()?;
        if lost == 0 {
            return Ok(());
        }
        self.lost += lost;
        let (time, program) = (Timestamp::now(), reporter.name());
        let line = if self.json {
            let mut json = head(time, program);
            json.insert("lost".to_owned(), lost.into());
            in_json(&serde_json::Value::Object(json))
        } else {
            let program = self.padded(program, "", program, HEAD);
            let cell = styled(BAD, format!("{lost} lost: the ring buffer was full"));
            format!("{time:.6}  {program}  {cell}")
        };
        self.lines += &line;
        self.lines.push('\n');
        Ok(())
    }

    /// Writes the buffered lines. A reader that stops reading does not delay signals.
    fn flush(&mut self, stop: &SignalFd) -> Result<Option<Ended>> {
        let lines = std::mem::take(&mut self.lines);
        let mut rest = lines.as_str();
        while !rest.is_empty() {
            if let Some(ended) = writable(stop).into_diagnostic()? {
                return Ok(Some(ended));
            }
            // Write whole lines only: a style must not be cut in two.
            let most = rest.floor_char_boundary(PIECE);
            let end = rest[..most].rfind('\n').or_else(|| rest.find('\n')).map_or(rest.len(), |at| at + 1);
            match write(&rest[..end]) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Some(Ended::Unheard)),
                written => written.into_diagnostic()?,
            }
            rest = &rest[end..];
        }
        Ok(None)
    }
}

/// One line of JSON.
fn in_json(value: &serde_json::Value) -> String {
    visible_json(&value.to_string()).into_owned()
}

fn clocks() -> Clocks {
    let nanoseconds = |time: Timespec| i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    let now = nanoseconds(clock_gettime(ClockId::Realtime));
    // If the kernel has no CLOCK_TAI (before Linux 3.10), programs cannot read it either.
    let tai = clock_gettime_dynamic(DynamicClockId::Tai).map_or(now, nanoseconds);
    Clocks { now, from_tai: now - tai, from_ktime: now - nanoseconds(clock_gettime(ClockId::Monotonic)) }
}
