//! Builds the firmware image: kernel, initrd, UKI, and a disk with all of it, into `target/image`.
//!
//! The flow is here, a step a module. mkosi does the packing, in a tree of Debian 13's tools, whatever the machine has;
//! what is slow is kept in the user's cache under a key of its inputs. Starts nothing: that is `vm`.

mod archive;
mod binary;
mod bios;
mod budget;
mod disk;
mod kernel;
mod manifest;
mod mkosi;
mod release;
mod reproduce;
mod sbom;
mod sign;
mod system;
mod tools;
mod tree;

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::stamp::Key;
use crate::workspace;

pub(crate) use tools::Tools;

/// What the user decides.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct Options {
    /// Sign the UKI and the boot loader for Secure Boot with this key
    #[arg(long, value_name = "PEM", requires = "secure_boot_certificate")]
    pub(crate) secure_boot_key: Option<PathBuf>,
    /// The key's certificate, which the board's firmware is given as well
    #[arg(long, value_name = "PEM", requires = "secure_boot_key")]
    pub(crate) secure_boot_certificate: Option<PathBuf>,
    /// Sign the slot's manifest with this minisign key; its password is taken from SEGBOX_MINISIGN_PASSWORD
    #[arg(long, value_name = "KEY")]
    pub(crate) minisign_key: Option<PathBuf>,
    /// Build all of it twice, in two places and from nothing, and compare every byte
    #[arg(long)]
    pub(crate) reproduce: bool,
}

/// Builds what is not up to date.
///
/// # Errors
/// No network where packages are needed, a fault in the sources, an image over its budget.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let tools = Tools::open()?;
    if options.reproduce {
        return reproduce::run(&tools, options);
    }
    let built = build(&tools, options)?;
    print!("{}", budget::table(&built)?);
    Ok(())
}

/// The image for the tests, which build nothing themselves.
///
/// # Errors
/// As [`run`].
pub(crate) fn for_tests() -> Result<(), Failure> {
    build(&Tools::open()?, &Options::default()).map(drop)
}

/// Where the image's files are.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("image")
}

/// Builds what is not up to date; returns the folder with all files.
pub(crate) fn build(tools: &Tools, options: &Options) -> Result<PathBuf, Failure> {
    let kernel = kernel::tree(tools)?;
    let binary = binary::build(&workspace::root(), &workspace::target())?;
    let output = folder();
    let key = key(tools, &kernel, &binary, options)?;
    let stamp = output.join(".key");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(output);
    }
    let scratch = workspace::target().join("image.new");
    assemble(tools, &kernel, &binary, options, &scratch)?;
    budget::check(&scratch)?;
    fs::write(scratch.join(".key"), key).map_err(|error| Failure::file("write", &stamp, &error))?;
    // Whoever looks finds an old image or a new one, none in between.
    tree::replace(&scratch, &output)?;
    // For tests, which do not build anything themselves.
    let link = output.join("tools");
    std::os::unix::fs::symlink(tools.tree(), &link).map_err(|error| Failure::file("link", &link, &error))?;
    Ok(output)
}

/// Everything behind the kernel and the binary: a few seconds.
fn assemble(
    tools: &Tools,
    kernel: &kernel::Kernel,
    binary: &std::path::Path,
    options: &Options,
    output: &std::path::Path,
) -> Result<(), Failure> {
    tree::empty(output)?;
    let release = release::Release::of(&workspace::root());
    let work = output.join("work");
    system::build(tools, kernel, binary, &release, options, &work, output)?;
    sbom::write(&output.join("segbox.cdx.json"))?;
    manifest::write(tools, kernel, &release, output)?;
    sign::manifest(options, output)?;
    disk::build(tools, &release, options, &work, output)?;
    fs::remove_dir_all(&work).map_err(|error| Failure::file("remove", &work, &error))
}

/// Everything that the image is made from.
fn key(tools: &Tools, kernel: &kernel::Kernel, binary: &std::path::Path, options: &Options) -> Result<String, Failure> {
    let root = workspace::root();
    let release = release::Release::of(&root);
    let mut key = Key::default().text(tools.key()).text(&kernel.key).text(&format!("{options:?} {release:?}"));
    // The programs that lay it out are inputs too.
    for folder in ["image", "hw-profiles", "xtask/src/image"] {
        for path in workspace::files(&root.join(folder))? {
            key = key.file(&root, &path)?;
        }
    }
    let keys = [&options.secure_boot_key, &options.secure_boot_certificate, &options.minisign_key];
    let files = keys.into_iter().flatten().cloned().chain([binary.to_owned(), root.join("Cargo.lock")]);
    for path in files {
        key = key.file(&root, &path)?;
    }
    Ok(key.finish())
}
