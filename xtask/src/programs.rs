//! The two crates of BPF programs: the product's and the benchmark's. Where their sources are, and where their objects go.
//! Builds nothing.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::workspace;

/// A crate of BPF programs: one program per file of its `src/bin`.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Its package.
    pub(crate) package: &'static str,
    /// Its folder in the repository.
    folder: &'static str,
    /// The folder of its objects below [`folder`].
    objects: &'static str,
}

/// The built-in programs. linux/build.rs embeds every object of their folder, so no other object may be in it.
pub(crate) const PRODUCT: Programs = Programs { package: "segbox-fastpath-ebpf", folder: "fastpath-ebpf", objects: "" };

/// The generator, the sink, and the programs that are only measured.
pub(crate) const BENCH: Programs = Programs { package: "segbox-bench-ebpf", folder: "bench/ebpf", objects: "bench" };

/// Both.
pub(crate) const ALL: [Programs; 2] = [PRODUCT, BENCH];

/// Where all built objects are.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("bpf")
}

impl Programs {
    /// The crate.
    pub(crate) fn source(&self) -> PathBuf {
        workspace::root().join(self.folder)
    }

    /// Where its objects are.
    pub(crate) fn objects(&self) -> PathBuf {
        folder().join(self.objects)
    }

    /// Where a program's object is.
    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.objects().join(format!("{name}.o"))
    }

    /// Names of its programs, in order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names: Vec<_> = workspace::files(&self.source().join("src/bin"))?
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }
}
