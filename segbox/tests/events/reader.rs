//! A `segbox events` that runs beside the test, and its output so far.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use segbox_lab::Namespace;
use serde_json::Value;

use crate::support::segbox::SEGBOX;

/// Time limit for each wait, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Lines = Arc<Mutex<Vec<String>>>;

/// The process; killed when dropped.
pub(crate) struct Reader {
    child: Child,
    out: Lines,
    err: Lines,
    listeners: Vec<JoinHandle<()>>,
}

impl Reader {
    /// Starts it, and waits until it reads events.
    pub(crate) fn new(namespace: &Namespace, words: &[&str]) -> Self {
        let mut reader = Self::start(namespace, words);
        reader.hears(|err| err.contains(" reports"));
        reader
    }

    /// Starts it.
    pub(crate) fn start(namespace: &Namespace, words: &[&str]) -> Self {
        let mut command = namespace.command(SEGBOX).expect("the namespace is there");
        command.arg("events").args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("segbox starts");
        let (out, err) = (Lines::default(), Lines::default());
        let listeners = vec![
            listen(child.stdout.take().expect("a pipe"), &out),
            listen(child.stderr.take().expect("a pipe"), &err),
        ];
        Self { child, out, err, listeners }
    }

    /// Waits for text on its standard error.
    pub(crate) fn hears(&mut self, wanted: impl Fn(&str) -> bool) {
        self.until(|reader| wanted(&reader.err()));
    }

    /// Waits for this number of JSON lines.
    pub(crate) fn events(&mut self, count: usize) -> Vec<Value> {
        self.until(|reader| reader.out.lock().expect("no listener panics").len() >= count);
        self.json()
    }

    /// The JSON lines so far.
    pub(crate) fn json(&self) -> Vec<Value> {
        let out = self.out.lock().expect("no listener panics");
        out.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in: {line}"))).collect()
    }

    pub(crate) fn err(&self) -> String {
        self.err.lock().expect("no listener panics").join("\n")
    }

    pub(crate) fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !done(self) {
            let out = self.out.lock().expect("no listener panics").join("\n");
            assert!(begin.elapsed() < PATIENCE, "it has said only:\n{out}\n{}", self.err());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_child(&self.child);
        kill_process(process, signal).expect("it runs");
    }

    /// Waits until it has ended and all its output is read; returns its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let status = ends(&mut self.child).unwrap_or_else(|| panic!("it does not end: {}", self.err()));
        self.listeners.drain(..).for_each(|listener| listener.join().expect("no listener panics"));
        status.code()
    }
}

/// Waits until a process ends; kills it after the time limit.
pub(crate) fn ends(child: &mut Child) -> Option<ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    None
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn listen(pipe: impl Read + Send + 'static, lines: &Lines) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lines.lock().expect("no listener panics").push(line);
        }
    })
}
