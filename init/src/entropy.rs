//! The seed that a box takes from one boot to the next, so that its first keys are as good as its last. Not here: waiting for
//! entropy; the kernel gathers its own within a second, and nothing in a boot draws a secret.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "/var/lib/segbox/random-seed";
/// The kernel's pool (BLAKE2s) holds 256 bits; more adds nothing.
const LENGTH: usize = 32;

/// Stirs the old seed in and replaces it before anything else can use it twice.
pub(crate) fn stir() -> io::Result<&'static str> {
    let old = fs::read(FILE).ok();
    if let Some(seed) = &old {
        // Writing mixes without counting: a seed may have been copied with the disk.
        fs::OpenOptions::new().write(true).open("/dev/urandom")?.write_all(seed)?;
    }
    save()?;
    Ok(if old.is_some() { "seed stirred in" } else { "first seed made" })
}

/// Leaves a seed for the next boot.
pub(crate) fn save() -> io::Result<()> {
    let mut seed = [0; LENGTH];
    // Waits until the kernel has gathered enough: a seed of less would be handed on from boot to boot.
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    super::configuration::generations::replace(Path::new(FILE), &seed)
}
