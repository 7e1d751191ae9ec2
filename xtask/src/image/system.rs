//! The system: one tree with `segbox` as its only program, packed as kernel, initrd and UKI.
//!
//! Lays the tree out and has mkosi pack it. Nothing of Debian's userland is in it.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::kernel::{Kernel, STUB};
use super::release::Release;
use super::{Options, Tools, tree};
use crate::failure::Failure;
use crate::workspace;

/// Packs it: `kernel`, `initrd` and `segbox.efi` are in `output` afterwards.
pub(super) fn build(
    tools: &Tools,
    kernel: &Kernel,
    binary: &Path,
    release: &Release,
    options: &Options,
    work: &Path,
    output: &Path,
) -> Result<(), Failure> {
    let system = work.join("system");
    lay_out(kernel, binary, release, &system)?;
    let identity = work.join("identity");
    tree::write(&identity.join("usr/lib/os-release"), release.os_release())?;
    let packed = work.join("packed");
    let mut project = tools
        .mkosi
        .project("system", &packed)
        .option("--tools-tree", tools.tree())
        // mkosi wants the one before it does anything, and runs depmod over whatever else comes that early.
        .option("--skeleton-tree", &identity)
        .option("--extra-tree", &system)
        .option("--source-date-epoch", release.time.to_string());
    if let (Some(key), Some(certificate)) = (&options.secure_boot_key, &options.secure_boot_certificate) {
        project = project
            .option("--secure-boot", "yes")
            .option("--secure-boot-key", key)
            .option("--secure-boot-certificate", certificate)
            // Deterministic, as systemd's own signing tool is not: it signs the time as well.
            .option("--secure-boot-sign-tool", "sbsign");
    }
    project.build()?;
    // The same program serves a build machine, which flashes disks with it.
    tree::copy(binary, &output.join("segbox"))?;
    for (made, name) in [("segbox.vmlinuz", "kernel"), ("segbox.initrd", "initrd"), ("segbox.efi", "segbox.efi")] {
        tree::copy(&packed.join(made), &output.join(name))?;
    }
    Ok(())
}

fn lay_out(kernel: &Kernel, binary: &Path, release: &Release, system: &Path) -> Result<(), Failure> {
    tree::empty(system)?;
    let init = system.join("init");
    tree::copy(binary, &init)?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))
        .map_err(|error| Failure::file("make executable", &init, &error))?;
    // As every other box calls it, for what the console starts by name.
    link("../../init", &system.join("usr/bin/segbox"))?;

    let modules = system.join("usr/lib/modules").join(&kernel.release);
    tree::copy_all(&kernel.modules(), &modules)?;
    tree::copy(&kernel.configuration(), &modules.join("config"))?;
    tree::copy_all(&kernel.firmware(), &system.join("usr/lib/firmware"))?;
    link("usr/lib", &system.join("lib"))?;
    tree::copy(&kernel.stub(), &system.join(STUB))?;
    tree::copy_all(&workspace::root().join("hw-profiles"), &system.join("usr/share/segbox/hw-profiles"))?;
    // depmod's files count as newer than the modules only if nothing is younger; mkosi would start depmod otherwise,
    // in a tree that has none.
    same_time(system, release)
}

fn link(target: &str, place: &Path) -> Result<(), Failure> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    symlink(target, place).map_err(|error| Failure::file("link", place, &error))
}

/// Gives every file the release's time.
fn same_time(folder: &Path, release: &Release) -> Result<(), Failure> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(release.time);
    for path in workspace::files(folder)? {
        let set = File::options().append(true).open(&path).and_then(|file| file.set_modified(time));
        set.map_err(|error| Failure::file("set the time of", &path, &error))?;
    }
    Ok(())
}
