//! The manifest of a slot: its files with their hashes, the firmware of its cards, the packages that they come from, and the tools that
//! built them. Signs nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::kernel::Kernel;
use super::release::Release;
use super::{Tools, tree};
use crate::failure::Failure;
use crate::{process, workspace};

/// The files of a slot, in the order in which they are written.
pub(super) const SLOT_FILES: [&str; 4] = ["kernel", "initrd", "segbox.efi", "segbox.cdx.json"];
/// Packages of the kernel's and the tools' tree that have files in the image.
const IN_THE_IMAGE: [&str; 5] = ["linux-image-", "firmware-", "systemd-boot-efi", "grub-pc-bin", "grub-efi-amd64-bin"];
/// Packages whose version changes bytes of the image.
const BUILT_WITH: [&str; 9] =
    ["cpio", "dosfstools", "e2fsprogs", "grub-common", "kmod", "mtools", "systemd-repart", "systemd-ukify", "zstd"];

/// Writes `manifest.json` about the files in `output`.
pub(super) fn write(tools: &Tools, kernel: &Kernel, release: &Release, output: &Path) -> Result<(), Failure> {
    let mut packages = packages(&kernel.manifest())?;
    packages.extend(self::packages(&tools.manifest())?);
    packages.sort();
    packages.dedup();
    let listed = |wanted: &dyn Fn(&str) -> bool| -> Value {
        let kept = packages.iter().filter(|(name, _)| wanted(name));
        kept.map(|(name, version)| (name.clone(), Value::from(version.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let files = SLOT_FILES.iter().map(|name| Ok(((*name).to_owned(), file(&output.join(name))?)));
    let folder = kernel.firmware();
    let firmware = workspace::files(&folder)?.into_iter().map(|path| {
        let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        Ok((name, file(&path)?))
    });
    let rustc = process::output(Command::new("rustc").arg("--version").current_dir(workspace::root()), "install rustc");
    let manifest = json!({
        "name": "segbox",
        "version": release.version,
        "architecture": "x86_64",
        "revision": release.revision,
        "time": release.time,
        "kernel": kernel.release,
        "files": files.collect::<Result<serde_json::Map<_, _>, Failure>>()?,
        "firmware": firmware.collect::<Result<serde_json::Map<_, _>, Failure>>()?,
        "packages": listed(&|name| IN_THE_IMAGE.iter().any(|start| name.starts_with(start))),
        "built-with": {
            "mkosi": super::mkosi::number(&tools.mkosi.version),
            "rustc": rustc.unwrap_or_default(),
            "packages": listed(&|name| BUILT_WITH.contains(&name)),
        },
    });
    tree::write(&output.join("manifest.json"), format!("{manifest:#}\n"))
}

fn file(path: &Path) -> Result<Value, Failure> {
    let content = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    Ok(json!({ "size": content.len(), "sha256": hex::encode(Sha256::digest(&content)) }))
}

/// Names and versions in a manifest of mkosi's.
pub(super) fn packages(manifest: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = tree::read(manifest)?;
    let bad = |why: String| Failure::new(format!("cannot read {}", manifest.display()), why, "report this");
    let value: Value = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    let list = value["packages"].as_array().ok_or_else(|| bad("it lists no packages".to_owned()))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(list.iter().filter_map(|package| Some((text(&package["name"])?, text(&package["version"])?))).collect())
}
