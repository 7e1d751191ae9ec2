//! Kernel modules: devices find their drivers, at boot and when plugged. depmod's files are read at run time; there is no
//! modprobe and no udev in the image.

mod coldplug;
mod glob;
mod hotplug;
mod index;
mod load;
pub(crate) mod modprobe;
mod queue;
mod turn;
mod uevent;

pub(crate) use hotplug::{News, Settled, run as hotplug};
pub(crate) use load::{Loader, is_live};

/// Loads the modules of FAT: the file system, and the characters of its file names.
pub(crate) fn load_fat() {
    if let Ok(loader) = Loader::open() {
        for name in ["vfat", "nls_cp437", "nls_ascii"] {
            drop(loader.load(name));
        }
    }
}
