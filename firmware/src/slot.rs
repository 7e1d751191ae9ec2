//! The boot loader's memory: which slot of the image was booted, and that it came up. The loader counts a slot's tries down before
//! it starts it; here the count is put back once the configuration holds. Not here: writing a slot.
//!
//! The file is GRUB's environment block (1024 bytes, `# GRUB Environment Block`, `name=value` lines, `#` to the end), which GRUB
//! writes in place on BIOS and UEFI alike.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::mount::{UnmountFlags, unmount};

use crate::partition;

/// Where the ESP is mounted while it is written.
pub const ESP: &str = "/run/segbox/esp";
/// The block, on the ESP.
const FILE: &str = "slots/state.env";
/// Tries that a slot has until it has come up once more.
const TRIES: u32 = 3;
const SIZE: usize = 1024;
/// What a disk writes whole or not at all; FAT's files begin at one.
const SECTOR: usize = 512;
const HEAD: &str = "# GRUB Environment Block\n";

/// The disk that the system was started from.
pub struct Home {
    /// Its ESP's PARTUUID, if the command line or the firmware says it.
    pub esp: Option<String>,
    /// Its name, if it was found.
    pub disk: Option<String>,
}

/// Marks a slot good. `load_fat` loads the modules of FAT. Gives what was done, in a few words.
///
/// # Errors
/// The ESP is not found or not writable, or its file is no environment block.
pub fn mark_good(slot: &str, home: &Home, load_fat: &dyn Fn()) -> io::Result<&'static str> {
    if let (Some(esp), None) = (&home.esp, &home.disk) {
        // Another disk's count is another system's.
        return Err(io::Error::other(format!("the ESP that it lies on ({esp}) is not found")));
    }
    let found = partition::labelled(&partition::blocks(), partition::ESP, home.disk.as_deref());
    let Some((block, _)) = found else {
        return Err(io::Error::other(format!("no partition labelled {}", partition::ESP)));
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
        return Err(io::Error::other(format!("{FILE} is no GRUB environment block")));
    };
    if fresh == block {
        return Ok("was good");
    }
    // In place, as GRUB does it, and nothing but the sectors that change. FAT has no journal: what is made shorter or renamed there
    // can be lost with the power, where a sector that is written over is the old one or the new one.
    for at in changed(&block, &fresh) {
        file.seek(SeekFrom::Start(at as u64))?;
        file.write_all(&fresh.as_bytes()[at..at + SECTOR])?;
    }
    file.sync_all()?;
    Ok("marked good")
}

/// Where the sectors begin in which the two blocks differ: the first one alone, unless somebody has put a lot in.
fn changed<'a>(block: &'a str, fresh: &'a str) -> impl Iterator<Item = usize> + 'a {
    (0..SIZE).step_by(SECTOR).filter(|at| block.as_bytes()[*at..*at + SECTOR] != fresh.as_bytes()[*at..*at + SECTOR])
}

/// The block with this slot good and its tries put back; None if it is no block, or has no room.
fn good(block: &str, slot: &str) -> Option<String> {
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
        assert_eq!(write(place.path(), "a").expect("a block"), "was good");
    }

    #[test]
    fn refuses_what_is_no_block() {
        assert_eq!(good("", "a"), None);
        assert_eq!(good(&block("")[..1000], "a"), None);
        let full = block(&format!("x={}\n", "y".repeat(SIZE - HEAD.len() - 3)));
        assert_eq!(good(&full, "a"), None);
    }
}
