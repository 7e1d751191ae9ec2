//! Copies the benchmark's BPF objects to the folder that the crate embeds them from. `cargo xtask ebpf` builds them into
//! target/bpf/bench; SEGBOX_BPF_DIR names another folder that has `bench`. Does not build them, which needs another compiler.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = match env::var_os("SEGBOX_BPF_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../target/bpf"),
    }
    .join("bench");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-env-changed=SEGBOX_BPF_DIR");
    for name in ["bench_add_tlv20", "bench_generate", "bench_pass", "bench_sink", "bench_tag_increment"] {
        let object = folder.join(format!("{name}.o"));
        println!("cargo::rerun-if-changed={}", object.display());
        if let Err(error) = fs::copy(&object, out.join(format!("{name}.o"))) {
            println!(
                "cargo::error={name}.o is not in target/bpf/bench ({error}): run `./dev build`, which builds it first"
            );
        }
    }
    Ok(())
}
