//! The boot loader's state: which slot of the image was booted, and whether it came up. The loader decrements a slot's tries
//! before it starts the slot. This module resets them once the configuration is applied. Not here: writing a slot.
//!
//! The file is GRUB's environment block (1024 bytes: `# GRUB Environment Block`, `name=value` lines, then `#` to the end). GRUB
//! writes it in place, on BIOS and UEFI.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::mount::{UnmountFlags, unmount};

use crate::partition;

/// Where the ESP is mounted while it is written.
pub const ESP: &str = "/run/segbox/esp";
/// The block's path on the ESP.
const FILE: &str = "slots/state.env";
/// Tries of a slot until it must have come up again.
const TRIES: u32 = 3;
const SIZE: usize = 1024;
/// A disk writes a sector completely or not at all; FAT's files begin at one.
const SECTOR: usize = 512;
const HEAD: &str = "# GRUB Environment Block\n";

/// The disk that the system was started from.
pub struct Home {
    /// The PARTUUID of its ESP, if the command line or the firmware gives it.
    pub esp: Option<String>,
    /// Its name, if it was found.
    pub disk: Option<String>,
}

/// Marks a slot as good. `load_fat` loads the modules for FAT. Returns the result in a few words.
///
/// # Errors
/// The ESP is not found or not writable, or its file is not an environment block.
pub fn mark_good(slot: &str, home: &Home, load_fat: &dyn Fn()) -> io::Result<&'static str> {
    if let (Some(esp), None) = (&home.esp, &home.disk) {
        // The count on another disk belongs to another system.
        return Err(io::Error::other(format!("its ESP ({esp}) was not found")));
    }
    let found = partition::labelled(&partition::blocks(), partition::ESP, home.disk.as_deref());
    let Some((block, _)) = found else {
        return Err(io::Error::other(format!("no partition has the label {}", partition::ESP)));
    };
    load_fat();
    partition::put(&block.path(), Path::new(ESP), "vfat")?;
    let marked = write(&Path::new(ESP).join(FILE), slot);
    let _ = unmount(ESP, UnmountFlags::empty());
    marked
}

fn write(path: &Path, slot: &str) -> io::Result<&'static str> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut block = String::new();
    Read::by_ref(&mut file).take(SIZE as u64 + 1).read_to_string(&mut block)?;
    let Some(fresh) = good(&block, slot) else {
        return Err(io::Error::other(format!("{FILE} is not a GRUB environment block")));
    };
    if fresh == block {
        return Ok("already good");
    }
    // Written in place as GRUB does, and only the sectors that change. FAT has no journal: a power cut during a truncate or
    // rename can lose the file, while an overwritten sector is either the old or the new one.
    for at in changed(&block, &fresh) {
        file.seek(SeekFrom::Start(at as u64))?;
        file.write_all(&fresh.as_bytes()[at..at + SECTOR])?;
    }
    file.sync_all()?;
    Ok("marked good")
}

/// Offsets of the sectors in which the two blocks differ. Usually this is only the first one.
fn changed<'a>(block: &'a str, fresh: &'a str) -> impl Iterator<Item = usize> + 'a {
    (0..SIZE).step_by(SECTOR).filter(|at| block.as_bytes()[*at..*at + SECTOR] != fresh.as_bytes()[*at..*at + SECTOR])
}

/// The block with this slot marked good and its tries reset; None if it is not a block or has no room.
pub(crate) fn good(block: &str, slot: &str) -> Option<String> {
    let body = block.strip_prefix(HEAD).filter(|_| block.len() == SIZE)?;
    let (ok, tries) = (format!("{slot}_ok="), format!("{slot}_tries="));
    let lines =
        body.lines().filter(|line| !line.starts_with('#') && !line.starts_with(&ok) && !line.starts_with(&tries));
    let mut fresh = HEAD.to_owned();
    for line in lines {
        fresh += line;
        fresh.push('\n');
    }
    fresh += &format!("{ok}1\n{tries}{TRIES}\n");
    let room = SIZE.checked_sub(fresh.len())?;
    Some(fresh + &"#".repeat(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &str) -> String {
        let text = format!("{HEAD}{lines}");
        let room = SIZE - text.len();
        text + &"#".repeat(room)
    }

    #[test]
    fn puts_the_tries_back_and_leaves_the_rest() {
        let before = block("order=a b\na_ok=0\na_tries=1\nb_ok=1\nb_tries=3\n");
        let after = good(&before, "a").expect("a block");
        assert_eq!(after, block("order=a b\nb_ok=1\nb_tries=3\na_ok=1\na_tries=3\n"));
        assert_eq!(good(&after, "a"), Some(after.clone()), "a second time changes nothing");
        assert_eq!(after.len(), SIZE);
    }

    #[test]
    fn one_sector_changes_and_is_written_in_place() {
        let before = block("order=a b\na_ok=1\na_tries=2\nb_ok=0\nb_tries=0\n");
        let after = good(&before, "a").expect("a block");
        assert_eq!(changed(&before, &after).collect::<Vec<_>>(), [0]);
        let place = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(place.path(), &before).expect("writable");
        assert_eq!(write(place.path(), "a").expect("a block"), "marked good");
        assert_eq!(std::fs::read_to_string(place.path()).expect("there"), after);
        assert_eq!(write(place.path(), "a").expect("a block"), "already good");
    }

    #[test]
    fn rejects_other_bytes() {
        assert_eq!(good("", "a"), None);
        assert_eq!(good(&block("")[..1000], "a"), None);
        let full = block(&format!("x={}\n", "y".repeat(SIZE - HEAD.len() - 3)));
        assert_eq!(good(&full, "a"), None);
    }
}
