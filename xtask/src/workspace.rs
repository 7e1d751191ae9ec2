//! Paths in this repository and on this machine. Creates nothing.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The repository; the current folder where cargo does not run us.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it when it runs us. A path that is compiled in would be wrong after a move of the repository.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("./xtask"), PathBuf::from);
    xtask.parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Cargo's output directory.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The files of a directory and below.
///
/// # Errors
/// A directory cannot be read.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fault = |error: &std::io::Error| Failure::file("read", directory, error);
    let mut found = Vec::new();
    for entry in directory.read_dir().map_err(|error| fault(&error))? {
        let path = entry.map_err(|error| fault(&error))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The folder of the tools that are built once and serve every clone.
///
/// # Errors
/// Neither `XDG_CACHE_HOME` nor `HOME` is set.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.map(|cache| cache.join("segbox")).ok_or_else(|| {
        Failure::new(
            "cannot find the cache directory",
            "neither XDG_CACHE_HOME nor HOME is set",
            "set HOME, for example: export HOME=/root",
        )
    })
}

/// The cargo that runs us.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Cargo's own directory, which holds the sources of our dependencies.
pub(crate) fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME").map_or_else(|| env::home_dir().unwrap_or_default().join(".cargo"), PathBuf::from)
}
