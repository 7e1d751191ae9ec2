//! `pairs`: two random files, one after the other, on a host with a random state. Whatever ends the second one (a refused step, no
//! confirmation, `clear`), the kernel is as it was before it. Not here: commands that are killed (`kills`).

mod differences;
mod file;
mod host;
mod snapshot;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use segbox_vm::Chance;

use super::bed::said;
use super::campaign::{Campaign, Place, Work};
use crate::failure::Failure;
use differences::differences;
use file::File;
use host::Host;
use snapshot::Snapshot;

pub(super) const PAIRS: Campaign = Campaign {
    name: "pairs",
    what: "two random files on a random host, renames (and VRFs, where the kernel has them) included: after a refused step, an unconfirmed \
           change or `clear` the whole state of the kernel is as before",
    unit: "pairs of files",
    goal: 10_000,
    short: Some(12),
    prepare: |place| Ok(Box::new(Pairs::new(place)?)),
};

/// How many hosts a case tries at once: an unconfirmed change takes a second, and most of it is waiting.
const AT_ONCE: usize = 4;
/// The kernel tells ports of each other, and the guard undoes a change, on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

struct Pairs {
    segbox: PathBuf,
}

impl Pairs {
    fn new(place: &Place) -> Result<Self, Failure> {
        // Fails early where namespaces cannot be made.
        Host::new(&mut Chance::of(0, 0))
            .map_err(|why| Failure::new("cannot make network namespaces", why, "run as root"))?;
        Ok(Self { segbox: place.segbox.clone() })
    }
}

impl Work for Pairs {
    fn case(&mut self, _: u64, chance: &mut Chance) -> Result<u64, String> {
        let chances: Vec<Chance> = (0..AT_ONCE).map(|_| chance.fork()).collect();
        let segbox = self.segbox.as_path();
        let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
            let pairs: Vec<_> =
                chances.into_iter().map(|chance| scope.spawn(move || Pair::new(segbox, chance)?.run())).collect();
            pairs.into_iter().map(|pair| pair.join().unwrap_or_else(|_| Err("it panicked".to_owned()))).collect()
        });
        results.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(AT_ONCE as u64)
    }
}

/// How the second file ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Refused,
    Unconfirmed,
    Cleared,
}

struct Pair<'a> {
    segbox: &'a Path,
    chance: Chance,
    host: Host,
    files: tempfile::TempDir,
    /// What was done, for a failure.
    told: String,
}

impl<'a> Pair<'a> {
    fn new(segbox: &'a Path, mut chance: Chance) -> Result<Self, String> {
        let host = Host::new(&mut chance)?;
        let files = tempfile::tempdir().map_err(|error| error.to_string())?;
        let told = format!("host:\n{}", host.told);
        Ok(Self { segbox, chance, host, files, told })
    }

    fn run(mut self) -> Result<(), String> {
        self.try_all().map_err(|why| format!("{why}\n{}", self.told))
    }

    fn try_all(&mut self) -> Result<(), String> {
        let before = self.settled()?;
        if !self.chance.once_in(4) {
            let first = self.file("first.toml")?;
            self.apply_or_undo("first.toml", &first, &before)?;
        }
        let between = self.settled()?;
        let second = self.file("second.toml")?;
        let ending = *self.chance.pick(&[Ending::Refused, Ending::Unconfirmed, Ending::Cleared]);
        self.told += &format!("\n{ending:?}\n");
        match ending {
            Ending::Refused => {
                self.host.obstruct(&mut self.chance, &second, &mut self.told);
                let obstructed = self.host.snapshot()?;
                self.apply_or_undo("second.toml", &second, &obstructed)?;
                self.host.clear_the_way();
            }
            Ending::Unconfirmed => {
                let output = self.apply("second.toml", &["--confirm", "1s"])?;
                if output.status.success() {
                    self.is_soon("an unconfirmed change", &between)?;
                } else {
                    self.is_soon("a failed change on probation", &between)?;
                }
            }
            Ending::Cleared => self.apply_or_undo("second.toml", &second, &between)?,
        }
        let output = self.segbox(&["clear".as_ref()])?;
        if !output.status.success() {
            return Err(format!("clear: {}", said(&output)));
        }
        self.is_soon("clear", &before)?;
        let left = self.host.kept();
        if left.is_empty() { Ok(()) } else { Err(format!("clear leaves {left:?}")) }
    }

    /// The kernel's state, once its links have come up.
    fn settled(&self) -> Result<Snapshot, String> {
        let end = Instant::now() + PATIENCE;
        let mut last = self.host.snapshot()?;
        loop {
            std::thread::sleep(LOOK);
            let now = self.host.snapshot()?;
            // Every port has a peer that is up.
            let is_settled = now == last && !now.iter().any(|line| line.contains("NO-CARRIER"));
            if is_settled || Instant::now() > end {
                return Ok(now);
            }
            last = now;
        }
    }

    /// A random file for the host as it is, which `check` takes.
    fn file(&mut self, name: &str) -> Result<File, String> {
        let mut why = String::new();
        for _ in 0..20 {
            let file = file::file(&mut self.chance, &self.host.ports()?, self.host.devices);
            for (name, content) in &file.files {
                let path = self.files.path().join(name);
                std::fs::write(&path, content)
                    .and_then(|()| host::only_for_root(&path))
                    .map_err(|error| error.to_string())?;
            }
            let path = self.files.path().join(name);
            std::fs::write(&path, &file.text).map_err(|error| error.to_string())?;
            let check = self.segbox(&["check".as_ref(), path.as_os_str()])?;
            if check.status.success() {
                self.told += &format!("\n{name}:\n{}", file.text);
                return Ok(file);
            }
            why = said(&check);
        }
        Err(format!("no file without faults in 20 tries; the last one: {why}"))
    }

    /// Applies a file. If the kernel refuses a step, all is as before.
    fn apply_or_undo(&mut self, name: &str, file: &File, before: &Snapshot) -> Result<(), String> {
        let output = self.apply(name, &[])?;
        if output.status.success() {
            let plan = self.segbox(&["plan".as_ref(), self.files.path().join(name).as_os_str()])?;
            if plan.status.code() != Some(0) {
                return Err(format!("applied, and not in sync: {}", said(&plan)));
            }
            return Ok(());
        }
        let text = said(&output);
        if !text.contains("everything was undone") {
            return Err(format!("apply fails in another way: {text}"));
        }
        if !file.may_be_refused && !self.host.is_obstructed() && !self.host.may_refuse {
            return Err(format!("refused without a reason: {text}"));
        }
        self.is_soon("a refused change", before)
    }

    fn apply(&mut self, name: &str, options: &[&str]) -> Result<Output, String> {
        let path = self.files.path().join(name);
        let mut arguments = vec!["apply".as_ref(), path.as_os_str()];
        arguments.extend(options.iter().map(OsStr::new));
        let output = self.segbox(&arguments)?;
        self.told += &format!("\napply {name} {}: {}\n", options.join(" "), said(&output));
        Ok(output)
    }

    fn segbox(&self, arguments: &[&OsStr]) -> Result<Output, String> {
        let mut command = self.host.command(self.segbox)?;
        command.args(arguments).output().map_err(|error| error.to_string())
    }

    /// The kernel's state is what it was, at once or soon: ports tell each other of their links.
    fn is_soon(&self, after: &str, before: &Snapshot) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = differences(before, &self.host.snapshot()?);
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("after {after} the kernel is not as before:\n{left}"));
            }
            std::thread::sleep(LOOK);
        }
    }
}
