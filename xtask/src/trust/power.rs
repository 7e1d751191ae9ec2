//! `power-cuts`: a disk is found as a power cut at any moment could have left it, and has the old content or the new one. QEMU notes
//! each write and flush of a box's disk (`recording`); from that the disks are made that may be left, and looked at past any kernel
//! (`found`). One in twenty is booted, and half of these lose their power again while they recover.
//!
//! A kind of write is a row of `rows` or `flashes`.

mod flashes;
mod found;
mod recording;
mod rows;

use std::path::{Path, PathBuf};

use segbox_vm::lost_cache::{Grain, Left, copy};
use segbox_vm::{Chance, Entry, WriteLog, image};

use super::campaign::{Campaign, Place, Work};
use crate::failure::Failure;
use crate::workspace;
use found::Found;
use recording::Recording;

pub(super) const POWER_CUTS: Campaign = Campaign {
    name: "power-cuts",
    what: "power cuts at every kind of write of a box, with disks that lose their cache or tear a write at 512 bytes, and a second cut \
           during recovery: the disk has the old content or the new one, and boots",
    unit: "power cuts",
    goal: 1_000,
    // A recording needs a machine: the tests `cache`, `flashed` and `power` of `xtask/vm` are the slice.
    short: None,
    prepare: |place| Ok(Box::new(Power::new(place)?)),
};

/// A kind of write.
struct Row {
    name: &'static str,
    /// Makes a disk and has a machine write to it.
    record: fn(&mut recording::Recorder<'_>),
    /// Whether a disk holds one of these states: those that were begun and not yet overtaken by another when the power went.
    holds: fn(&Found<'_>) -> Result<(), String>,
    /// Boots a disk that holds, and judges the box. The disk notes its writes in the second file.
    boot: fn(&Found<'_>, &Path) -> Result<(), String>,
}

const ROWS: [&[Row]; 2] = [&rows::ROWS, &flashes::ROWS];
/// Disks that are made from one reading of a recording.
const BATCH: usize = 20;
/// Of these, so many are the next prefixes that end with a flush.
const PREFIXES: usize = 8;

struct Power {
    tools: PathBuf,
    folder: PathBuf,
    scratch: tempfile::TempDir,
}

impl Power {
    fn new(place: &Place) -> Result<Self, Failure> {
        let tools = workspace::target().join("image/tools");
        if !tools.exists() {
            return Err(Failure::new("cannot start a machine", "there is no image", "run `cargo xtask image` first"));
        }
        let scratch =
            tempfile::tempdir_in(&place.folder).map_err(|error| Failure::file("make", &place.folder, &error))?;
        Ok(Self { tools: image("tools"), folder: place.folder.clone(), scratch })
    }

    /// One batch of a row: `number` counts its batches.
    fn batch(&self, row: &Row, number: usize, chance: &mut Chance) -> Result<u64, String> {
        let recording = Recording::of(row, &self.tools, &self.folder)?;
        let log = recording.log()?;
        let place = |name: &str| self.scratch.path().join(name);
        let found = place("found");
        let mut left = Left::new(&recording.before(), (0, recording.length()), Grain::Block, place("certain"));
        for cut in cuts(&log, recording.first(), number, chance) {
            match cut.grain {
                None => left.at_least(&log, cut.moment, &found),
                Some(grain) => {
                    left.grain = grain;
                    left.after(&log, cut.moment, chance, &found);
                }
            }
            let told = |why: String| format!("{}, {cut}, {} entries: {why}", row.name, log.entries.len());
            let is_booted = chance.once_in(20);
            // The look replays journals.
            let booted = place("booted");
            if is_booted {
                copy(&found, &booted);
            }
            let states = recording.states(cut.moment);
            let look = |disk: &Path| (row.holds)(&Found::new(&self.tools, disk, self.scratch.path(), states.clone()));
            look(&found).map_err(told)?;
            if is_booted {
                let again = chance.once_in(2);
                self.boot(row, &booted, &states, again.then_some(chance))
                    .map_err(|why| told(format!("booted: {why}")))?;
            }
        }
        Ok(BATCH as u64)
    }

    /// Boots a disk; with `chance` its power goes again meanwhile.
    fn boot(
        &self,
        row: &Row,
        disk: &Path,
        states: &std::ops::RangeInclusive<usize>,
        chance: Option<&mut Chance>,
    ) -> Result<(), String> {
        let place = |name: &str| self.scratch.path().join(name);
        let (before, log) = (place("before-boot"), place("log"));
        copy(disk, &before);
        std::fs::File::create(&log).map_err(|error| error.to_string())?;
        let found = Found::new(&self.tools, disk, self.scratch.path(), states.clone());
        if found.is_dead() {
            // No firmware starts it, so there is nothing to recover.
            return Ok(());
        }
        (row.boot)(&found, &log)?;
        let Some(chance) = chance else { return Ok(()) };
        let log = WriteLog::read(&log).map_err(|error| format!("the second log: {error}"))?;
        let moment = chance.below(log.entries.len() + 1);
        let length = std::fs::metadata(&before).map_err(|error| error.to_string())?.len();
        let second = place("second");
        let mut left = Left::new(&before, (0, length), *chance.pick(&GRAINS), place("certain-again"));
        left.after(&log, moment, chance, &second);
        (row.holds)(&Found::new(&self.tools, &second, self.scratch.path(), states.clone()))
            .map_err(|why| format!("a second cut after {moment} of {}: {why}", log.entries.len()))
    }
}

const GRAINS: [Grain; 2] = [Grain::Block, Grain::Sector];

/// A power cut: after so many entries of the log; what was not flushed is gone, or a part of it is there in pieces of this size.
struct Cut {
    moment: usize,
    grain: Option<Grain>,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lost = match self.grain {
            None => "nothing that was not flushed",
            Some(Grain::Block) => "some of the cache, by 4096 bytes",
            Some(Grain::Sector) => "some of the cache, by 512 bytes",
        };
        write!(f, "cut after entry {} with {lost}", self.moment)
    }
}

/// The cuts of a batch, in the order of the log: first all prefixes that end with a flush, then any moment.
fn cuts(log: &WriteLog, first: usize, number: usize, chance: &mut Chance) -> Vec<Cut> {
    let is_flushed = |moment: &usize| *moment == first || log.entries[*moment - 1] == Entry::Flush;
    let flushed: Vec<usize> = (first..=log.entries.len()).filter(is_flushed).collect();
    let next = flushed.iter().skip(number * PREFIXES).take(PREFIXES);
    let mut cuts: Vec<Cut> = next.map(|moment| Cut { moment: *moment, grain: None }).collect();
    while cuts.len() < BATCH {
        let moment = first + chance.below(log.entries.len() + 1 - first);
        cuts.push(Cut { moment, grain: Some(*chance.pick(&GRAINS)) });
    }
    cuts.sort_by_key(|cut| cut.moment);
    cuts
}

impl Work for Power {
    fn case(&mut self, number: u64, chance: &mut Chance) -> Result<u64, String> {
        let rows: Vec<&Row> = ROWS.into_iter().flatten().collect();
        let number = usize::try_from(number).map_err(|error| error.to_string())?;
        self.batch(rows[number % rows.len()], number / rows.len(), chance)
    }
}
