//! Limits for the size of the image. A box's firmware loads a few megabytes per second, and people download the rest. Shrinks nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::released::TESTER;
use crate::failure::Failure;

const MIB: u64 = 1 << 20;

/// Files of the image, in the order of the table, with their limits in bytes.
const FILES: [(&str, Option<u64>); 6] = [
    ("kernel", None),
    ("initrd", None),
    // It is loaded as a whole before its first instruction runs, which takes a BIOS with a USB stick seconds.
    ("segbox.efi", Some(22 * MIB)),
    ("segbox.raw.zst", Some(64 * MIB)),
    ("segbox.qcow2", None),
    (TESTER, None),
];

/// Fails if a file is over its limit.
///
/// # Errors
/// Names the file, its size and its limit.
pub(super) fn check(folder: &Path) -> Result<(), Failure> {
    for (name, limit) in FILES {
        let size = size(&folder.join(name))?;
        if let Some(limit) = limit.filter(|limit| size > *limit) {
            return Err(Failure::new(
                format!("{name} is too large"),
                format!("{size} bytes, {} over its limit of {} MiB", size - limit, limit / MIB),
                "remove modules from image/kernel/mkosi.conf, or find out why the segbox binary grew",
            ));
        }
    }
    Ok(())
}

/// One line per file.
///
/// # Errors
/// A file is missing.
pub(super) fn table(folder: &Path) -> Result<String, Failure> {
    let mut text = format!("{}:\n", folder.display());
    for (name, limit) in FILES {
        let limit = limit.map(|limit| format!("  of at most {}", limit / MIB)).unwrap_or_default();
        let mib = size(&folder.join(name))? as f64 / MIB as f64;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<15} {mib:6.1} MiB{limit}");
    }
    Ok(text)
}

fn size(path: &Path) -> Result<u64, Failure> {
    fs::metadata(path).map(|file| file.len()).map_err(|error| Failure::file("find", path, &error))
}
