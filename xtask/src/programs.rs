//! The two crates of BPF programs: the product's and the benchmark's. Where their sources are, and where their objects go.
//! Builds nothing.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::workspace;

/// A crate of BPF programs: one program per file of its `src/bin`, or per folder with a `main.rs`.
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
        let bins = self.source().join("src/bin");
        let files = workspace::files(&bins)?;
        let mut names: Vec<_> = files.iter().filter_map(|path| program(path.strip_prefix(&bins).ok()?)).collect();
        names.sort();
        Ok(names)
    }
}

/// The program that a file below `src/bin` is the root of.
fn program(path: &Path) -> Option<String> {
    let root = if path.ends_with("main.rs") { path.parent()? } else { path };
    let is_one = root.components().count() == 1 && path.extension()? == "rs";
    is_one.then(|| root.file_stem()?.to_str().map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_file_or_a_folder_with_a_main() {
        let of = |path: &str| program(Path::new(path));
        assert_eq!(of("end_oam.rs").as_deref(), Some("end_oam"));
        assert_eq!(of("xdp_fast_path/main.rs").as_deref(), Some("xdp_fast_path"));
        assert_eq!([of("xdp_fast_path/act.rs"), of("README.md"), of("notes/main.md")], [None, None, None]);
    }
}
