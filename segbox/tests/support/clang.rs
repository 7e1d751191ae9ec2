//! A user's program: C, compiled by clang.

use std::path::PathBuf;
use std::process::Command;

use super::files::Files;
use super::segbox::run;

/// Compiles a C source into `object` of the test's folder.
pub(crate) fn compile(files: &Files, source: &str, object: &str) {
    let headers = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let source = files.write(&format!("{object}.c"), source);
    let mut clang = Command::new(clang());
    clang.args(["-O2", "-g", "-target", "bpf", "-Wall", "-Werror", &headers, "-c"]);
    let compiled = run(clang.arg(source).arg("-o").arg(files.path().join(object)));
    assert_eq!(compiled.code, Some(0), "{}", compiled.err);
}

/// Debian's clang packages install a plain `clang` only for their default version.
fn clang() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&on_path).map(|folder| folder.join("clang")).collect();
    places.extend((14..100).rev().map(|version| PathBuf::from(format!("/usr/lib/llvm-{version}/bin/clang"))));
    places.into_iter().find(|place| place.exists()).expect("a clang with the BPF target; `./dev test` installs one")
}
