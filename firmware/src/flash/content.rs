//! Describes the content of a disk that is about to be erased: its partitions, and the kind of each by its first bytes. Knows
//! common formats and decides nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::block::{mounts, parts};

/// Written at a disk's start while the disk is flashed, so that an unfinished flash is recognized.
pub(crate) const UNFINISHED: &[u8] = b"segbox flash: not finished\n";

/// Position and bytes of a format's signature, and its description. Partition tables come last: a whole disk with a file system
/// may still have an old one.
const MARKS: [(usize, &[u8], &str); 15] = [
    (0, UNFINISHED, "a flash that was not finished"),
    (0, b"LUKS\xba\xbe", "encrypted (LUKS)"),
    (0, b"XFSB", "XFS"),
    (3, b"NTFS    ", "NTFS"),
    (3, b"EXFAT   ", "exFAT"),
    (54, b"FAT", "FAT"),
    (82, b"FAT32", "FAT"),
    (512, b"LABELONE", "a member of a volume group (LVM)"),
    (1024 + 0x38, &[0x53, 0xef], "ext4"),
    (4086, b"SWAPSPACE2", "swap space"),
    (4096, &[0xfc, 0x4e, 0x2b, 0xa9], "a member of an array (md)"),
    (32769, b"CD001", "a CD's image"),
    (65536 + 64, b"_BHRfS_M", "btrfs"),
    (512, b"EFI PART", "a partition table (GPT)"),
    (510, &[0x55, 0xaa], "a partition table or a boot loader"),
];

/// Lines that describe a disk: the disk itself, then its partitions.
pub(crate) fn lines(name: &str) -> Vec<String> {
    let parts = parts(name);
    let model = attribute(name, "device/model");
    let mut first = vec![model, transport(name).to_owned(), format!("{} MiB", mebibytes(name))];
    if parts.is_empty() {
        first.push(kind_text(name, "unknown content"));
    }
    first.retain(|word| !word.is_empty());
    let mut lines = vec![first.join("  ")];
    for part in &parts {
        let uevent = attribute(part, "uevent");
        let label = uevent.lines().find_map(|line| line.strip_prefix("PARTNAME=")).unwrap_or_default();
        let on = mounts(part).into_iter().map(|mount| format!("mounted on {}", mount.on)).next().unwrap_or_default();
        let words = [format!("{part:<10} {:>8} MiB", mebibytes(part)), kind_text(part, "-"), label.to_owned(), on];
        lines.push(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  "));
    }
    lines
}

/// The content of a block device, recognized by its first bytes.
pub(crate) fn kind_of(name: &str) -> io::Result<Option<&'static str>> {
    let mut start = Vec::new();
    File::open(Path::new("/dev").join(name))?.take(70_000).read_to_end(&mut start)?;
    Ok(kind(&start))
}

/// The same as text; `nothing` if there is no known signature.
fn kind_text(name: &str, nothing: &str) -> String {
    match kind_of(name) {
        Ok(kind) => kind.unwrap_or(nothing).to_owned(),
        Err(error) => format!("unreadable: {error}"),
    }
}

fn kind(start: &[u8]) -> Option<&'static str> {
    let is_there = |at: usize, mark: &[u8]| start.get(at..at + mark.len()) == Some(mark);
    MARKS.iter().find(|(at, mark, _)| is_there(*at, mark)).map(|(_, _, kind)| *kind)
}

pub(crate) fn mebibytes(name: &str) -> u64 {
    // /sys counts sectors of 512 bytes, whatever the disk's sector size is.
    attribute(name, "size").parse::<u64>().unwrap_or(0) >> 11
}

fn attribute(name: &str, file: &str) -> String {
    let path = Path::new("/sys/class/block").join(name).join(file);
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// The bus that a disk is attached to, found by its path in /sys.
fn transport(name: &str) -> &'static str {
    let path = fs::canonicalize(Path::new("/sys/class/block").join(name)).unwrap_or_default();
    let path = path.to_string_lossy();
    [("/usb", "USB"), ("/ata", "SATA"), ("/nvme", "NVMe"), ("/virtio", "virtio"), ("/mmc", "SD card")]
        .into_iter()
        .find_map(|(word, name)| path.contains(word).then_some(name))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_a_volume_by_its_signature() {
        let with = |at: usize, mark: &[u8]| {
            let mut start = vec![0; 70_000];
            start[at..at + mark.len()].copy_from_slice(mark);
            start
        };
        assert_eq!(kind(&with(1080, &[0x53, 0xef])), Some("ext4"));
        assert_eq!(kind(&with(512, b"LABELONE")), Some("a member of a volume group (LVM)"));
        let mut fat = with(510, &[0x55, 0xaa]);
        fat[82..87].copy_from_slice(b"FAT32");
        assert_eq!(kind(&fat), Some("FAT"), "and not its boot sector alone");
        assert_eq!(kind(&[0; 70_000]), None);
        assert_eq!(kind(&[]), None);
    }
}
