//! How large the image may be. A box boots what its firmware loads at a few megabytes a second, and people fetch the rest.

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
    // Loaded whole before the first instruction of it runs: by a BIOS from a stick that takes seconds.
    ("segbox.efi", Some(20 * MIB)),
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
                "take modules out of image/kernel/mkosi.conf, or find what made the segbox binary grow",
            ));
        }
    }
    Ok(())
}

/// A line a file.
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
