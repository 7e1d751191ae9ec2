//! `rounds`: ten commands at once, on one router. Each ends, with an answer that it may give; the router is then as the last command
//! says, and the part that stays has lost no packet.

use std::path::PathBuf;
use std::process::{Child, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segbox_vm::Chance;

use super::bed::{Bed, said, words};
use super::campaign::{Campaign, Place, Work};
use super::series::{KINDS, variant};
use super::whole::Whole;
use crate::failure::Failure;

pub(super) const ROUNDS: Campaign = Campaign {
    name: "rounds",
    what: "ten commands at once on one router, of all kinds: none hangs or fails for another reason than that the router is busy, and \
           SIDs that stay lose no packet",
    unit: "rounds of ten",
    goal: 1_000,
    short: Some(4),
    prepare: |place| Ok(Box::new(Rounds::new(place)?)),
};

const AT_ONCE: usize = 10;
const FILES: usize = 4;
/// Packets per second through what stays.
const RATE: u32 = 1_000;
/// A command waits 10 s for the one that changes the router, and ten of them share a machine with others.
const PATIENCE: Duration = Duration::from_secs(120);

struct Rounds {
    bed: Bed,
    files: Vec<PathBuf>,
    whole: Whole,
}

impl Rounds {
    fn new(place: &Place) -> Result<Self, Failure> {
        let bed = Bed::new(&place.segbox)?;
        let files: Vec<_> = (0..FILES).map(|number| bed.file(&format!("{number}.toml"), variant(number))).collect();
        let whole = Whole::learn(&bed, &files)?;
        Ok(Self { bed, files, whole })
    }

    /// Arguments of a command, drawn.
    fn command(&self, chance: &mut Chance, with_clear: bool) -> Vec<String> {
        let file = chance.pick(&self.files).display().to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match chance.below(if with_clear { 11 } else { 10 }) {
            0..4 => words(&["apply", &file]),
            4 => words(&["apply", &file, "--confirm", "10m"]),
            5 => words(&["confirm"]),
            6 => words(&["plan", &file]),
            7 => words(&["status", "--json"]),
            8 => words(&["observe"]),
            9 => words(&["check", &file]),
            _ => words(&["clear"]),
        }
    }

    fn round(&mut self, commands: &[Vec<String>], last: usize) -> Result<(), String> {
        let start = |arguments: &Vec<String>| {
            let mut command = self.bed.segbox();
            let child = command.args(arguments).spawn().map_err(|error| error.to_string())?;
            Ok((words(&command), child))
        };
        let running: Vec<(String, Child)> = commands.iter().map(start).collect::<Result<_, String>>()?;
        for (what, child) in running {
            let output = ends(child).map_err(|why| format!("{what}: {why}"))?;
            if !may_end_so(&what, &output) {
                return Err(format!("{what}: {}", said(&output)));
            }
        }
        self.bed.confirm()?;
        let file = self.files[last].as_os_str();
        self.bed.ok(["apply".as_ref(), file])?;
        self.whole.is_right(&self.bed, &self.files, last)
    }
}

/// Waits for a command's end.
fn ends(child: Child) -> Result<Output, String> {
    let id = child.id();
    let (send, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match ended.recv_timeout(PATIENCE) {
        Ok(output) => output.map_err(|error| error.to_string()),
        Err(_) => {
            let stuck = std::fs::read_to_string(format!("/proc/{id}/stack")).unwrap_or_default();
            if let Some(id) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
                // One that has ended meanwhile is as good.
                let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            }
            Err(format!("it does not end within {PATIENCE:?}\n{stuck}"))
        }
    }
}

/// Whether this is an end that the command may have while others change the router.
fn may_end_so(what: &str, output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => true,
        // There are steps; something deviates.
        Some(2) => what.contains(" plan "),
        Some(3) => what.contains(" status "),
        Some(1) => {
            let busy = [
                "another segbox is changing this router",
                "is waiting for confirmation",
                "too late: the change was undone",
            ];
            busy.iter().any(|words| text.contains(words))
        }
        _ => false,
    }
}

impl Work for Rounds {
    fn case(&mut self, _: u64, chance: &mut Chance) -> Result<u64, String> {
        let with_clear = chance.once_in(5);
        let commands: Vec<_> = (0..AT_ONCE).map(|_| self.command(chance, with_clear)).collect();
        let last = chance.below(self.files.len());
        let tester = Arc::clone(&self.bed.tester);
        let begin = Instant::now();
        let result = if commands.iter().any(|command| command[0] == "clear") {
            self.round(&commands, last)
        } else {
            let (result, passed) = tester.during(&KINDS, RATE, || self.round(&commands, last));
            result.and_then(|()| passed.is_whole())
        };
        let result = result.and_then(|()| self.bed.is_unguarded());
        let all: Vec<String> = commands.iter().map(|command| command.join(" ")).collect();
        result.map(|()| 1).map_err(|why| format!("after {:.0?}, of {}: {why}", begin.elapsed(), all.join("; ")))
    }
}
