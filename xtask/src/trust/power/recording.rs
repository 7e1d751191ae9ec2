//! All that a machine wrote to its disk, kept in a folder: the disk as it was before, the log, and when each new content was begun and
//! said to be there. A recording serves every run until the image changes.

use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use segbox_vm::lost_cache::copy;
use segbox_vm::{Machine, Medium, WriteLog, image};
use serde::{Deserialize, Serialize};

use super::Row;

/// When a content was written: begun after so many entries of the log, said to be there after so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    begun: usize,
    taken: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Marks {
    /// The image that wrote.
    image: String,
    marks: Vec<Mark>,
}

pub(super) struct Recording {
    folder: PathBuf,
    marks: Vec<Mark>,
}

impl Recording {
    /// That of a row, made if it is not there.
    pub(super) fn of(row: &Row, tools: &Path, folder: &Path) -> Result<Self, String> {
        let folder = folder.join(row.name);
        let file = folder.join("marks.json");
        let image = digest();
        let kept = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Marks>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.image == image) {
            return Ok(Self { folder, marks: kept.marks });
        }
        let fails = |error: std::io::Error| format!("{}: {error}", folder.display());
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).map_err(fails)?;
        File::create(folder.join(LOG)).map_err(fails)?;
        eprintln!("power-cuts: recording {}", row.name);
        let mut recorder = Recorder { tools, folder: &folder, marks: Vec::new() };
        (row.record)(&mut recorder);
        let marks = Marks { image, marks: recorder.marks };
        // The disk as it became, and what it was made from, are in the way.
        for entry in fs::read_dir(&folder).map_err(fails)?.flatten() {
            if entry.file_name() != BEFORE && entry.file_name() != LOG {
                fs::remove_file(entry.path()).map_err(fails)?;
            }
        }
        fs::write(&file, serde_json::to_string(&marks).expect("numbers")).map_err(fails)?;
        Ok(Self { folder, marks: marks.marks })
    }

    pub(super) fn before(&self) -> PathBuf {
        self.folder.join(BEFORE)
    }

    /// Bytes of the disk.
    pub(super) fn length(&self) -> u64 {
        fs::metadata(self.before()).map_or(0, |file| file.len())
    }

    pub(super) fn log(&self) -> Result<WriteLog, String> {
        WriteLog::read(&self.folder.join(LOG)).map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    /// The first moment that a cut may be at.
    pub(super) fn first(&self) -> usize {
        self.marks.first().map_or(0, |mark| mark.begun)
    }

    /// Contents that may be there after so many entries: 0 is the disk before.
    pub(super) fn states(&self, moment: usize) -> RangeInclusive<usize> {
        states(&self.marks, moment)
    }
}

fn states(marks: &[Mark], moment: usize) -> RangeInclusive<usize> {
    let taken = marks.iter().filter(|mark| mark.taken <= moment).count();
    let begun = marks.iter().filter(|mark| mark.begun <= moment).count();
    taken..=begun
}

const BEFORE: &str = "before";
const LOG: &str = "log";

/// Told what a machine is made to write.
pub(super) struct Recorder<'a> {
    pub(super) tools: &'a Path,
    pub(super) folder: &'a Path,
    marks: Vec<Mark>,
}

/// # Panics
/// Each of these does if QEMU's log is not there.
impl Recorder<'_> {
    /// The disk, before the machine has it.
    pub(super) fn starts_with(&self, disk: &Path) {
        copy(disk, &self.folder.join(BEFORE));
    }

    /// Has the first of the machine's disks note its writes.
    pub(super) fn watch(&self, machine: &mut Machine<'_>) {
        machine.medium = Medium::Logged(self.folder.join(LOG));
    }

    /// A new content is going to be written.
    pub(super) fn begins(&mut self) {
        let begun = self.length();
        self.marks.push(Mark { begun, taken: usize::MAX });
    }

    /// The box has said that it is there.
    pub(super) fn is_taken(&mut self) {
        let taken = self.length();
        self.marks.last_mut().expect("it was begun").taken = taken;
    }

    fn length(&self) -> usize {
        let log = self.folder.join(LOG);
        // Before its machine has started there is nothing in it.
        let is_empty = fs::metadata(&log).expect("made with the recording").len() == 0;
        if is_empty { 0 } else { WriteLog::length(&log).expect("QEMU writes it") }
    }
}

/// Tells images apart.
fn digest() -> String {
    let told = fs::metadata(image("segbox.raw")).and_then(|file| Ok((file.len(), file.modified()?)));
    format!("{told:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_may_be_there_from_its_beginning_and_has_to_be_once_it_is_taken() {
        let marks = [Mark { begun: 5, taken: 9 }, Mark { begun: 20, taken: 30 }];
        let at = |moment| states(&marks, moment);
        assert_eq!([at(4), at(5), at(8), at(9), at(20), at(30)], [0..=0, 0..=1, 0..=1, 1..=1, 1..=2, 2..=2]);
    }
}
