//! A box's disk in a file, looked at past any kernel: its partitions, the boot loader's block, the size of a file system. For tests:
//! what is not there is a panic.
#![allow(clippy::missing_panics_doc, reason = "said once, above")]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::{SECTOR, tool};

/// GRUB's environment block.
const HEAD: &[u8] = b"# GRUB Environment Block\n";
/// Its length; it is filled up with #.
pub const BLOCK: u64 = 1024;

/// Bytes of a partition: where it begins, and how many.
pub fn partition(disk: &Path, label: &str) -> (u64, u64) {
    let table = gpt::GptConfig::new().writable(false).open(disk).expect("a partition table");
    let partition = table.partitions().values().find(|partition| partition.name == label).expect("one with this label");
    let sector = SECTOR as u64;
    (partition.first_lba * sector, (partition.last_lba - partition.first_lba + 1) * sector)
}

/// Bytes of a disk: from where, and how many.
pub fn read(disk: &Path, (at, length): (u64, u64)) -> Vec<u8> {
    let mut file = File::open(disk).expect("the disk is there");
    file.seek(SeekFrom::Start(at)).expect("a place on the disk");
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).expect("readable");
    bytes
}

/// Where the boot loader's block is on the disk. GRUB and PID 1 write it in place, so it never moves.
pub fn state_env(disk: &Path) -> u64 {
    let esp = partition(disk, "segbox-esp");
    let bytes = read(disk, esp);
    let mut found = (0..bytes.len()).step_by(SECTOR).filter(|at| bytes[*at..].starts_with(HEAD));
    let at = found.next().expect("the ESP has a block");
    assert_eq!(found.next(), None, "and only one");
    esp.0 + at as u64
}

/// Slot A in the block: whether it may be started, and how many tries are left.
pub fn slot_a(block: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(block).ok()?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
    text.as_bytes().starts_with(HEAD).then_some(())?;
    Some((value("a_ok=")?, value("a_tries=")?))
}

/// How many blocks a file system has.
pub fn blocks(tools: &Path, part: &Path) -> u64 {
    let said = tool(tools, "dumpe2fs").arg("-h").arg(part).output().expect("the tools have it");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("Block count:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count of blocks in {said}"))
}

/// A line of the boot loader's block.
pub fn value(block: &str, name: &str) -> String {
    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name} in {block}")).to_owned()
}

/// The block with other values.
pub fn with(block: &str, values: &[(&str, u32)]) -> String {
    let is_kept =
        |line: &&str| !line.starts_with("##") && !values.iter().any(|(name, _)| line.starts_with(&format!("{name}=")));
    let mut text: String = block.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    text.extend(values.iter().map(|(name, value)| format!("{name}={value}\n")));
    let room = (BLOCK as usize).saturating_sub(text.len());
    text + &"#".repeat(room)
}
