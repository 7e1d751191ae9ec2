//! An empty ext4, compressed: the box writes it to a partition whose file system is beyond repair. Its options are those of the image's
//! file systems.

use std::fs::{self, File};
use std::path::Path;

use super::Tools;
use super::release::Release;
use crate::failure::Failure;
use crate::process;

/// Options of `mke2fs`, here, for the disk's partitions, and in the tests.
pub(super) const OPTIONS: &str = include_str!("../../../image/disk/mke2fs.options");
/// As long as the image's partitions; the kernel makes it longer where there is room.
const LENGTH: u64 = 64 << 20;

/// Makes it in `work`, and puts it compressed to `place`.
pub(super) fn build(tools: &Tools, release: &Release, work: &Path, place: &Path) -> Result<(), Failure> {
    let plain = work.join("empty.ext4");
    let file = File::create(&plain).and_then(|file| file.set_len(LENGTH));
    file.map_err(|error| Failure::file("write", &plain, &error))?;
    let mut mke2fs = tools.command("../sbin/mke2fs");
    mke2fs.env("MKE2FS_CONFIG", tools.tree().join("etc/mke2fs.conf"));
    mke2fs.env("SOURCE_DATE_EPOCH", release.time.to_string());
    // The box later replaces identifier and label.
    mke2fs.args([
        "-q",
        "-t",
        "ext4",
        "-I",
        "256",
        "-m",
        "0",
        "-b",
        "4096",
        "-U",
        "00000000-0000-4000-8000-000000000000",
    ]);
    process::output(mke2fs.args(OPTIONS.split_whitespace()).arg(&plain), "report this")?;
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    }
    let mut zstd = tools.command("zstd");
    zstd.args(["--quiet", "--force", "-T1", "-19"]).arg(&plain).arg("-o").arg(place);
    process::output(&mut zstd, "check that the disk is not full")?;
    fs::remove_file(&plain).map_err(|error| Failure::file("remove", &plain, &error))
}
