//! Builds the firmware image: kernel, initrd, UKI, and a disk with all of it, into `target/image`.
//!
//! The flow is here, with one module per step. mkosi packs the image with a tree of Debian 13's tools, which does not depend on the
//! machine's. Slow results are kept in the user's cache under a key of their inputs. Starts no image: `vm` does.

mod archive;
mod binary;
mod bios;
mod budget;
pub(crate) mod daemons;
mod disk;
mod empty;
mod kept;
mod kernel;
mod manifest;
mod mkosi;
mod needed;
mod openpgp;
mod release;
mod released;
mod reproduce;
mod sbom;
mod sign;
mod system;
mod tester;
mod tools;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use crate::failure::Failure;
use crate::lock::lock;
use crate::progress::Step;
use crate::stamp::Key;
use crate::workspace;
use binary::Binaries;

pub(crate) use archive::KEEP_LISTS;
pub(crate) use needed::Needed;
pub(crate) use tools::Tools;

/// The user's choices.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct Options {
    /// Sign the UKI and the boot loader for Secure Boot with this key
    #[arg(long, value_name = "PEM", requires = "secure_boot_certificate")]
    pub(crate) secure_boot_key: Option<PathBuf>,
    /// The key's certificate, which the board's firmware needs as well
    #[arg(long, value_name = "PEM", requires = "secure_boot_key")]
    pub(crate) secure_boot_certificate: Option<PathBuf>,
    /// Sign the slot's manifest with this minisign key; SEGBOX_MINISIGN_PASSWORD holds its password
    #[arg(long, value_name = "KEY")]
    pub(crate) minisign_key: Option<PathBuf>,
    /// Put the image there instead of target/image; replaces an image that is there
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// Build everything twice, in two places and from nothing, and compare every byte
    #[arg(long, conflicts_with = "output")]
    pub(crate) reproduce: bool,
}

/// Builds the image unless it is up to date, and prints its sizes.
///
/// # Errors
/// No network where packages are needed, a fault in the sources, an image over its budget.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if options.reproduce {
        return reproduce::run(options);
    }
    let built = build(&Tools::open()?, options)?;
    print!("{}", budget::table(&built)?);
    Ok(())
}

/// The folder of the image's files.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("image")
}

/// Builds the image unless it is up to date; returns the folder with all files.
pub(crate) fn build(tools: &Tools, options: &Options) -> Result<PathBuf, Failure> {
    // The image's file modes do not depend on the user's umask.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    // A wrong key is an error now and not after minutes.
    sign::check(tools, options)?;
    let output = place(options)?;
    for path in [&workspace::root(), &output, &workspace::cache()?] {
        without_separators(path)?;
    }
    let scratch = beside(&output, "new");
    let _turn = lock(&beside(&output, "lock"), "another build makes this image; waiting for it")?;
    let kernel = kernel::tree(tools)?;
    kernel::current(&manifest::packages(&kernel.manifest())?)?;
    let binaries = Binaries::build()?;
    let key = key(tools, &kernel, &binaries, options)?;
    if fs::read_to_string(output.join(".key")).is_ok_and(|old| old == key) {
        return Ok(output);
    }
    let assembled = assemble(tools, &kernel, &binaries, options, &scratch).and_then(|()| budget::check(&scratch));
    if let Err(failure) = assembled {
        // mkosi's log stays, because the failure names it.
        drop(fs::remove_file(scratch.join("segbox.raw")));
        return Err(failure);
    }
    tree::write(&scratch.join(".key"), key)?;
    // Tests use the tools and build nothing themselves.
    let link = scratch.join("tools");
    std::os::unix::fs::symlink(tools.tree(), &link).map_err(|error| Failure::file("link", &link, &error))?;
    // At each moment there is a whole image, the old one or the new one.
    tree::replace(&scratch, &output)?;
    Ok(output)
}

/// The folder for the image.
fn place(options: &Options) -> Result<PathBuf, Failure> {
    let Some(output) = &options.output else { return Ok(folder()) };
    let whole = std::path::absolute(output).map_err(|error| Failure::file("find", output, &error))?;
    // The folder is replaced, so it has to be an image: no other folder of the user may be lost.
    let is_empty = |entries: fs::ReadDir| entries.count() == 0;
    let free = fs::read_dir(&whole).map_or(!whole.exists(), is_empty);
    if whole.file_name().is_none() || !free && !whole.join(".key").exists() {
        return Err(Failure::new(
            format!("cannot put the image into {}", whole.display()),
            "the folder is not empty and holds no image",
            "name a folder that does not exist",
        ));
    }
    Ok(whole)
}

/// Refuses paths that mkosi would read as a list.
fn without_separators(path: &Path) -> Result<(), Failure> {
    if path.to_string_lossy().contains([',', ':']) {
        return Err(Failure::new(
            format!("cannot build an image in {}", path.display()),
            "mkosi reads a path with a comma or a colon as several paths",
            "build it in a folder with another name, or name one by --output or XDG_CACHE_HOME",
        ));
    }
    Ok(())
}

/// The name of a folder with an ending, on the same file system.
fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    folder.with_file_name(name)
}

/// Makes the image's files from the kernel and the binaries: a minute.
fn assemble(
    tools: &Tools,
    kernel: &kernel::Kernel,
    binaries: &Binaries,
    options: &Options,
    output: &Path,
) -> Result<(), Failure> {
    tree::empty(output)?;
    let release = release::Release::of(&workspace::root());
    let work = output.join("work");
    Step::quiet("packing kernel, initrd and UKI", 30)
        .run(|| system::build(tools, kernel, &binaries.segbox.path, &release, options, &work, output))?;
    Step::quiet("packing the tester", 5)
        .run(|| tester::build(tools, &binaries.segbench.path, &release, &work, output))?;
    sbom::write(&binaries.segbox.linked, &output.join("segbox.cdx.json"))?;
    manifest::write(tools, kernel, &release, output)?;
    sign::manifest(options, output)?;
    Step::quiet("making the disk, and compressing it", 30)
        .run(|| disk::build(tools, &release, options, &work, output))?;
    fs::remove_dir_all(&work).map_err(|error| Failure::file("remove", &work, &error))
}

/// Key of everything that the image is made from.
fn key(tools: &Tools, kernel: &kernel::Kernel, binaries: &Binaries, options: &Options) -> Result<String, Failure> {
    let root = workspace::root();
    let release = release::Release::of(&root);
    let mut key = Key::default().text(tools.key()).text(&kernel.key).text(&format!("{release:?}"));
    // The code that lays it out is an input too.
    for folder in ["image", "hw-profiles", "xtask/src/image"] {
        for path in workspace::files(&root.join(folder))? {
            key = key.file(&root, &path)?;
        }
    }
    let keys = [&options.secure_boot_key, &options.secure_boot_certificate, &options.minisign_key];
    for path in keys {
        key = match path {
            Some(path) => key.file(&root, path)?,
            None => key.text("not signed"),
        };
    }
    for path in [&binaries.segbox.path, &binaries.segbench.path, &root.join("Cargo.lock")] {
        key = key.file(&workspace::target(), path)?;
    }
    Ok(key.finish())
}
