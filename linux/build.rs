//! Puts the built-in BPF programs into the crate: the objects that `cargo xtask ebpf` made in target/bpf, or those in the folder
//! SEGBOX_BPF_DIR. Does not build them, since that needs another compiler.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let crate_folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let folder = match env::var_os("SEGBOX_BPF_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => crate_folder.join("../target/bpf"),
    };
    println!("cargo::rerun-if-env-changed=SEGBOX_BPF_DIR");
    // The folder changes when an object is added or removed, an object when it is built anew.
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut objects: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?,
        Err(_) => Vec::new(),
    };
    objects.retain(|path| path.extension().is_some_and(|extension| extension == "o"));
    objects.sort();

    let mut table = String::from("/// The objects, by name.\npub const BUILTINS: &[Builtin] = &[\n");
    let mut own = String::from(
        "/// Objects that segbox loads by itself, for keys of the file that are no programs.\nconst OWN: &[Builtin] = &[\n",
    );
    for object in &objects {
        println!("cargo::rerun-if-changed={}", object.display());
        let name = object.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let bins = crate_folder.join("../fastpath-ebpf/src/bin");
        // A program of several files has a folder.
        let sources = [bins.join(format!("{name}.rs")), bins.join(name).join("main.rs")];
        let [file, folder] = &sources;
        let source = if file.exists() { file } else { folder };
        println!("cargo::rerun-if-changed={}", source.display());
        let (about, path) = (about(source)?, object.canonicalize()?);
        let is_own = ["tc_", "xdp_"].iter().any(|prefix| name.starts_with(prefix));
        let table = if is_own { &mut own } else { &mut table };
        writeln!(table, "    Builtin {{ name: {name:?}, about: {about:?}, object: include_bytes!({path:?}) }},")
            .expect("a String takes any text");
    }
    table.push_str("];\n");
    own.push_str("];\n");
    table.push_str(&own);
    if objects.is_empty() {
        println!("cargo::error=no BPF programs in target/bpf: run `./dev build`, which builds them first");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("builtins.rs"), table)
}

/// The purpose of a program: the first line of its source.
fn about(source: &Path) -> io::Result<String> {
    let text = fs::read_to_string(source)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", source.display())))?;
    Ok(text.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or_default().to_owned())
}
