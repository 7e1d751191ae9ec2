//! `./dev clean`: empties the user's cache of kernels, tools and packages that the sources of this clone no longer need.
//!
//! Leaves `target/` to `cargo clean`. A folder that is gone is made again by the next command that needs it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::failure::Failure;
use crate::image::Needed;
use crate::lock::lock;
use crate::toolchain::{Kind, Toolchain};
use crate::{check, linker, workspace};

/// How much goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Remove all of it, also what the next command has to fetch and build again
    #[arg(long)]
    all: bool,
}

/// Folders that are no product of a key: Debian's lists, mkosi's workspace and the last times.
const ALWAYS: [&str; 3] = ["apt", "mkosi", "times"];
/// mkosi's package cache.
const PACKAGES: &str = "packages";
/// A folder of mkosi's workspace this old belongs to no run that goes on.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Removes, and says how much.
///
/// # Errors
/// The cache cannot be read or a part of it cannot be removed.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let cache = workspace::cache()?;
    if !cache.exists() {
        println!("nothing to remove: there is no {}", cache.display());
        return Ok(());
    }
    // A build that fills a folder is waited for.
    let waiting = "another ./dev fills the cache; waiting for it";
    let makers = ["bpf-linker", "cargo-deny", "mkosi", "tools", "kernel", "daemons"];
    let turns = makers.map(|name| lock(&cache.join(format!("{name}.lock")), waiting));
    let _turns = turns.into_iter().collect::<Result<Vec<_>, _>>()?;
    let doomed = if options.all { children(&cache)? } else { superfluous(&cache, &needed()?)? };
    let mut freed = 0;
    for path in doomed.iter().filter(|path| !is_lock(path)) {
        let size = size(path)?;
        remove(path)?;
        freed += size;
        // A package is one of hundreds, and its name says little.
        if path.parent() == Some(&cache) {
            println!("removed {} ({})", path.display(), mebibytes(size));
        }
    }
    println!("freed {} in {}", mebibytes(freed), cache.display());
    Ok(())
}

/// Parts of the cache that this clone needs.
fn needed() -> Result<Needed, Failure> {
    let mut needed = Needed::find()?;
    needed.folders.push(check::deny_folder());
    // Without a compiler here there is no linker for it either.
    if let Ok(toolchain) = Toolchain::find()
        && toolchain.kind == Kind::Debian
        && let Ok(folder) = linker::kept(&toolchain)
    {
        needed.folders.push(folder);
    }
    Ok(needed)
}

/// Parts of the cache that nothing needs.
fn superfluous(cache: &Path, needed: &Needed) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in children(cache)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == PACKAGES {
            found.extend(packages(&path, needed)?);
        } else if !ALWAYS.contains(&name.as_str()) && !needed.folders.contains(&name) {
            found.push(path);
        }
    }
    let workspaces = cache.join("mkosi");
    if workspaces.exists() {
        found.extend(children(&workspaces)?.into_iter().filter(|path| is_abandoned(path)));
    }
    Ok(found)
}

/// Packages of other versions than those that the current trees are made of.
fn packages(folder: &Path, needed: &Needed) -> Result<Vec<PathBuf>, Failure> {
    let Some(wanted) = &needed.packages else { return Ok(Vec::new()) };
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        wanted.iter().any(|start| name.starts_with(start))
    };
    let files = workspace::files(folder)?;
    Ok(files.into_iter().filter(|path| is_package(path) && !is_wanted(path)).collect())
}

fn is_abandoned(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|entry| entry.modified());
    let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
    age.is_some_and(|age| age > ABANDONED)
}

/// Locks stay: a process that waits for one would otherwise hold a file that is gone.
fn is_lock(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "lock")
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<_> = entries.map_err(|error| Failure::file("read", folder, &error))?;
    paths.sort();
    Ok(paths)
}

/// Bytes on the disk. Links are not followed.
fn size(path: &Path) -> Result<u64, Failure> {
    let entry = metadata(path)?;
    let below = if entry.is_dir() { children(path)? } else { Vec::new() };
    below.iter().try_fold(entry.blocks() * 512, |sum, path| Ok(sum + size(path)?))
}

fn metadata(path: &Path) -> Result<Metadata, Failure> {
    fs::symlink_metadata(path).map_err(|error| Failure::file("read", path, &error))
}

fn remove(path: &Path) -> Result<(), Failure> {
    let removed = if metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| Failure::file("remove", path, &error))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder of the cache")).expect("a fresh folder");
            fs::write(path, "content").expect("room");
        }
        folder
    }

    #[test]
    fn what_the_current_keys_name_stays_and_the_rest_goes() {
        let cache = cache(&[
            "kernel-new/kernel.manifest",
            "kernel-old/kernel.manifest",
            "kernel-new.new/half",
            "tools-new/tools.manifest",
            "apt/updated",
            "times/dev-test",
            "mkosi/running/file",
            "packages/cache/apt/archives/kmod_34.2-2_amd64.deb",
            "packages/cache/apt/archives/kmod_34.1-1_amd64.deb",
            "packages/cache/apt/archives/grub_2%3a2.12-9_amd64.deb",
            "packages/lib/lists",
        ]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let needed = Needed {
            folders: names(&["kernel-new", "tools-new"]),
            packages: Some(names(&["kmod_34.2-2_", "grub_2%3a2.12-9_"])),
        };
        let found = superfluous(cache.path(), &needed).expect("readable");
        let found: Vec<_> = found.iter().map(|path| path.strip_prefix(cache.path()).expect("within")).collect();
        let gone = ["kernel-new.new", "kernel-old", "packages/cache/apt/archives/kmod_34.1-1_amd64.deb"];
        assert_eq!(found, gone.map(Path::new));
    }

    #[test]
    fn packages_stay_where_no_tree_says_which_are_needed() {
        let cache = cache(&["packages/cache/apt/archives/kmod_34.2-2_amd64.deb"]);
        assert_eq!(superfluous(cache.path(), &Needed::default()).expect("readable"), [""; 0].map(PathBuf::from));
    }
}
