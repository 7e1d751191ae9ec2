//! A box's disk with its data partitions alone, laid out for a test: their files, and how full they are. Not here: boot loader and
//! slots, which a machine without a boot loader does not look at.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::tool;
use gpt::mbr::ProtectiveMBR;
use gpt::partition_types::LINUX_FS;

/// A partition, as long as in the image.
pub const LENGTH: u64 = 64 << 20;
/// The image's options for `mke2fs`.
const OPTIONS: &str = include_str!("../../../image/disk/mke2fs.options");
const SECTOR: u64 = 512;

/// A disk in a file, gone when this value is dropped.
pub struct Disk {
    folder: tempfile::TempDir,
    /// Where the config partition begins, in bytes.
    pub config: u64,
    /// Where the state partition begins.
    pub state: u64,
}

impl Disk {
    /// One whose config partition holds this segbox.toml.
    pub fn new(tools: &Path, configuration: &str) -> Self {
        Self::with(tools, &[("segbox.toml", configuration)])
    }

    /// One whose config partition holds these files.
    pub fn with(tools: &Path, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("disk");
        let file = File::create_new(&place).expect("a fresh folder");
        file.set_len(2 * LENGTH + (4 << 20)).expect("a sparse file");
        drop(file);
        let (config, state) = partition(&place).expect("a partition table");
        let disk = Self { folder, config, state };
        let content = disk.folder.path().join("content");
        fs::create_dir(&content).expect("a fresh folder");
        for (name, text) in files {
            let place = content.join(name);
            fs::create_dir_all(place.parent().expect("within the folder")).expect("a fresh folder");
            fs::write(place, text).expect("a fresh folder");
        }
        disk.format(tools, config, Some(&content));
        disk.format(tools, state, None);
        disk
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        fs::metadata(self.path()).expect("the disk is there").len()
    }

    /// Overwrites what lies there.
    pub fn write(&self, at: u64, bytes: &[u8]) {
        let mut file = File::options().write(true).open(self.path()).expect("the disk is there");
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).expect("room on the test's disk");
    }

    /// Adds a file to a file system that takes all of its room, but for less than a block.
    pub fn fill(&self, tools: &Path, at: u64) {
        let part = self.part(at);
        let debugfs = |request: &str| {
            let mut command = tool(tools, "debugfs");
            let said = command.args(["-w", "-R", request]).arg(&part).output().expect("the tools have it");
            String::from_utf8_lossy(&said.stdout).into_owned()
        };
        let free = |stats: &str| -> u64 {
            let line = stats.lines().find_map(|line| line.trim().strip_prefix("Free blocks:"));
            line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count of blocks in {stats}"))
        };
        let log = self.folder.path().join("log");
        let mut rest = free(&debugfs("stats -h"));
        // The file's tree takes a block or two: a second file takes the blocks that are left.
        for name in ["log", "log.1", "log.2"] {
            let mut file = File::create(&log).expect("writable");
            let length = (rest.saturating_sub(if name == "log" { 4 } else { 0 })) * 4096;
            // Not zeros, which would be holes.
            std::io::copy(&mut std::io::repeat(0x5a).take(length), &mut file).expect("room on the test's disk");
            debugfs(&format!("write {} {name}", log.display()));
            rest = free(&debugfs("stats -h"));
        }
        assert_eq!(rest, 0, "blocks are left");
        self.put(&part, at);
    }

    /// The sector that a file of the config partition begins at.
    pub fn sector_of(&self, tools: &Path, name: &str) -> u64 {
        let part = self.part(self.config);
        let said = tool(tools, "debugfs").args(["-R", &format!("blocks {name}")]).arg(&part).output();
        let said = String::from_utf8_lossy(&said.expect("the tools have it").stdout).into_owned();
        fs::remove_file(part).expect("it was there");
        let block: u64 =
            said.split_whitespace().next().and_then(|block| block.parse().ok()).expect("a file with a block");
        (self.config + block * 4096) / SECTOR
    }

    /// A partition, copied to a file.
    fn part(&self, at: u64) -> PathBuf {
        let part = self.folder.path().join("part");
        fs::write(&part, self.read(at)).expect("room for a copy");
        part
    }

    /// A partition's bytes.
    pub fn read(&self, at: u64) -> Vec<u8> {
        let mut from = File::open(self.path()).expect("the disk is there");
        from.seek(SeekFrom::Start(at)).expect("the disk is that long");
        let mut bytes = Vec::new();
        from.take(LENGTH).read_to_end(&mut bytes).expect("the disk is that long");
        bytes
    }

    fn format(&self, tools: &Path, at: u64, content: Option<&Path>) {
        let part = self.folder.path().join("part");
        File::create(&part).and_then(|file| file.set_len(LENGTH)).expect("a sparse file");
        let mut command = tool(tools, "mke2fs");
        command.env("MKE2FS_CONFIG", tools.join("etc/mke2fs.conf"));
        command.args(["-q", "-t", "ext4", "-I", "256", "-m", "0", "-b", "4096"]).args(OPTIONS.split_whitespace());
        if let Some(content) = content {
            command.arg("-d").arg(content);
        }
        let made = command.arg(&part).output().expect("the tools have mke2fs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.put(&part, at);
    }

    /// Copies a file system to its place; blocks of zeros stay holes.
    fn put(&self, part: &Path, at: u64) {
        let mut from = File::open(part).expect("just made");
        let mut block = vec![0; 1 << 16];
        let mut offset = at;
        while let Ok(length @ 1..) = from.read(&mut block) {
            if block[..length].iter().any(|byte| *byte != 0) {
                self.write(offset, &block[..length]);
            }
            offset += length as u64;
        }
        fs::remove_file(part).expect("it was there");
    }
}

