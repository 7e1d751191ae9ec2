//! A random seed, carried from one boot to the next, so that the first keys of a boot are as good as later ones. Not here:
//! waiting for entropy. The kernel gathers enough within a second, and no step of a boot draws a secret.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "/var/lib/segbox/random-seed";
/// The kernel's pool (BLAKE2s) holds 256 bits; more adds nothing.
const LENGTH: usize = 32;

/// Mixes in the old seed, and replaces it so that it is never used twice.
pub(crate) fn stir() -> io::Result<&'static str> {
    let old = fs::read(FILE).ok();
    if let Some(seed) = &old {
        // Writing mixes the seed in without crediting entropy: it may have been copied with the disk.
        fs::OpenOptions::new().write(true).open("/dev/urandom")?.write_all(seed)?;
    }
    save()?;
    Ok(if old.is_some() { "seed mixed in" } else { "first seed created" })
}

/// Saves a seed for the next boot.
pub(crate) fn save() -> io::Result<()> {
    let mut seed = [0; LENGTH];
    // Blocks until the kernel has enough entropy, because a weak seed would be carried from boot to boot.
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    super::configuration::generations::replace(Path::new(FILE), &seed)
}
