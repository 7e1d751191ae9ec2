//! Starts jobs as soon as what they need is done and nothing runs that they must not run beside. Decides no job's result.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::board::Board;
use super::job::Job;
use super::table::Beside;
use super::verdict::{Done, Ended};
use crate::failure::Failure;
use crate::process;

/// Jobs at the same time. More processors do not make it more: the tests have been together in pairs only.
const SLOTS: usize = 2;
const TICK: Duration = Duration::from_secs(1);

enum Event {
    /// A job has written a line.
    Line(String, String),
    Ended(Done),
}

/// What limits others while a job runs.
struct Running {
    name: String,
    beside: Beside,
    slots: usize,
}

/// Runs all jobs; returns them in the order in which they ended. Those that could not start are among them.
pub(super) fn run(jobs: Vec<Job>, board: &mut Board, logs: &Path) -> Result<Vec<Done>, Failure> {
    fs::create_dir_all(logs).map_err(|error| Failure::file("create", logs, &error))?;
    let names: BTreeSet<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let (mut waiting, mut running, mut done) = (jobs, Vec::<Running>::new(), Vec::<Done>::new());
    let (send, events) = channel();
    loop {
        while let Some(place) = waiting.iter().position(|job| is_hopeless(job, &done)) {
            let job = waiting.remove(place);
            let missing = job.needs.iter().find(|need| has_failed(need, &done)).copied().unwrap_or_default();
            let ended = Done { name: job.name, is_tests: job.is_tests, ended: Ended::NotStarted(missing) };
            board.ended(&ended);
            done.push(ended);
        }
        while let Some(place) = waiting.iter().position(|job| may_start(job, &names, &running, &done)) {
            let job = waiting.remove(place);
            running.push(Running { name: job.name.clone(), beside: job.beside, slots: slots(&job) });
            board.started(&job.name);
            let log = logs.join(format!("{}.log", job.name.replace('/', "-")));
            start(job, log, send.clone());
        }
        if running.is_empty() {
            return Ok(done);
        }
        match events.recv_timeout(TICK) {
            Ok(Event::Line(name, line)) => board.line(&name, &line),
            Ok(Event::Ended(ended)) => {
                running.retain(|running| running.name != ended.name);
                board.ended(&ended);
                done.push(ended);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("this function holds a sender"),
        }
        board.tick();
    }
}

fn has_failed(name: &str, done: &[Done]) -> bool {
    done.iter().any(|done| done.name == name && !done.ended.is_success())
}

fn is_hopeless(job: &Job, done: &[Done]) -> bool {
    job.needs.iter().any(|need| has_failed(need, done))
}

fn slots(job: &Job) -> usize {
    if job.is_wide || job.beside == Beside::Nothing { SLOTS } else { 1 }
}

fn may_start(job: &Job, names: &BTreeSet<String>, running: &[Running], done: &[Done]) -> bool {
    let is_ready = |need: &&str| !names.contains(*need) || done.iter().any(|done| done.name == **need);
    let taken: usize = running.iter().map(|running| running.slots).sum();
    let is_machine = |beside| beside == Beside::NoMachine;
    let has_machine = running.iter().any(|running| is_machine(running.beside));
    job.needs.iter().all(is_ready) && taken + slots(job) <= SLOTS && !(is_machine(job.beside) && has_machine)
}

/// Runs a job on a thread. The same thread starts and awaits the command, which is told to end when that thread does.
fn start(job: Job, log: PathBuf, events: Sender<Event>) {
    thread::spawn(move || {
        let (name, is_tests, begin) = (job.name.clone(), job.is_tests, Instant::now());
        let ended = match (job.make)().and_then(|command| attend(command, &name, &log, &events)) {
            Ok((is_success, output)) => {
                if is_success {
                    (job.then)(&output.plain);
                }
                Ended::Ran { is_success, lines: output.all, took: begin.elapsed() }
            }
            Err(failure) => Ended::Ran { is_success: false, lines: vec![failure.to_string()], took: begin.elapsed() },
        };
        // The receiver is gone only when the run is.
        let _ = events.send(Event::Ended(Done { name, is_tests, ended }));
    });
}

/// What a command has written.
#[derive(Default)]
struct Output {
    /// Its standard output.
    plain: Vec<String>,
    /// That and its standard error, in the order in which they came.
    all: Vec<String>,
}

fn attend(mut command: Command, name: &str, log: &Path, events: &Sender<Event>) -> Result<(bool, Output), Failure> {
    let log = File::create(log).map_err(|error| Failure::file("write", log, &error))?;
    let fault = |error: std::io::Error| Failure::new(format!("cannot run {name}"), error.to_string(), "report this");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process::ends_with_us(&mut command).spawn().map_err(fault)?;
    let kept = Arc::new(Mutex::new((Output::default(), log)));
    let reader = |stream: Option<Box<dyn Read + Send>>, is_plain: bool| {
        let (kept, events, name) = (Arc::clone(&kept), events.clone(), name.to_owned());
        let stream = stream.expect("both are piped");
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let (output, log) = &mut *kept;
                // A log that cannot be written is no reason to fail a test.
                let _ = writeln!(log, "{line}");
                if is_plain {
                    output.plain.push(line.clone());
                }
                output.all.push(line.clone());
                drop(kept);
                let _ = events.send(Event::Line(name.clone(), line));
            }
        })
    };
    let plain = child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>);
    let errors = child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>);
    let readers = [reader(plain, true), reader(errors, false)];
    let status = child.wait().map_err(fault)?;
    for reader in readers {
        drop(reader.join());
    }
    let mut output = std::mem::take(&mut kept.lock().unwrap_or_else(PoisonError::into_inner).0);
    if !status.success() {
        // A command that a signal ended has not said why.
        output.all.push(format!("{name} ended: {status}"));
    }
    Ok((status.success(), output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeping(name: &str, needs: &[&'static str], beside: Beside, script: &'static str) -> Job {
        let make = move || {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Ok(command)
        };
        Job { beside, ..Job::stage(name, needs, Box::new(make)) }
    }

    #[test]
    fn what_needs_a_failed_job_is_not_started_and_the_rest_is() {
        let jobs = vec![
            sleeping("broken", &[], Beside::Anything, "kill -TERM $$"),
            sleeping("needs it", &["broken"], Beside::Anything, "true"),
            sleeping("needs that", &["needs it"], Beside::Anything, "true"),
            sleeping("fine", &["of another run"], Beside::Nothing, "echo out; echo err >&2"),
        ];
        let logs = tempfile::tempdir().expect("a folder");
        let done = run(jobs, &mut Board::new(4), logs.path()).expect("a folder for logs");
        let told: Vec<_> = done.iter().map(|done| (done.name.as_str(), done.ended.is_success())).collect();
        assert_eq!(told, [("broken", false), ("needs it", false), ("needs that", false), ("fine", true)]);
        let Ended::Ran { lines, .. } = &done[0].ended else { panic!("it ran") };
        assert_eq!(lines, &["broken ended: signal: 15 (SIGTERM)"]);
        let Ended::Ran { lines, .. } = &done[3].ended else { panic!("it ran") };
        assert!(lines.contains(&"out".to_owned()) && lines.contains(&"err".to_owned()), "{lines:?}");
    }

    #[test]
    fn only_what_may_runs_beside() {
        let running = |beside, slots| vec![Running { name: "first".to_owned(), beside, slots }];
        let may = |job: &Job, running: &[Running]| may_start(job, &BTreeSet::new(), running, &[]);
        let [any, machine, alone] = [Beside::Anything, Beside::NoMachine, Beside::Nothing]
            .map(|beside| sleeping("second", &[], beside, "true"));
        assert!(may(&any, &running(Beside::NoMachine, 1)) && may(&machine, &running(Beside::Anything, 1)));
        assert!(!may(&machine, &running(Beside::NoMachine, 1)), "two machines");
        assert!(!may(&alone, &running(Beside::Anything, 1)) && !may(&any, &running(Beside::Nothing, SLOTS)));
        let wide = Job { is_wide: true, ..sleeping("wide", &[], Beside::Anything, "true") };
        assert!(!may(&wide, &running(Beside::Anything, 1)) && may(&wide, &[]));
    }
}
