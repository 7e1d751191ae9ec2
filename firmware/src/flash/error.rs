//! Why a disk was not flashed.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

/// Why a disk was not flashed.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[expect(missing_docs, reason = "each message names its fields")]
pub enum FlashError {
    /// The image cannot be read.
    #[error("cannot read the image {}: {source}", path.display())]
    #[diagnostic(help("{IMAGES}"))]
    Image { path: PathBuf, source: io::Error },
    /// The file is not an image of segbox.
    #[error("{} is not a segbox image: {why}", path.display())]
    #[diagnostic(help("{IMAGES}; nothing was written"))]
    NoImage { path: PathBuf, why: String },
    /// The volume with the image cannot be mounted.
    #[error("cannot mount {} to read the image: {source}", device.display())]
    #[diagnostic(help("`segbox flash` lists the images that it finds on sticks; the volume must be FAT or ext4"))]
    Volume { device: PathBuf, source: io::Error },
    /// `self` was named, and there is no such disk.
    #[error("this box does not know which disk it was booted from")]
    #[diagnostic(help(
        "`self` works only on a box that was booted from a stick or disk; otherwise name an image or a disk with segbox"
    ))]
    NoSelf,
    /// A file that the configuration names is outside its folder.
    #[error("{} names {named}, which is not in its folder", file.display())]
    #[diagnostic(help(
        "put it beside {} or in a subfolder, and use a relative path without `..`; nothing was written",
        file.display()
    ))]
    Outside { file: PathBuf, named: String },
    /// A file of the configuration is invalid.
    #[error("cannot put {} on the disk: {why}", path.display())]
    #[diagnostic(help("fix the file, or remove it from the configuration; nothing was written"))]
    Companion { path: PathBuf, why: String },
    /// The disk cannot be used.
    #[error("cannot flash {}: {why}", path.display())]
    #[diagnostic(help("{fix}"))]
    Refused { path: PathBuf, why: String, fix: &'static str },
    /// The disk cannot be checked or opened.
    #[error("cannot {doing} {}: {source}", path.display())]
    #[diagnostic(help("name an existing whole disk, and run as root; nothing was written"))]
    Disk { doing: &'static str, path: PathBuf, source: io::Error },
    /// A read or write failed after the first byte was written.
    #[error("cannot {doing} {} at {} MiB: {source}", path.display(), at >> 20)]
    #[diagnostic(help(
        "{DEAD}. The disk or its cable may be broken: see the kernel's log; flash it again, or use another disk"
    ))]
    Half { doing: &'static str, path: PathBuf, at: u64, source: io::Error },
    /// The image ends early or cannot be read, after the first byte was written.
    #[error("cannot read the image {} at {} MiB: {source}", image.display(), at >> 20)]
    #[diagnostic(help("{DEAD}: flash it again with a complete image"))]
    HalfImage { image: PathBuf, at: u64, source: io::Error },
    /// The disk does not hold the written bytes.
    #[error("{} does not hold the written data: byte {at} differs", path.display())]
    #[diagnostic(help("{DEAD}. The disk reports a wrong size or loses data: use another one"))]
    Differs { path: PathBuf, at: u64 },
    /// A signal stopped the flash.
    #[error("stopped by {signal}: {} is not completely written", path.display())]
    #[diagnostic(help("{DEAD}: flash it again"))]
    Stopped { path: PathBuf, signal: &'static str },
    /// The partition table cannot be adjusted to the disk.
    #[error("cannot write the partition table of {}: {why}", path.display())]
    #[diagnostic(help("flash it again; it may not boot as it is"))]
    Table { path: PathBuf, why: String },
    /// The configuration cannot be written to the disk.
    #[error("the image is on {} and boots, but the configuration could not be written: {why}", path.display())]
    #[diagnostic(help(
        "copy segbox.toml to the partition segbox-config, or paste it at the box's console with `edit`"
    ))]
    Configuration { path: PathBuf, why: String },
}

/// The state of a disk between the first and the last written byte.
const DEAD: &str = "the old content is lost, and the disk does not boot now";
const IMAGES: &str = "name a segbox.raw or segbox.raw.zst made by `./dev image`, or a disk with segbox";
