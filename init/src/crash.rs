//! How the previous boot ended and the records it left: kernel messages in pstore, PID 1's panic, the watchdog's flag, and a mark
//! on the state partition. The records are moved to the state partition, because the firmware's memory is small.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use segbox_router::run::boot::{CRASH_FOLDER, LastEnd};

use super::configuration::generations;

const PSTORE: &str = "/sys/fs/pstore";
/// This file exists while the box runs. After a boot it means that the box stopped without a shutdown.
const MARK: &str = "/var/lib/segbox/running";
/// Number of kept records: enough for a repeated crash, and small enough for any disk.
const KEPT: usize = 16;

/// Collects the records and returns how the last boot ended. `watchdog`: the watchdog reports that it rebooted the box.
pub(crate) fn collect(state: bool, watchdog: bool) -> (Option<LastEnd>, Vec<String>) {
    let mut problems = Vec::new();
    let words = last_words();
    if !state {
        // Without a state partition the records stay in pstore.
        let ended = if watchdog { Some(LastEnd::Watchdog) } else { words.first().map(|_| LastEnd::RecordInPstore) };
        return (ended, problems);
    }
    let running = Path::new(MARK).exists();
    let known = Path::new(CRASH_FOLDER).exists();
    let pid1 = Path::new(CRASH_FOLDER).join("pid1-panic.txt").exists();
    if let Err(error) = keep(&words) {
        problems.push(format!("crash records cannot be saved on the state partition: {error}"));
    }
    let ended = match (pid1, !words.is_empty(), watchdog, running) {
        (true, ..) => LastEnd::Pid1Panicked,
        (_, true, ..) => LastEnd::KernelCrashed,
        (_, _, true, _) => LastEnd::Watchdog,
        (.., true) => LastEnd::PowerCut,
        (.., false) => LastEnd::Clean,
    };
    // A state partition that was never written to has no record of a boot.
    let ended = Some(ended).filter(|ended| known || !ended.is_clean());
    if let Err(error) = fs::create_dir_all(CRASH_FOLDER).and_then(|()| fs::write(MARK, "")) {
        problems.push(format!(
            "the state partition cannot be written: {error}; crash records are not saved. `factory-reset state` empties it"
        ));
    }
    (ended, problems)
}

/// Removes the mark: the box is going down in an orderly way.
pub(crate) fn end_clean() {
    drop(fs::remove_file(MARK));
}

fn last_words() -> Vec<PathBuf> {
    let entries = fs::read_dir(PSTORE).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Moves the records to the state partition. All files of one boot get the same number.
fn keep(words: &[PathBuf]) -> io::Result<()> {
    let folder = Path::new(CRASH_FOLDER);
    fs::create_dir_all(folder)?;
    let number = numbers(folder).last().map_or(1, |last| last + 1);
    let own = folder.join("pid1-panic.txt");
    if own.exists() {
        fs::rename(own, folder.join(format!("{number:06}-pid1-panic.txt")))?;
    }
    for path in words {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The copy is on the disk before the record is removed from the firmware's memory.
        generations::replace(&folder.join(format!("{number:06}-{name}")), &fs::read(path)?)?;
        fs::remove_file(path)?;
    }
    let all = numbers(folder);
    for old in all.iter().take(all.len().saturating_sub(KEPT)) {
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{old:06}-")) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// The numbers of the boots that left records, in order.
fn numbers(folder: &Path) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.split_once('-')?.0.parse().ok()).collect();
    found.sort_unstable();
    found.dedup();
    found
}
