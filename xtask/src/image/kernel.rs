//! Debian's kernel with the modules and the firmware of a router, in the cache. Compiles none.

use std::fs;
use std::path::PathBuf;

use segbox_config::fixes;

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

/// Refuses a kernel that lacks a fix against what packets do, if Debian has a kernel with it. `packages` are names and versions.
pub(super) fn current(packages: &[(String, String)]) -> Result<(), Failure> {
    let kernel = packages.iter().find(|(name, _)| name == "linux-image-amd64");
    let Some((_, version)) = kernel else {
        let why = "mkosi's manifest has no linux-image-amd64";
        return Err(Failure::new("cannot tell which fixes the kernel has", why, "report this"));
    };
    let lacking: Vec<String> = fixes::overdue(version)
        .iter()
        .map(|fix| format!("{} (without it {}; condition: {})", fix.id, fix.without, fix.when))
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("the image's kernel, {version}, is too old"),
        format!("a later one of Debian has what it lacks: {}", lacking.join(", ")),
        "remove `apt` from segbox's cache, so that Debian's lists are fetched again; or use a mirror that is up to date",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(version: &str) -> Result<(), Failure> {
        let package = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        current(&[package("systemd-boot-efi", "257.9-1"), package("linux-image-amd64", version)])
    }

    #[test]
    fn a_kernel_without_a_fix_that_debian_has_is_refused() {
        with("6.12.118-1").expect("Debian's newest of this series");
        with("7.3.4-1~bpo13+1").expect("a backport");
        let failure = with("6.12.80-1").expect_err("it is old").to_string();
        assert!(failure.contains("6.12.80-1, is too old") && failure.contains("CVE-2026-31668"), "{failure}");
        // What only root can bring about is no reason.
        let failure = with("6.12.112-1").expect_err("it is old").to_string();
        assert!(failure.contains("7616242a2b37") && !failure.contains("CVE-2026-98381"), "{failure}");
        assert!(current(&[]).is_err(), "no kernel among the packages");
    }
}
