//! Writes an image to a disk so that it boots: the work of `segbox flash`, on a build machine or on a running box.
//!
//! The flow is [`flash`]. A disk in use is refused first. The written data is read back from the disk itself and compared. Only
//! then does the disk get its boot code, and its partition table is adjusted. Asks nothing and prints nothing: the command does.

mod block;
mod boot_disk;
mod bundle;
mod configuration;
mod content;
mod copy;
mod disk;
mod disks;
mod error;
mod host;
mod identity;
mod image;
mod in_use;
mod ioctl;
mod loop_device;
mod partitions;
mod snapshot;
mod stop;
mod volume;

pub use bundle::Bundle;
pub use copy::{Pace, Stage};
pub use disk::Disk;
pub use disks::{Candidate, Survey, survey};
pub use error::FlashError;
pub use host::Host;
pub use image::Image;
pub use stop::Stop;

use copy::Watcher;

/// Writes an image to a disk, reads it back, and writes a configuration. `progress` receives the progress; `stop` ends it.
///
/// # Errors
/// See [`FlashError`]. An error before the first written byte leaves the disk unchanged.
pub fn flash(
    image: &Image,
    disk: &Disk,
    bundle: Option<&Bundle>,
    stop: &Stop,
    progress: &mut dyn FnMut(&Pace),
) -> Result<(), FlashError> {
    let locked = disk.lock()?;
    let mut target = disk.open()?;
    let mut watcher = Watcher { progress, stop };
    let headless = copy::write(image, &mut target, &mut watcher)?;
    copy::compare(image, headless, &mut target, &mut watcher)?;
    let layout = partitions::fit(&locked, target)?;
    if let Some(bundle) = bundle {
        configuration::put(&locked, &layout.config, bundle)?;
    }
    if let (true, Some(state)) = (image.is_disk(), &layout.state) {
        configuration::empty(&locked, state)?;
    }
    Ok(())
}
