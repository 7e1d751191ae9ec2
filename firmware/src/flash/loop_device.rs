//! A part of a file or disk as a block device, for machines whose kernel shows no partitions of it. The device goes with its last open
//! file.

use std::fs::{File, OpenOptions};
use std::io;

use super::ioctl;

/// Another process may take a free device first.
const TRIES: usize = 16;

/// Attaches bytes of an open file to a free loop device.
pub(crate) fn attach(file: &File, start: u64, size: u64) -> io::Result<File> {
    let open = |path: &str| OpenOptions::new().read(true).write(true).open(path);
    let control = open("/dev/loop-control")?;
    let mut last = io::Error::from(io::ErrorKind::ResourceBusy);
    for _ in 0..TRIES {
        let device = open(&format!("/dev/loop{}", ioctl::free_loop(&control)?))?;
        match ioctl::attach_loop(&device, file, start, size) {
            Ok(()) => return Ok(device),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
