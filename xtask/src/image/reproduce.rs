//! Builds the image twice and compares every byte: from nothing, in two places, with a kernel tree of its own each time.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

use super::{Options, Tools, assemble, binary, budget, kernel, tree};
use crate::failure::Failure;
use crate::{process, workspace};

/// Files that are compared: everything that leaves the house.
const FILES: [&str; 8] = [
    "kernel",
    "initrd",
    "segbox.efi",
    "segbox.raw",
    "segbox.raw.zst",
    "segbox.qcow2",
    "segbox.cdx.json",
    "manifest.json",
];

/// Builds both and compares them.
///
/// # Errors
/// A file differs; both are kept to be looked at.
pub(super) fn run(tools: &Tools, options: &Options) -> Result<(), Failure> {
    let place = workspace::target().join("reproduce");
    let names = ["one", "two, elsewhere"];
    for name in names {
        println!("building it in {}", place.join(name).display());
        build(tools, options, &place.join(name))?;
    }
    let mut differ = Vec::new();
    for file in FILES {
        let [one, two] = names.map(|name| digest(&place.join(name).join("image").join(file)));
        let (one, two) = (one?, two?);
        println!("{} {one}  {file}", if one == two { "same  " } else { "DIFFER" });
        if one != two {
            differ.push(file);
        }
    }
    if differ.is_empty() {
        return tree::remove(&place);
    }
    Err(Failure::new(
        format!("two builds differ: {}", differ.join(", ")),
        "something of the machine, the place or the time is in them",
        format!("compare what is in {} (diffoscope)", place.display()),
    ))
}

fn build(tools: &Tools, options: &Options, place: &Path) -> Result<(), Failure> {
    tree::empty(place)?;
    let sources = place.join("sources");
    copy_sources(&sources)?;
    let fresh = place.join("kernel");
    kernel::build(tools, &fresh)?;
    let kernel = kernel::opened(fresh, String::new())?;
    let binary = binary::build(&sources, &place.join("target"))?;
    let output = place.join("image");
    assemble(tools, &kernel, &binary, options, &output)?;
    budget::check(&output)
}

/// The sources as git knows them, with what is changed and not yet committed.
fn copy_sources(to: &Path) -> Result<(), Failure> {
    let root = workspace::root();
    let list = process::output(
        Command::new("git").current_dir(&root).args(["ls-files", "--cached", "--others", "--exclude-standard"]),
        "the comparison needs the repository, not a copy of its files",
    )?;
    let paths = list.lines().filter(|path| root.join(path).is_file());
    paths.into_iter().try_for_each(|path| tree::copy(&root.join(path), &to.join(path)))
}

fn digest(path: &Path) -> Result<String, Failure> {
    let mut file = fs::File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(|error| Failure::file("read", path, &error))? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}
