//! Finds a Rust compiler that can build `core` for the BPF target, and the LLVM tools that go with it.
//!
//! Looks for Debian's `rustc-web` with `rust-web-src` first, because `./dev` installs these; then for rustup's nightly with
//! `rust-src`. Asks for versions and assumes none. Installs nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::{process, workspace};

/// A compiler with its library sources.
pub(crate) struct Toolchain {
    /// Its origin.
    pub(crate) kind: Kind,
    /// The whole output of `rustc -vV`.
    pub(crate) version: String,
    /// Major version of the LLVM in it.
    pub(crate) llvm: u32,
    /// Directory that has `lib/rustlib`.
    pub(crate) sysroot: PathBuf,
}

/// The origin of a compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Debian's rustc-web. It is a stable compiler, so it is told to accept the features that build-std needs.
    Debian,
    /// A nightly of rustup's.
    Nightly,
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Debian keeps each LLVM in a separate directory with this beginning.
const DEBIAN_LLVM: &str = "/usr/lib/llvm-";

impl Toolchain {
    /// The first complete one.
    ///
    /// # Errors
    /// Neither is complete; both answers are quoted.
    pub(crate) fn find() -> Result<Self, Failure> {
        let debian = match Self::probe(Kind::Debian) {
            Ok(toolchain) => return Ok(toolchain),
            Err(failure) => failure,
        };
        let nightly = match Self::probe(Kind::Nightly) {
            Ok(toolchain) => return Ok(toolchain),
            Err(failure) => failure,
        };
        Err(Failure::new(
            "no Rust compiler here can build BPF programs",
            format!("Debian's: {}: {}; rustup's: {}: {}", debian.tried, debian.why, nightly.tried, nightly.why),
            "on Debian run ./dev build, which installs it; elsewhere: \
             rustup toolchain install nightly --component rust-src && cargo install bpf-linker",
        ))
    }

    fn probe(kind: Kind) -> Result<Self, Failure> {
        let version = process::output(kind.rustc().arg("-vV"), "install it")?;
        let sysroot = PathBuf::from(process::output(kind.rustc().args(["--print", "sysroot"]), "install it")?);
        let llvm = llvm_major(&version).ok_or_else(|| {
            Failure::new(format!("cannot read the LLVM version of {}", kind.name()), version.clone(), "report this")
        })?;
        let toolchain = Self { kind, version, llvm, sysroot };
        let library = toolchain.source().join("library/core/Cargo.toml");
        match library.metadata() {
            Ok(_) => Ok(toolchain),
            Err(error) => Err(Failure::file("find the library sources at", &library, &error)),
        }
    }

    /// The sources of the compiler and its libraries.
    pub(crate) fn source(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }

    /// A cargo that builds with this compiler.
    pub(crate) fn cargo(&self) -> Command {
        match self.kind {
            Kind::Debian => {
                let mut cargo = Command::new(workspace::cargo());
                // RUSTC wins over a shim of rustup's that stands first on the PATH.
                cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                cargo
            }
            Kind::Nightly => {
                let mut cargo = rustup("cargo");
                // The cargo that runs us has set these for another compiler.
                cargo.env_remove("RUSTC").env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
                cargo
            }
        }
    }

    /// An LLVM tool such as `llvm-strip` or `clang`, of this compiler's LLVM where Debian has it.
    ///
    /// # Errors
    /// It is not there; the Debian package is named.
    pub(crate) fn llvm_tool(&self, name: &str) -> Result<PathBuf, Failure> {
        let of_debian = self.llvm_prefix().join("bin").join(name);
        if of_debian.exists() {
            return Ok(of_debian);
        }
        let plain = on_path(name).filter(|_| self.kind == Kind::Nightly);
        plain.ok_or_else(|| {
            let package = if name == "clang" { "clang" } else { "llvm" };
            Failure::new(
                format!("cannot find {name} of LLVM {}", self.llvm),
                format!("it is not at {}", of_debian.display()),
                format!("install it (Debian: apt-get install {package}-{})", self.llvm),
            )
        })
    }

    /// Debian's directory of this compiler's LLVM.
    pub(crate) fn llvm_prefix(&self) -> PathBuf {
        PathBuf::from(format!("{DEBIAN_LLVM}{}", self.llvm))
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Debian => DEBIAN_RUSTC,
            Self::Nightly => "rustup's nightly",
        }
    }

    fn rustc(self) -> Command {
        match self {
            Self::Debian => Command::new(DEBIAN_RUSTC),
            Self::Nightly => rustup("rustc"),
        }
    }
}

fn rustup(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    command
}

/// A program on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|place| Path::is_file(place))
}

/// The major version in the line `LLVM version: 22.1.8`.
fn llvm_major(version: &str) -> Option<u32> {
    let line = version.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    line.split('.').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_version_is_read_from_what_rustc_says() {
        assert_eq!(llvm_major("rustc 1.96.0\nbinary: rustc\nLLVM version: 22.1.8"), Some(22));
        assert_eq!(llvm_major("LLVM version: 23"), Some(23));
        assert_eq!(llvm_major("rustc 1.96.0"), None);
    }
}
