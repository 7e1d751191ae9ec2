//! Debian's kernel with the modules and the firmware of a router, in the cache. Compiles none.

use std::fs;
use std::path::PathBuf;

use super::kept::kept;
use super::{Tools, tools};
use crate::failure::Failure;
use crate::progress::Step;

/// A kernel with its modules and firmware.
#[derive(Debug)]
pub(super) struct Kernel {
    home: PathBuf,
    /// `6.12.117+deb13-amd64`
    pub(super) release: String,
    /// The key that tells it from others.
    pub(super) key: String,
}

impl Kernel {
    /// Modules, depmod's files and `vmlinuz`.
    pub(super) fn modules(&self) -> PathBuf {
        self.home.join("kernel/usr/lib/modules").join(&self.release)
    }

    /// Its build configuration: with it `segbox check` need not read the kernel's symbols.
    pub(super) fn configuration(&self) -> PathBuf {
        self.home.join("kernel/boot").join(format!("config-{}", self.release))
    }

    /// Firmware that the modules load.
    pub(super) fn firmware(&self) -> PathBuf {
        self.home.join("kernel/usr/lib/firmware")
    }

    /// One of [`STUBS`].
    pub(super) fn stub(&self, name: &str) -> PathBuf {
        self.home.join("kernel").join(name)
    }

    /// mkosi's list of its packages.
    pub(super) fn manifest(&self) -> PathBuf {
        self.home.join("kernel.manifest")
    }
}

/// mkosi's paths of the part of a UKI that the board's firmware starts, and of its add-on.
pub(super) const STUBS: [&str; 2] =
    ["usr/lib/systemd/boot/efi/linuxx64.efi.stub", "usr/lib/systemd/boot/efi/addonx64.efi.stub"];

/// Debian's newest kernel, from the cache if it is there.
///
/// # Errors
/// No network, not root.
pub(super) fn tree(tools: &Tools) -> Result<Kernel, Failure> {
    let key = tools::key(&tools.archive, &tools.mkosi.version, "kernel")?;
    let home = kept("kernel", &key, |fresh| {
        Step::quiet("installing Debian's kernel, once per version, 110 MB to fetch", 60)
            .run(|| tools.mkosi.project("kernel", fresh).option("--tools-tree", tools.tree()).build())
    })?;
    let modules = home.join("kernel/usr/lib/modules");
    let releases = fs::read_dir(&modules).map_err(|error| Failure::file("read", &modules, &error))?;
    let release = releases.flatten().find_map(|entry| entry.file_name().into_string().ok());
    let release = release.ok_or_else(|| {
        Failure::new(
            "cannot find the kernel",
            format!("{} is empty", modules.display()),
            "remove that tree and try again",
        )
    })?;
    Ok(Kernel { home, release, key })
}
