//! Disks and images for these tests: loop devices on sparse files, removed when their values are dropped.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use gpt::GptConfig;
use gpt::mbr::ProtectiveMBR;
use gpt::partition_types::LINUX_FS;

use crate::segbox::{Run, SEGBOX, run};

pub(crate) const MIB: u64 = 1 << 20;
const SECTOR: u64 = 512;

/// Runs `segbox flash`.
pub(crate) fn flash(image: &Path, disk: &Path, options: &[&str]) -> Run {
    run(Command::new(SEGBOX).arg("flash").arg(image).arg(disk).arg("--yes").args(options))
}

/// An empty file.
pub(crate) fn sparse(path: PathBuf, mib: u64) -> PathBuf {
    File::create(&path).and_then(|file| file.set_len(mib * MIB)).expect("a sparse file");
    path
}

/// A loop device.
pub(crate) struct Loop(pub(crate) PathBuf);

impl Loop {
    pub(crate) fn new(file: &Path, options: &[&str]) -> Self {
        let made = run(Command::new("losetup").args(options).args(["--find", "--show"]).arg(file));
        assert_eq!(made.code, Some(0), "losetup: {}", made.err);
        Self(made.out.trim().into())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        drop(Command::new("losetup").arg("-d").arg(&self.0).status());
    }
}

/// A mount that lasts as long as this value.
pub(crate) struct Mount(pub(crate) PathBuf);

impl Mount {
    pub(crate) fn new(on: PathBuf, arguments: &[&str]) -> Self {
        fs::create_dir_all(&on).expect("a folder");
        let mounted = run(Command::new("mount").args(arguments).arg(&on));
        assert_eq!(mounted.code, Some(0), "mount: {}", mounted.err);
        Self(on)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

pub(crate) fn make_ext4(device: &Path) {
    let made = run(Command::new("mke2fs").args(["-q", "-F", "-t", "ext4"]).arg(device));
    assert_eq!(made.code, Some(0), "mke2fs: {}", made.err);
}

/// An image of this many MiB: boot code, a boot partition, a config partition of 4 MiB, a state partition of 2 MiB.
pub(crate) fn image(folder: &Path, mib: u64) -> PathBuf {
    let path = sparse(folder.join(format!("image-{mib}.raw")), mib);
    let mut file = File::options().read(true).write(true).open(&path).expect("just made");
    let sectors = u32::try_from(mib * MIB / SECTOR).expect("small");
    ProtectiveMBR::with_lb_size(sectors - 1).overwrite_lba0(&mut file).expect("room");
    file.rewind().and_then(|()| file.write_all(b"boot code")).expect("room");
    let mut table = GptConfig::new().writable(true).create_from_device(file, None).expect("room for a table");
    // Room for two tables and for alignment.
    let system = mib - 4 - 2 - 3;
    for (label, mib) in [("segbox-esp", system), ("segbox-config", 4), ("segbox-state", 2)] {
        table.add_partition(label, mib * MIB, LINUX_FS, 0, Some(2048)).expect("room for a partition");
    }
    let places: Vec<u64> = table.partitions().values().map(|partition| partition.first_lba * SECTOR).collect();
    let mut file = table.write().expect("room for a table");
    for (place, size) in [(places[1], 4), (places[2], 2)] {
        let part = sparse(folder.join("part"), size);
        make_ext4(&part);
        let bytes = fs::read(&part).expect("just made");
        file.seek(SeekFrom::Start(place)).and_then(|_| file.write_all(&bytes)).expect("room");
    }
    // The content differs from an empty disk, and from piece to piece.
    let content: Vec<u8> = (0..MIB).map(|at| (at / 251 % 256) as u8).collect();
    file.seek(SeekFrom::Start(places[0])).and_then(|_| file.write_all(&content)).expect("room");
    file.sync_all().expect("room");
    path
}

/// A partition's first byte and size, on a disk whose table is valid at both ends.
pub(crate) fn partition(disk: &Path, label: &str) -> (u64, u64) {
    let table = GptConfig::new().writable(false).only_valid_headers(true).open(disk).expect("a sound table");
    let found = table.partitions().values().find(|partition| partition.name == label).expect("its partition");
    (found.first_lba * SECTOR, (found.last_lba - found.first_lba + 1) * SECTOR)
}

/// Mounts a partition of a disk for inspection. It uses the offset, so the kernel need not know the table.
pub(crate) fn look(disk: &Path, label: &str, on: PathBuf) -> Mount {
    let (start, size) = partition(disk, label);
    let options = format!("loop,ro,noload,offset={start},sizelimit={size}");
    Mount::new(on, &["-t", "ext4", "-o", &options, &disk.display().to_string()])
}

/// The names of all files below a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "lost+found" {
        } else if entry.path().is_dir() {
            names.extend(self::names(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// The first or the last bytes of a disk.
pub(crate) fn bytes(disk: &Path, from: SeekFrom, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut file = File::open(disk).expect("it is there");
    file.seek(from).and_then(|_| file.read_exact(&mut bytes)).expect("it is that long");
    bytes
}
