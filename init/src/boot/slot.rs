//! The boot loader's memory: which slot of the image was booted, and that it came up. The loader counts a slot's tries down before
//! it starts it; here the count is put back once the configuration holds. Not here: writing a slot.
//!
//! The file is GRUB's environment block (1024 bytes, `# GRUB Environment Block`, `name=value` lines, `#` to the end), which GRUB
//! writes in place on BIOS and UEFI alike.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::mount::{UnmountFlags, unmount};

use super::modules::Loader;
use super::storage::partition;

/// Where the ESP is mounted while it is written.
pub(crate) const ESP: &str = "/run/segbox/esp";
/// The block, on the ESP.
const FILE: &str = "slots/state.env";
/// Tries that a slot has until it has come up once more.
const TRIES: u32 = 3;
const SIZE: usize = 1024;
const HEAD: &str = "# GRUB Environment Block\n";

/// The slot that was booted: `segbox.slot=a` of the kernel's command line.
pub(crate) fn booted(command_line: &str) -> Option<String> {
    let slot = command_line.split_ascii_whitespace().find_map(|word| word.strip_prefix("segbox.slot="))?;
    matches!(slot, "a" | "b").then(|| slot.to_owned())
}

/// Marks a slot good. Gives what was done.
pub(crate) fn mark_good(slot: &str) -> io::Result<&'static str> {
    let found = partition::labelled(&partition::blocks(), partition::ESP);
    let Some((block, _)) = found else {
        return Err(io::Error::other(format!("no partition labelled {}", partition::ESP)));
    };
    if let Ok(loader) = Loader::open() {
        for name in ["vfat", "nls_cp437", "nls_ascii"] {
            drop(loader.load(name));
        }
    }
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
    // In place, as GRUB does it: a rename on FAT is not atomic, two sectors in place are the least that can be torn.
    file.rewind()?;
    file.write_all(fresh.as_bytes())?;
    file.sync_all()?;
    Ok("marked good")
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
    fn refuses_what_is_no_block() {
        assert_eq!(good("", "a"), None);
        assert_eq!(good(&block("")[..1000], "a"), None);
        let full = block(&format!("x={}\n", "y".repeat(SIZE - HEAD.len() - 3)));
        assert_eq!(good(&full, "a"), None);
    }

    #[test]
    fn reads_the_slot_from_the_command_line() {
        assert_eq!(booted("quiet segbox.slot=b console=ttyS0").as_deref(), Some("b"));
        assert_eq!(booted("segbox.slot=c"), None);
        assert_eq!(booted(""), None);
    }
}