/// Checks a file system in a file as a boot would find it: its journal is replayed, and e2fsck fixes what it may fix unasked.
///
/// # Errors
/// e2fsck's words about one that is broken.
pub fn check(tools: &Path, part: &Path) -> Result<(), String> {
    let checked = tool(tools, "e2fsck").args(["-f", "-p"]).arg(part).output().expect("the tools have it");
    // 0 or 1: nothing was wrong, or the journal was replayed.
    match checked.status.code() {
        Some(0 | 1) => Ok(()),
        code => Err(format!("e2fsck -fp: {code:?}\n{}", String::from_utf8_lossy(&checked.stdout))),
    }
}

/// Checks a file system in a file and changes nothing.
///
/// # Errors
/// e2fsck's words.
pub fn is_clean(tools: &Path, part: &Path) -> Result<(), String> {
    let checked = tool(tools, "e2fsck").args(["-f", "-n"]).arg(part).output().expect("the tools have it");
    let said = || format!("e2fsck -fn: {}\n{}", checked.status, String::from_utf8_lossy(&checked.stdout));
    checked.status.success().then_some(()).ok_or_else(said)
}

/// A file of a file system in a file, past the kernel; empty if it has none.
pub fn content(tools: &Path, part: &Path, name: &str) -> String {
    let read = tool(tools, "debugfs").args(["-R", &format!("cat {name}")]).arg(part).output();
    String::from_utf8_lossy(&read.expect("the tools have it").stdout).into_owned()
}

/// Makes the partition table; gives where the config and the state partition begin.
fn partition(disk: &Path) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let mut file = File::options().read(true).write(true).open(disk)?;
    let sectors = file.metadata()?.len() / SECTOR;
    ProtectiveMBR::with_lb_size(u32::try_from(sectors - 1)?).overwrite_lba0(&mut file)?;
    let mut table = gpt::GptConfig::new().writable(true).create_from_device(file, None)?;
    let mut first = Vec::new();
    for label in ["segbox-config", "segbox-state"] {
        let number = table.add_partition(label, LENGTH, LINUX_FS, 0, Some(2048))?;
        first.push(table.partitions()[&number].first_lba * SECTOR);
    }
    table.write()?;
    Ok((first[0], first[1]))
}
