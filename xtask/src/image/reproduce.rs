//! Builds the image twice and compares every byte: from nothing, in two places, as two users on two machines would. Each build
//! is `cargo xtask image` in a clone with an empty cache: the kernel's tree, the BPF programs, the binary and this program are
//! all made anew. The builds share downloads (crates, Debian's lists and packages) and tools: compilers, bpf-linker, mkosi and
//! its tree.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::released::FILES;
use super::{Options, Tools, tree};
use crate::failure::Failure;
use crate::{ebpf, process, workspace};

/// Two developers: names of their folders, and their settings.
const BUILDS: [Build; 2] = [
    Build { name: "one", umask: "022", settings: &[("TZ", "UTC"), ("LC_ALL", "C")] },
    Build {
        name: "two elsewhere",
        umask: "077",
        settings: &[("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C.UTF-8"), ("USER", "two"), ("CARGO_HOME", "cargo")],
    },
];

struct Build {
    name: &'static str,
    umask: &'static str,
    settings: &'static [(&'static str, &'static str)],
}

/// Builds both and compares them.
///
/// # Errors
/// A file differs; both builds are kept for comparison.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    // Their shared parts are made before the first build.
    Tools::open()?;
    ebpf::run()?;
    let place = workspace::target().join("reproduce");
    // Both clones are made now: the developer may go on editing meanwhile.
    for build in &BUILDS {
        let place = place.join(build.name);
        tree::empty(&place)?;
        build.clone(&place.join("sources"))?;
    }
    for build in &BUILDS {
        println!("building it in {}", place.join(build.name).display());
        build.run(options, &place.join(build.name))?;
    }
    let mut differ = Vec::new();
    for file in FILES {
        let [one, two] = BUILDS.each_ref().map(|build| digest(&place.join(build.name).join("image").join(file)));
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
        "they contain something of the machine, the place or the time",
        format!("compare the two folders in {}, for example with diffoscope", place.display()),
    ))
}

impl Build {
    fn run(&self, options: &Options, place: &Path) -> Result<(), Failure> {
        let home = place.join("home");
        let cache = home.join(".cache/segbox");
        fs::create_dir_all(&cache).map_err(|error| Failure::file("create", &cache, &error))?;
        let shared = workspace::cache()?;
        for entry in fs::read_dir(&shared).map_err(|error| Failure::file("read", &shared, &error))?.flatten() {
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with("kernel") {
                link(&entry.path(), &cache.join(name))?;
            }
        }
        let cargo_home = place.join("cargo");
        link(&workspace::cargo_home(), &cargo_home)?;

        let mut command = self.command(&workspace::cargo());
        command.args(["xtask", "image", "--output"]).arg(place.join("image"));
        for (option, path) in [
            ("--secure-boot-key", &options.secure_boot_key),
            ("--secure-boot-certificate", &options.secure_boot_certificate),
            ("--minisign-key", &options.minisign_key),
        ] {
            if let Some(path) = path {
                let path = fs::canonicalize(path).map_err(|error| Failure::file("read", path, &error))?;
                command.arg(option).arg(path);
            }
        }
        command
            .current_dir(place.join("sources"))
            .env("CARGO_HOME", workspace::cargo_home())
            .env("RUSTUP_HOME", rustup_home());
        for (name, value) in self.settings {
            // The same crates, by another path.
            if *name == "CARGO_HOME" {
                command.env(name, &cargo_home)
            } else {
                command.env(name, value)
            };
        }
        command.env("HOME", &home).env("XDG_CACHE_HOME", home.join(".cache")).env_remove("CARGO_TARGET_DIR");
        process::run(&mut command, "read its output above; `cargo xtask image` alone shows the fault faster")
    }

    /// A command with this developer's umask. A shell sets it, because a umask is a property of a process.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {} && exec \"$@\"", self.umask), "sh"]).arg(program);
        command
    }

    /// Clones the sources, with changes that are not yet committed.
    fn clone(&self, to: &Path) -> Result<(), Failure> {
        let root = workspace::root();
        let git = |arguments: &[&str]| {
            let mut git = self.command(Path::new("git"));
            git.current_dir(&root).args(arguments);
            git
        };
        let fix = "the comparison needs the repository, not a copy of its files";
        process::output(git(&["clone", "--quiet", "."]).arg(to), fix)?;
        let changed = process::output(&mut git(&["diff", "--name-only", "HEAD"]), fix)?;
        let new = process::output(&mut git(&["ls-files", "--others", "--exclude-standard"]), fix)?;
        for path in changed.lines().chain(new.lines()) {
            let (from, to) = (root.join(path), to.join(path));
            if from.is_file() {
                tree::copy(&from, &to)?;
            } else {
                drop(fs::remove_file(to));
            }
        }
        Ok(())
    }
}

fn link(target: &Path, place: &Path) -> Result<(), Failure> {
    symlink(target, place).map_err(|error| Failure::file("link", place, &error))
}

/// The folder of rustup's toolchains, which is outside of the builds' home.
fn rustup_home() -> PathBuf {
    std::env::var_os("RUSTUP_HOME")
        .map_or_else(|| std::env::home_dir().unwrap_or_default().join(".rustup"), PathBuf::from)
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
