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
    /// It is something else.
    #[error("{} is no image of segbox: {why}", path.display())]
    #[diagnostic(help("{IMAGES}; nothing was written"))]
    NoImage { path: PathBuf, why: String },
    /// The volume that the image lies on cannot be mounted.
    #[error("cannot mount {}, which the image is said to be on: {source}", device.display())]
    #[diagnostic(help("`segbox flash` lists the images that it finds on sticks; FAT and ext4 are read"))]
    Volume { device: PathBuf, source: io::Error },
    /// `self`, and there is no such disk.
    #[error("this box does not know a disk that it was booted from")]
    #[diagnostic(help(
        "`self` is for a box that was booted from a stick or disk of its own; else name an image, or the disk with it"
    ))]
    NoSelf,
    /// What goes along cannot be taken along.
    #[error("{} names {named}, which does not lie in its folder", file.display())]
    #[diagnostic(help(
        "put it beside {} or in a folder below, and name it relative to it, without `..`; nothing was written",
        file.display()
    ))]
    Outside { file: PathBuf, named: String },
    /// A file that goes along is not right.
    #[error("{} cannot go along: {why}", path.display())]
    #[diagnostic(help("fix it, or leave it out of the configuration; nothing was written"))]
    Companion { path: PathBuf, why: String },
    /// The disk cannot be used.
    #[error("{} is not flashed: {why}", path.display())]
    #[diagnostic(help("{fix}"))]
    Refused { path: PathBuf, why: String, fix: &'static str },
    /// It cannot even be looked at or opened.
    #[error("cannot {doing} {}: {source}", path.display())]
    #[diagnostic(help("name a whole disk that is there; flashing takes root; nothing was written"))]
    Disk { doing: &'static str, path: PathBuf, source: io::Error },
    /// A read or write failed after the first byte was written.
    #[error("cannot {doing} {} at {} MiB: {source}", path.display(), at >> 20)]
    #[diagnostic(help(
        "{DEAD}. The disk or its cable may be broken: the kernel's log says more; flash it again or take another"
    ))]
    Half { doing: &'static str, path: PathBuf, at: u64, source: io::Error },
    /// The image ends or cannot be read after the first byte was written.
    #[error("cannot read the image {} at {} MiB: {source}", image.display(), at >> 20)]
    #[diagnostic(help("{DEAD}: flash it again with a whole image"))]
    HalfImage { image: PathBuf, at: u64, source: io::Error },
    /// It does not hold what was written.
    #[error("{} does not hold what was written: byte {at} differs", path.display())]
    #[diagnostic(help("{DEAD}. It lies about its size or loses data: take another one"))]
    Differs { path: PathBuf, at: u64 },
    /// Somebody wants it to end.
    #[error("stopped by {signal}: {} is not flashed", path.display())]
    #[diagnostic(help("{DEAD}: flash it again"))]
    Stopped { path: PathBuf, signal: &'static str },
    /// The partition table cannot be fitted to the disk.
    #[error("cannot write the partition table of {}: {why}", path.display())]
    #[diagnostic(help("flash it again; it may not boot now"))]
    Table { path: PathBuf, why: String },
    /// The configuration cannot be put on it.
    #[error("the image is on {} and boots, but the configuration is not: {why}", path.display())]
    #[diagnostic(help(
        "put segbox.toml on its partition segbox-config by hand, or paste it at the box's console: `edit`"
    ))]
    Configuration { path: PathBuf, why: String },
}

/// What a disk is between the first byte and the last.
const DEAD: &str = "what was on the disk is lost, and it does not boot now";
const IMAGES: &str = "name a segbox.raw or segbox.raw.zst that `./dev image` made, or a disk that has one";
