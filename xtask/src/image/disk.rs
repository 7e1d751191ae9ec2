//! The disk: boot loaders, two slots with the first one filled, and the partitions for configuration and state. Written as a
//! raw image, compressed, and as qcow2. Flashes nothing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use super::release::Release;
use super::{Options, Tools, bios, empty, sign, tree};
use crate::failure::Failure;
use crate::{process, workspace};

/// GRUB's modules for both firmwares. They are all in GRUB's file: none is loaded from the disk.
const MODULES: &str =
    "configfile echo fat halt keystatus loadenv minicmd normal part_gpt probe reboot serial sleep terminal test";
/// More modules for BIOS boards: reading disks, and Linux's boot protocol.
const BIOS_MODULES: &str = "biosdisk linux";
/// More modules for UEFI boards: starting the UKI.
const UEFI_MODULES: &str = "chain";
/// More modules for signed images: under Secure Boot GRUB starts only files that one of its modules has checked.
const SIGNED_MODULES: &str = "gcry_rsa gcry_sha256 pgp";
/// The folder of GRUB's configuration on the ESP.
const FOLDER: &str = "/segbox";
/// Number of the ESP, behind the BIOS boot partition.
const ESP: u32 = 2;
/// Number of the BIOS boot partition.
const BIOS: u32 = 1;
/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Length of GRUB's environment block, which GRUB overwrites in place.
const STATE_LEN: usize = 1024;
/// Files of a slot that its manifest does not list; some are there only in a signed image.
const SIGNATURES: [&str; 3] = ["segbox.efi.sig", "manifest.json", "manifest.json.minisig"];
/// Log2 of zstd's window. Kernel and initrd are on the disk as files and again in the UKI: with this window they are stored once.
const WINDOW: &str = "--long=26";

/// Builds `segbox.raw`, `segbox.raw.zst` and `segbox.qcow2` from the slot's files in `output`.
pub(super) fn build(
    tools: &Tools,
    release: &Release,
    options: &Options,
    work: &Path,
    output: &Path,
) -> Result<(), Failure> {
    let layout = work.join("disk");
    tree::empty(&layout)?;
    tree::write(&layout.join("usr/lib/os-release"), release.os_release())?;
    let esp = work.join("esp");
    for folder in [layout.join("config"), layout.join("state"), esp.join("slots/b")] {
        fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    }
    tree::copy(&workspace::root().join("image/disk/grub.cfg"), &esp.join("segbox/grub.cfg"))?;
    tree::write(&esp.join("slots/state.env"), state())?;
    let loader = esp.join("EFI/BOOT/BOOTX64.EFI");
    match sign::Signer::of(tools, options, release, work)? {
        Some(signer) => {
            signed_loader_for_uefi(tools, &signer, work, &loader)?;
            signer.sign_for_grub(&esp.join("segbox/grub.cfg"))?;
            signer.sign_for_grub(&output.join("segbox.efi"))?;
            // The board's setup reads certificates from a FAT volume.
            signer.write_certificate(&esp.join("segbox/secure-boot.cer"))?;
        }
        None => loader_for_uefi(tools, &[], UEFI_MODULES, &loader)?,
    }
    for name in super::manifest::SLOT_FILES.iter().chain(&SIGNATURES) {
        if output.join(name).exists() {
            tree::copy(&output.join(name), &esp.join("slots/a").join(name))?;
        }
    }

    let made = work.join("made");
    tools
        .mkosi
        .project("disk", &made)
        .option("--tools-tree", tools.tree())
        .option("--skeleton-tree", &layout)
        .option("--source-date-epoch", release.time.to_string())
        // By default repart gives ext4 a random seed for its folder hashes, and a layout for disks that stay as small as the image's.
        .option("--environment", format!("\"SYSTEMD_REPART_MKFS_OPTIONS_EXT4={}\"", empty::OPTIONS.trim()))
        .build()?;
    let raw = output.join("segbox.raw");
    let from = made.join("segbox.raw");
    fs::rename(&from, &raw).map_err(|error| Failure::file("rename", &from, &error))?;
    fill(tools, release, &esp, &raw)?;
    loader_for_bios(tools, work, &raw)?;
    pack(tools, &raw, output)
}

/// Copies a folder to the ESP, in the order of names.
fn fill(tools: &Tools, release: &Release, esp: &Path, raw: &Path) -> Result<(), Failure> {
    let (first, _) = partition(raw, ESP)?;
    let volume = format!("{}@@{}", raw.display(), first * SECTOR);
    let mtools = |program: &str| {
        let mut command = tools.command(program);
        command.env("SOURCE_DATE_EPOCH", release.time.to_string()).env("TZ", "UTC").arg("-i").arg(&volume);
        command
    };
    for folder in ["EFI", "EFI/BOOT", "segbox", "slots", "slots/a", "slots/b"] {
        process::output(mtools("mmd").arg(format!("::{folder}")), "report this")?;
    }
    for path in workspace::files(esp)? {
        let name = path.strip_prefix(esp).unwrap_or(&path).display().to_string();
        process::output(mtools("mcopy").arg(&path).arg(format!("::{name}")), "report this")?;
    }
    Ok(())
}

