//! `cycles`: apply a file, apply another, clear, over and over. Nothing is left after any of them: no state, no file, no pin. And over
//! all of them neither BPF programs nor maps nor the kernel's memory grow.

use std::path::PathBuf;

use segbox_vm::Chance;
use serde_json::Value;

use super::bed::Bed;
use super::campaign::{Campaign, Place, Work};
use super::counts::Counts;
use super::series::variant;
use super::whole::difference;
use crate::failure::Failure;

pub(super) const CYCLES: Campaign = Campaign {
    name: "cycles",
    what: "apply A, apply B, clear: the router is as before each time, and nothing is left in bpffs, among programs and maps, in /run or \
           in the kernel's memory",
    unit: "cycles",
    goal: 10_000,
    short: Some(20),
    prepare: |place| Ok(Box::new(Cycles::new(place)?)),
};

const FILES: usize = 4;
/// Cycles per window. Other work of the machine comes and goes: the least of a window is compared with the least of the first.
const WINDOW: u64 = 100;

struct Cycles {
    bed: Bed,
    files: Vec<PathBuf>,
    before: Value,
    /// What was there at least in the first window, and in the one that is going on.
    least: [Option<Counts>; 2],
    done: u64,
}

impl Cycles {
    fn new(place: &Place) -> Result<Self, Failure> {
        let bed = Bed::new(&place.segbox)?;
        let files: Vec<_> = (0..FILES).map(|number| bed.file(&format!("{number}.toml"), variant(number))).collect();
        let fails = |why| Failure::new("cannot apply the campaign's files", why, "read the message");
        // The first one makes what stays for all: the device of the state's folder.
        bed.ok(["apply".as_ref(), files[0].as_os_str()]).and_then(|_| bed.ok(["clear"])).map_err(fails)?;
        let before = bed.observed().map_err(fails)?;
        Ok(Self { bed, files, before, least: [None; 2], done: 0 })
    }

    fn is_level(&mut self) -> Result<(), String> {
        let now = Counts::now().map_err(|error| format!("cannot count: {error}"))?;
        let window = usize::from(self.done >= WINDOW);
        self.least[window] = Some(self.least[window].map_or(now, |least| least.least(now)));
        self.done += 1;
        let [Some(first), Some(last)] = self.least else { return Ok(()) };
        if self.done.is_multiple_of(WINDOW) {
            self.least[1] = None;
            return last.has_not_grown(first, self.done);
        }
        Ok(())
    }
}

impl Work for Cycles {
    fn case(&mut self, _: u64, chance: &mut Chance) -> Result<u64, String> {
        let one = chance.below(self.files.len());
        let other = (one + 1 + chance.below(self.files.len() - 1)) % self.files.len();
        for file in [one, other] {
            self.bed.ok(["apply".as_ref(), self.files[file].as_os_str()])?;
        }
        self.bed.ok(["clear"])?;
        let (found, left) = (self.bed.observed()?, self.bed.kept());
        // The lock is a file of that name for as long as the namespace lives.
        let left: Vec<_> = left.iter().filter(|name| *name != "/lock").collect();
        if found != self.before || !left.is_empty() {
            return Err(format!(
                "after {one}, {other}, clear: {}; {left:?} are left",
                difference(&self.before, &found)
            ));
        }
        self.is_level()?;
        Ok(1)
    }
}
