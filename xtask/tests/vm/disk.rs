//! A box's disk as its data partitions alone, laid out for a test: the configuration that is on it, and how full its state
//! partition is. Not here: boot loader and slots, which a machine without a boot loader does not look at.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use gpt::mbr::ProtectiveMBR;
use gpt::partition_types::LINUX_FS;

/// As in the image.
const CONFIG_LEN: u64 = 64 << 20;
const STATE_LEN: u64 = 16 << 20;
const SECTOR: u64 = 512;

/// A disk in a file, gone when this value is dropped.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
    /// Where the partitions begin, in bytes.
    pub(crate) config: u64,
    pub(crate) state: u64,
}

impl Disk {
    /// One whose config partition holds this segbox.toml.
    pub(crate) fn new(tools: &Path, configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("disk");
        let file = File::create_new(&place).expect("a fresh folder");
        file.set_len(CONFIG_LEN + STATE_LEN + (4 << 20)).expect("a sparse file");
        drop(file);
        let (config, state) = partition(&place).expect("a partition table");
        let disk = Self { folder, config, state };
        let content = disk.folder.path().join("content");
        fs::create_dir(&content).expect("a fresh folder");
        fs::write(content.join("segbox.toml"), configuration).expect("a fresh folder");
        disk.format(tools, config, CONFIG_LEN, Some(&content));
        disk.format(tools, state, STATE_LEN, None);
        disk
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// A copy as it is now.
    pub(crate) fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(self.path(), folder.path().join("disk")).expect("room for a copy");
        Self { folder, config: self.config, state: self.state }
    }

    /// The segbox.toml that a boot would find: read past the kernel, from a config partition whose journal was replayed.
    pub(crate) fn configuration(&self, tools: &Path) -> String {
        let part = self.folder.path().join("replayed");
        let mut from = File::open(self.path()).expect("the disk is there");
        from.seek(SeekFrom::Start(self.config)).expect("the disk is that long");
        let mut to = File::create(&part).expect("writable");
        std::io::copy(&mut from.take(CONFIG_LEN), &mut to).expect("room for a copy");
        // 0 or 1: nothing was wrong, or the journal was replayed.
        let checked = tool(tools, "e2fsck").arg("-p").arg(&part).output().expect("the tools have it");
        assert!(matches!(checked.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&checked.stdout));
        let read =
            tool(tools, "debugfs").args(["-R", "cat segbox.toml"]).arg(&part).output().expect("the tools have it");
        fs::remove_file(part).expect("it was there");
        String::from_utf8_lossy(&read.stdout).into_owned()
    }

    /// Overwrites what lies there.
    pub(crate) fn write(&self, at: u64, bytes: &[u8]) {
        let mut file = File::options().write(true).open(self.path()).expect("the disk is there");
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).expect("room on the test's disk");
    }

    /// Makes the state partition anew, with one file that takes all of its room.
    pub(crate) fn fill_state(&self, tools: &Path) {
        let content = self.folder.path().join("full");
        fs::create_dir(&content).expect("a fresh folder");
        let log = content.join("log");
        // Makes file systems of growing files until one does not fit: what is left is less than that step.
        let mut length = STATE_LEN * 3 / 4;
        let step = 64 << 10;
        loop {
            let mut file = File::create(&log).expect("writable");
            // Not zeros, which would be holes.
            std::io::copy(&mut std::io::repeat(0x5a).take(length), &mut file).expect("room on the test's disk");
            drop(file);
            let part = self.folder.path().join("part");
            if !mke2fs(tools, &part, STATE_LEN, Some(&content)) {
                break;
            }
            self.put(&part, self.state);
            length += step;
        }
    }

    fn format(&self, tools: &Path, at: u64, length: u64, content: Option<&Path>) {
        let part = self.folder.path().join("part");
        assert!(mke2fs(tools, &part, length, content), "mke2fs makes a file system of {length} bytes");
        self.put(&part, at);
    }

    /// Copies a file system to its place; what is zero stays a hole.
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

/// A program of the tree, by the tree's own loader and libraries, as QEMU is run.
fn tool(tools: &Path, name: &str) -> Command {
    let mut command = Command::new(tools.join("usr/lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(tools.join("usr/lib/x86_64-linux-gnu")).arg(tools.join("usr/sbin").join(name));
    command
}

/// Makes a file system in a file; false if it says no.
fn mke2fs(tools: &Path, part: &Path, length: u64, content: Option<&Path>) -> bool {
    File::create(part).and_then(|file| file.set_len(length)).expect("a sparse file");
    let mut command = tool(tools, "mke2fs");
    command.env("MKE2FS_CONFIG", tools.join("etc/mke2fs.conf")).args(["-q", "-t", "ext4", "-I", "256", "-m", "0"]);
    if let Some(content) = content {
        command.arg("-d").arg(content);
    }
    command.arg(part).output().expect("the tools have mke2fs").status.success()
}

/// Makes the partition table; gives where the config and the state partition begin.
fn partition(disk: &Path) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let mut file = File::options().read(true).write(true).open(disk)?;
    let sectors = file.metadata()?.len() / SECTOR;
    ProtectiveMBR::with_lb_size(u32::try_from(sectors - 1)?).overwrite_lba0(&mut file)?;
    let mut table = gpt::GptConfig::new().writable(true).create_from_device(file, None)?;
    let mut first = Vec::new();
    for (label, length) in [("segbox-config", CONFIG_LEN), ("segbox-state", STATE_LEN)] {
        let number = table.add_partition(label, length, LINUX_FS, 0, Some(2048))?;
        first.push(table.partitions()[&number].first_lba * SECTOR);
    }
    table.write()?;
    Ok((first[0], first[1]))
}
