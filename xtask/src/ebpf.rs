//! Builds the BPF programs, the product's to `target/bpf/NAME.o` and the benchmark's to `target/bpf/bench/NAME.o`: with BTF,
//! without other debug information, and with the same bytes wherever the repository is.
//!
//! Does nothing if nothing has changed. Does not load anything: the tests show the programs to the verifier.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::lock::lock;
use crate::programs::{self, Programs};
use crate::progress::Step;
use crate::stamp::Key;
use crate::toolchain::Toolchain;
use crate::{linker, process, workspace};

const TARGET: &str = "bpfel-unknown-none";

/// Flags that make rustc's code as short as clang's.
const FLAGS: [&str; 6] = [
    // BTF is made from debug information; llvm-strip then removes the rest.
    "-Cdebuginfo=2",
    "-Clinker=bpf-linker",
    "-Clink-arg=--btf",
    // 32-bit instructions, which need Linux 5.1. v4 would need 6.6.
    "-Ctarget-cpu=v3",
    // Otherwise every initialisation becomes a call of a loop over bytes.
    "-Clink-arg=--disable-expand-memcpy-in-order",
    // aya-ebpf needs it. It selects register names that no program here uses.
    "--cfg=bpf_target_arch=\"x86_64\"",
];

/// Profile of the programs, independent of the host's release profile. Level 3 unrolls the segment loop sixteen times;
/// clang builds the C peers at level 2 as well.
const PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
];

/// Builds the programs unless they are up to date.
///
/// # Errors
/// No compiler, no linker, a program that does not compile, a disk that is full.
pub(crate) fn run() -> Result<(), Failure> {
    let _turn = lock(&workspace::target().join("bpf.lock"), "another build compiles the BPF programs; waiting for it")?;
    let toolchain = Toolchain::find()?;
    let names = programs::ALL.iter().map(Programs::names).collect::<Result<Vec<_>, _>>()?;
    let crates: Vec<(&Programs, &Vec<String>)> = programs::ALL.iter().zip(&names).collect();
    let key = key(&toolchain)?;
    let stamp = programs::folder().join(".key");
    let has_all = |(of, names): &(&Programs, &Vec<String>)| names.iter().all(|name| of.object(name).exists());
    if fs::read_to_string(&stamp).is_ok_and(|old| old == key) && crates.iter().all(has_all) {
        return Ok(());
    }

    let linker = linker::directory(&toolchain)?;
    let built = Step::quiet("compiling the BPF programs", 40).run(|| build(&toolchain, &linker))?;
    let strip = toolchain.llvm_tool("llvm-strip")?;
    for (of, names) in crates {
        let objects = of.objects();
        fs::create_dir_all(&objects).map_err(|error| Failure::file("create", &objects, &error))?;
        remove_strangers(&objects, names)?;
        for name in names {
            // Under another name first: others read the folder and must not see half an object.
            let (whole, half) = (of.object(name), objects.join(format!(".{name}.new")));
            process::run(Command::new(&strip).arg("-g").arg(built.join(name)).arg("-o").arg(&half), "report this")?;
            fs::rename(&half, &whole).map_err(|error| Failure::file("write", &whole, &error))?;
        }
    }
    fs::write(&stamp, key).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(())
}

/// Compiles and links all programs; returns the directory they are in.
fn build(toolchain: &Toolchain, linker: &Path) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([linker.to_owned()].into_iter().chain(std::env::split_paths(&path))).map_err(|error| {
            Failure::new(
                "cannot put bpf-linker on the PATH",
                error.to_string(),
                "set XDG_CACHE_HOME to a path without a colon",
            )
        })?;
    // A separate directory: the compiler differs from the host's, and neither build waits for the other's lock.
    let output = workspace::target().join("ebpf");
    let flags = FLAGS.iter().map(ToString::to_string).chain(remap(toolchain)).collect::<Vec<_>>().join("\x1f");
    process::run(
        toolchain
            .cargo()
            .current_dir(workspace::root())
            .args(["build", "--quiet", "--release", "--bins", "--features", "bpf"])
            .args(programs::ALL.iter().flat_map(|programs| ["--package", programs.package]))
            .args(["-Zbuild-std=core", "--target", TARGET, "--target-dir"])
            .arg(&output)
            .env("PATH", path)
            .env("CARGO_ENCODED_RUSTFLAGS", flags)
            .env_remove("RUSTFLAGS")
            .envs(PROFILE),
        "read the compiler's message above; `cargo clippy -p segbox-fastpath-ebpf -p segbox-bench-ebpf` shows faults of the libraries sooner",
    )?;
    Ok(output.join(TARGET).join("release"))
}

/// Options that keep this machine's paths out of the objects. A later option wins, so the general ones come first.
fn remap(toolchain: &Toolchain) -> Vec<String> {
    let cargo_home = workspace::cargo_home();
    let source = toolchain.source();
    let mut paths = vec![(cargo_home.clone(), "/cargo"), (workspace::root(), "/segbox")];
    // The name of the registry's directory depends on the registry's host.
    if let Ok(registries) = cargo_home.join("registry/src").read_dir() {
        paths.extend(registries.flatten().map(|registry| (registry.path(), "/registry")));
    }
    paths.extend(fs::canonicalize(&source).ok().map(|real| (real, "/rust")));
    paths.push((source, "/rust"));
    paths.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())).collect()
}

/// Key of everything that the objects are made from.
fn key(toolchain: &Toolchain) -> Result<String, Failure> {
    let root = workspace::root();
    let mut key = Key::default().text(&toolchain.version).text(&FLAGS.concat()).text(&format!("{PROFILE:?}"));
    let mut inputs = vec![root.join("Cargo.toml")];
    for programs in &programs::ALL {
        inputs.extend(workspace::files(&programs.source().join("src"))?);
        inputs.push(programs.source().join("Cargo.toml"));
    }
    for path in inputs {
        key = key.file(&root, &path)?;
    }
    Ok(key.text(&locked_versions(&root.join("Cargo.lock"))?).finish())
}

/// The lock file's entries of aya's BPF crates. The rest of the file is no input: it changes with every other crate.
fn locked_versions(lock: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(lock).map_err(|error| Failure::file("read", lock, &error))?;
    Ok(text.split("[[package]]").filter(|entry| entry.contains("name = \"aya-ebpf")).collect())
}

/// Removes objects whose program no longer exists, so that they are not embedded.
fn remove_strangers(objects: &Path, names: &[String]) -> Result<(), Failure> {
    let fault = |error: &std::io::Error| Failure::file("read", objects, error);
    for entry in objects.read_dir().map_err(|error| fault(&error))? {
        let path = entry.map_err(|error| fault(&error))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "o") && !names.iter().any(|name| name == stem) {
            fs::remove_file(&path).map_err(|error| Failure::file("remove", &path, &error))?;
        }
    }
    Ok(())
}