/// First sector and number of sectors of a partition.
fn partition(raw: &Path, number: u32) -> Result<(u64, u64), Failure> {
    let disk = gpt::GptConfig::new().writable(false).open(raw);
    let disk =
        disk.map_err(|error| Failure::new("cannot read the image's partitions", error.to_string(), "report this"))?;
    let partition = disk.partitions().get(&number).ok_or_else(|| {
        Failure::new(format!("cannot find partition {number}"), "the image has none", "see image/disk/partitions")
    })?;
    Ok((partition.first_lba, partition.last_lba - partition.first_lba + 1))
}

/// The boot's state: slot A may be started three times until it proves itself; slot B is empty.
fn state() -> String {
    let text = "# GRUB Environment Block\norder=a b\na_ok=1\na_tries=3\nb_ok=0\nb_tries=0\n";
    format!("{text}{}", "#".repeat(STATE_LEN - text.len()))
}

/// A GRUB in one file; it looks for its configuration at the prefix.
fn grub(
    tools: &Tools,
    platform: &str,
    prefix: &str,
    options: &[&OsStr],
    modules: &str,
    output: &Path,
) -> Result<(), Failure> {
    let mut command = tools.command("grub-mkimage");
    command.args(["--format", platform, "--prefix", prefix, "--directory"]);
    command.arg(tools.tree().join("usr/lib/grub").join(platform)).arg("--output").arg(output);
    command.args(options).args(MODULES.split(' ').chain(modules.split(' ')));
    process::output(&mut command, "report this").map(drop)
}

fn loader_for_uefi(tools: &Tools, options: &[&OsStr], modules: &str, place: &Path) -> Result<(), Failure> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    }
    // A prefix without a device is on the partition that GRUB was started from.
    grub(tools, "x86_64-efi", FOLDER, options, modules, place)
}

/// A GRUB that the firmware verifies, and that verifies its configuration and the UKI by the `.sig` files beside them.
fn signed_loader_for_uefi(tools: &Tools, signer: &sign::Signer<'_>, work: &Path, place: &Path) -> Result<(), Failure> {
    let (made, key) = (work.join("grub.efi"), work.join("grub.pgp"));
    tree::write(&key, signer.public_key())?;
    // shim is for boards that know only Microsoft's keys. Here the firmware knows the key itself, and GRUB must not ask for shim.
    let options = ["--disable-shim-lock".as_ref(), "--pubkey".as_ref(), key.as_os_str()];
    loader_for_uefi(tools, &options, &format!("{UEFI_MODULES} {SIGNED_MODULES}"), &made)?;
    signer.sign_for_firmware(&made, place)
}

fn loader_for_bios(tools: &Tools, work: &Path, raw: &Path) -> Result<(), Failure> {
    let made = work.join("core.img");
    // A prefix that begins with a comma is on the disk that GRUB was started from.
    grub(tools, "i386-pc", &format!("(,gpt{ESP}){FOLDER}"), &[], BIOS_MODULES, &made)?;
    let read = |path: &Path| fs::read(path).map_err(|error| Failure::file("read", path, &error));
    let boot = read(&tools.tree().join("usr/lib/grub/i386-pc/boot.img"))?;
    let core = read(&made)?;
    let (first, sectors) = partition(raw, BIOS)?;
    let file = File::options().write(true).open(raw).map_err(|error| Failure::file("write", raw, &error))?;
    bios::install(&file, &boot, &core, first, sectors).map_err(|error| Failure::file("write GRUB to", raw, &error))
}

fn pack(tools: &Tools, raw: &Path, output: &Path) -> Result<(), Failure> {
    // Nearly all content is compressed already or empty. With one thread every machine writes the same bytes.
    let mut zstd = tools.command("zstd");
    zstd.args(["--quiet", "--force", "-T1", "-9", WINDOW]).arg(raw).arg("-o").arg(output.join("segbox.raw.zst"));
    process::output(&mut zstd, "check that the disk is not full")?;
    let mut convert: Command = tools.command("qemu-img");
    convert.args(["convert", "-f", "raw", "-O", "qcow2"]).arg(raw).arg(output.join("segbox.qcow2"));
    process::output(&mut convert, "check that the disk is not full").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_state_is_a_block_that_grub_writes_in_place() {
        assert_eq!(state().len(), STATE_LEN);
        assert!(state().starts_with("# GRUB Environment Block\n"));
    }
}
