//! Writing an image to a disk so that it boots: what `segbox flash` does, from a build machine or from a running box.
//!
//! The flow is [`flash`]. The disk is looked at first and refused if anything uses it; what was written is read back from
//! the disk itself and compared; only then does it get what makes it boot, and its partitions are fitted to it. Asks nothing and
//! prints nothing: the command does.

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
mod image;
mod in_use;
mod ioctl;
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

/// Writes an image to a disk, reads it back, and puts a configuration in. `told` hears how far it is; `stop` ends it.
///
/// # Errors
/// See [`FlashError`]. What fails before the first byte is written leaves the disk as it was.
pub fn flash(
    image: &Image,
    disk: &Disk,
    bundle: Option<&Bundle>,
    stop: &Stop,
    told: &mut dyn FnMut(&Pace),
) -> Result<(), FlashError> {
    let _lock = disk.lock()?;
    let mut target = disk.open()?;
    let mut watcher = Watcher { told, stop };
    let headless = copy::write(image, &mut target, &mut watcher)?;
    copy::compare(image, headless, &mut target, &mut watcher)?;
    let layout = partitions::fit(disk, target)?;
    if let Some(bundle) = bundle {
        configuration::put(disk, &layout.config, bundle)?;
    }
    if let (true, Some(state)) = (image.is_disk(), &layout.state) {
        configuration::empty(disk, state)?;
    }
    Ok(())
}
