//! Why a disk was not flashed.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

/// Why a disk was not flashed.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum FlashError {
    /// The image cannot be read.
    #[error("cannot read the image {}: {source}", path.display())]
    #[diagnostic(help("name a segbox.raw or segbox.raw.zst that `./dev image` made"))]
    Image { path: PathBuf, source: io::Error },
    /// It is something else.
    #[error("{} is no image of segbox: {why}", path.display())]
    #[diagnostic(help("name a segbox.raw or segbox.raw.zst that `./dev image` made; nothing was written"))]
    NoImage { path: PathBuf, why: String },
    /// The disk cannot be used.
    #[error("{} is not flashed: {why}", path.display())]
    #[diagnostic(help("{mend}"))]
    Refused { path: PathBuf, why: String, mend: &'static str },
    /// A read or write of the disk failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    #[diagnostic(help(
        "the disk or its cable may be broken: the kernel's log says more; flash it again or take another"
    ))]
    Disk { doing: &'static str, path: PathBuf, source: io::Error },
    /// It does not hold what was written.
    #[error("{} does not hold what was written: byte {at} differs", path.display())]
    #[diagnostic(help("the disk lies about its size or loses data: take another one"))]
    Differs { path: PathBuf, at: u64 },
    /// The partition table cannot be fitted to the disk.
    #[error("cannot write the partition table of {}: {why}", path.display())]
    #[diagnostic(help("flash it again; the image may be damaged"))]
    Table { path: PathBuf, why: String },
    /// The configuration cannot be put on it.
    #[error("the image is on {} and boots, but the configuration is not: {why}", path.display())]
    #[diagnostic(help(
        "put segbox.toml on its partition segbox-config by hand, or paste it at the box's console: `edit`"
    ))]
    Configuration { path: PathBuf, why: String },
}
