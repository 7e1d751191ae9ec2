//! The system: one tree with `segbox` as its only program, packed as kernel, initrd and UKI.
//!
//! Lays the tree out and lets mkosi pack it. Takes no program of Debian's into it.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::kernel::{Kernel, STUBS};
use super::release::Release;
use super::{Options, Tools, empty, tree};
use crate::failure::Failure;
use crate::{process, workspace};

/// Packs `kernel`, `initrd` and `segbox.efi` into `output`.
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
    lay_out(tools, kernel, binary, &system)?;
    empty::build(tools, release, work, &system.join("usr/share/segbox/ext4.zst"))?;
    same_marks(&system, release)?;
    let identity = work.join("identity");
    tree::write(&identity.join("usr/lib/os-release"), release.os_release())?;
    let packed = work.join("packed");
    let mut project = tools
        .mkosi
        .project("system", &packed)
        .option("--tools-tree", tools.tree())
        // mkosi needs os-release at its start. It would run depmod on a whole system that it got that early.
        .option("--skeleton-tree", &identity)
        .option("--extra-tree", &system)
        .option("--source-date-epoch", release.time.to_string());
    if let (Some(key), Some(certificate)) = (&options.secure_boot_key, &options.secure_boot_certificate) {
        project = project
            .option("--secure-boot", "yes")
            .option("--secure-boot-key", key)
            .option("--secure-boot-certificate", certificate)
            // sbsign is deterministic. systemd's signing tool is not: it signs the time as well.
            .option("--secure-boot-sign-tool", "sbsign");
    }
    project.build()?;
    // A build machine flashes disks with the same program.
    tree::copy(binary, &output.join("segbox"))?;
    for (made, name) in [("segbox.vmlinuz", "kernel"), ("segbox.initrd", "initrd"), ("segbox.efi", "segbox.efi")] {
        tree::copy(&packed.join(made), &output.join(name))?;
    }
    Ok(())
}

fn lay_out(tools: &Tools, kernel: &Kernel, binary: &Path, system: &Path) -> Result<(), Failure> {
    tree::empty(system)?;
    let init = system.join("init");
    tree::copy(binary, &init)?;
    // The console starts the command by this name, as on every other box.
    link("../../init", &system.join("usr/bin/segbox"))?;

    let modules = system.join("usr/lib/modules").join(&kernel.release);
    tree::copy_all(&kernel.modules(), &modules)?;
    plain(tools, &modules)?;
    tree::copy(&kernel.configuration(), &modules.join("config"))?;
    tree::copy_all(&kernel.firmware(), &system.join("usr/lib/firmware"))?;
    link("usr/lib", &system.join("lib"))?;
    for stub in STUBS {
        tree::copy(&kernel.stub(stub), &system.join(stub))?;
    }
    tree::copy_all(&workspace::root().join("hw-profiles"), &system.join("usr/share/segbox/hw-profiles"))
}

/// Decompresses Debian's modules. The initrd is compressed as a whole, with a faster method, and a boot would wait for the kernel to
/// undo xz. Debian's signature is at the end of the decompressed module, so it stays.
fn plain(tools: &Tools, modules: &Path) -> Result<(), Failure> {
    const COMPRESSED: &str = ".ko.xz";
    let files = workspace::files(modules)?;
    let compressed: Vec<_> = files.iter().filter(|path| path.to_string_lossy().ends_with(COMPRESSED)).collect();
    if compressed.is_empty() {
        return Ok(());
    }
    process::output(
        tools.command("xz").args(["--decompress", "--quiet"]).args(compressed),
        "check that the disk is not full",
    )?;
    let list = modules.join("modules.dep");
    let text = tree::read(&list)?.replace(COMPRESSED, ".ko");
    tree::write(&list, text)
}

fn link(target: &str, place: &Path) -> Result<(), Failure> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
    }
    symlink(target, place).map_err(|error| Failure::file("link", place, &error))
}

/// Gives every file the release's time and a fixed mode, which does not depend on the umask of the clone. mkosi starts depmod, which the
/// tree lacks, if any module is newer than depmod's files.
fn same_marks(system: &Path, release: &Release) -> Result<(), Failure> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(release.time);
    for path in workspace::files(system)? {
        // The target of a link gets its time as a file.
        if path.is_symlink() {
            continue;
        }
        let mode = if path == system.join("init") { 0o755 } else { 0o644 };
        let set = File::options().append(true).open(&path).and_then(|file| {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.set_modified(time)
        });
        set.map_err(|error| Failure::file("set time and mode of", &path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    /// GRUB's command line and the one in the UKI: either firmware starts either.
    #[test]
    fn both_command_lines_close_the_kernel() {
        let grub = include_str!("../../../image/disk/grub.cfg");
        let uki = include_str!("../../../image/system/mkosi.conf");
        for words in ["module.sig_enforce=1", "lockdown=integrity"] {
            assert!(grub.contains(&format!(" {words} ")) && uki.contains(&format!("\n    {words}\n")), "{words}");
        }
    }
}
