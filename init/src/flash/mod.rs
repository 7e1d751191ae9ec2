//! Writing an image to a disk so that it boots: what `segbox flash` does, from a build machine or from a running box.
//!
//! The flow is [`flash`]. The disk is looked at first and refused if anything uses it; what was written is read back from
//! the disk itself and compared; only then are the partitions fitted to the disk. Asks nothing and prints nothing: the
//! command does.

mod configuration;
mod copy;
mod disk;
mod error;
mod image;
mod partitions;

pub(crate) use copy::{Pace, Stage};
pub(crate) use disk::Disk;
pub(crate) use error::FlashError;
pub(crate) use image::Image;

/// Writes an image to a disk, reads it back, and puts a segbox.toml in. `told` hears how far it is.
///
/// # Errors
/// See [`FlashError`]. What fails before the first byte is written leaves the disk as it was.
pub(crate) fn flash(
    image: &Image,
    disk: &Disk,
    configuration: Option<&str>,
    told: &mut dyn FnMut(&Pace),
) -> Result<(), FlashError> {
    let mut target = disk.open()?;
    copy::write(image, &mut target, told)?;
    disk.forget_what_was_read(&target)?;
    copy::compare(image, &mut target, told)?;
    let layout = partitions::fit(disk, target)?;
    if let Some(text) = configuration {
        configuration::put(disk, &layout, text)?;
    }
    Ok(())
}
