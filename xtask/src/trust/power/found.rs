//! A disk as it is found after a power cut, looked at past any kernel: partition table, boot loader's block, file systems, files. Not
//! here: which of it is right (`rows`, `flashes`).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use segbox_vm::look::{self, BLOCK};
use segbox_vm::lost_cache::copy_part;
use segbox_vm::{Fat, tool};

pub(super) struct Found<'a> {
    pub(super) tools: &'a Path,
    pub(super) disk: &'a Path,
    scratch: &'a Path,
    /// The contents that may be there.
    pub(super) states: RangeInclusive<usize>,
}

impl<'a> Found<'a> {
    pub(super) fn new(tools: &'a Path, disk: &'a Path, scratch: &'a Path, states: RangeInclusive<usize>) -> Self {
        Self { tools, disk, scratch, states }
    }

    /// The copy of a partition that is looked at. (e2fsck can name a partition of a file by its offset, and forgets the offset once it has
    /// replayed the journal.)
    fn volume(&self, label: &str) -> PathBuf {
        self.scratch.join(label)
    }

    fn tool(&self, program: &str) -> Command {
        tool(self.tools, program)
    }

    /// Mends a torn superblock, replays a partition's journal and checks its file system.
    ///
    /// # Errors
    /// e2fsck's words about one that is broken.
    pub(super) fn is_whole(&self, label: &str) -> Result<(), String> {
        let part = self.volume(label);
        copy_part(self.disk, look::partition(self.disk, label), &part);
        // As PID 1 does it where the kernel refuses the file system.
        segbox_firmware::superblock::mend(&part).map_err(|error| format!("{label}: {error}"))?;
        let checked = self.tool("e2fsck").args(["-f", "-p"]).arg(part).output();
        let checked = checked.map_err(|error| format!("e2fsck: {error}"))?;
        match checked.status.code() {
            Some(0 | 1) => Ok(()),
            code => Err(format!("{label}: e2fsck -fp: {code:?}\n{}", String::from_utf8_lossy(&checked.stdout))),
        }
    }

    /// A file's text; None if it is not there. Of a partition that is whole.
    pub(super) fn file(&self, label: &str, name: &str) -> Option<String> {
        let names = self.names(label, name.rsplit_once('/').map_or("/", |(folder, _)| folder));
        let last = name.rsplit('/').next().unwrap_or(name);
        names.iter().any(|name| name == last).then(|| self.debugfs(label, &format!("cat {name}")))
    }

    /// The names of a folder.
    pub(super) fn names(&self, label: &str, folder: &str) -> Vec<String> {
        // /INODE/MODE/UID/GID/NAME/SIZE/
        let said = self.debugfs(label, &format!("ls -p {folder}"));
        let names = said.lines().filter_map(|line| line.split('/').nth(5));
        names.filter(|name| !matches!(*name, "." | ".." | "lost+found" | "")).map(str::to_owned).collect()
    }

    fn debugfs(&self, label: &str, request: &str) -> String {
        let said = self.tool("debugfs").args(["-R", request]).arg(self.volume(label)).output();
        said.map_or_else(|error| error.to_string(), |said| String::from_utf8_lossy(&said.stdout).into_owned())
    }

    /// Slot A in the boot loader's block: whether it may be started, and how often it may be tried.
    ///
    /// # Errors
    /// There is no whole block.
    pub(super) fn slot_a(&self) -> Result<(u32, u32), String> {
        let at = look::state_env(self.disk);
        let block = look::read(self.disk, (at, BLOCK));
        look::slot_a(&block).ok_or_else(|| format!("no block: {}", String::from_utf8_lossy(&block)))
    }

    /// Whether the ESP's file system is sound and slot A has the image's files.
    ///
    /// # Errors
    /// fsck.fat's words, or the file that differs.
    pub(super) fn has_slot_a(&self, image: &Path) -> Result<(), String> {
        let part = self.volume("segbox-esp");
        copy_part(self.disk, look::partition(self.disk, "segbox-esp"), &part);
        let checked = self.tool("fsck.fat").arg("-n").arg(&part).output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        if let Some(fault) = said.lines().find(|line| !is_in_use(line.trim())) {
            return Err(format!("fsck.fat -n: {fault}\n{said}"));
        }
        let [ours, theirs] = [self.disk, image].map(|disk| Fat::esp(self.tools, disk));
        let names = theirs.list("slots/a/");
        if ours.list("slots/a/") != names {
            return Err(format!("slot A has not the files {names:?}"));
        }
        let [one, other] = ["one", "other"].map(|name| self.scratch.join(name));
        for name in names {
            ours.copy_out(&format!("slots/a/{name}"), &one);
            theirs.copy_out(&format!("slots/a/{name}"), &other);
            if std::fs::read(&one).ok() != std::fs::read(&other).ok() {
                return Err(format!("slot A's {name} is not the image's"));
            }
        }
        Ok(())
    }

    /// Whether no firmware starts it: its first sector has not the mark that BIOS and UEFI ask for (UEFI 2.10, section 5.2.3).
    pub(super) fn is_dead(&self) -> bool {
        self.bytes(SeekFrom::Start(510), 2) != [0x55, 0xaa]
    }

    fn bytes(&self, from: SeekFrom, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = File::open(self.disk).and_then(|mut file| file.seek(from).and_then(|_| file.read_exact(&mut bytes)));
        read.expect("the disk is that long");
        bytes
    }
}

/// Lines of fsck.fat about a sound volume that is in use: it says so in its boot sector, whose copy does not.
fn is_in_use(line: &str) -> bool {
    const USUAL: [&str; 9] = [
        "fsck.fat ",
        "There are differences between boot sector and its backup.",
        "This is mostly harmless. Differences: (offset:original/backup)",
        "65:01/00",
        "Not automatically fixing this.",
        "Dirty bit is set.",
        "Automatically removing dirty bit.",
        "Leaving filesystem unchanged.",
        "Checking for ",
    ];
    line.is_empty() || USUAL.iter().any(|usual| line.starts_with(usual)) || line.ends_with(" clusters")
}
