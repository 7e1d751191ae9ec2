//! Kernel modules: finds the drivers for devices, at boot and when plugged. depmod's files are read at run time; the image has no
//! modprobe and no udev.

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

/// Loads the modules for FAT: the file system, and the character sets of its file names.
pub(crate) fn load_fat() {
    if let Ok(loader) = Loader::open() {
        for name in ["vfat", "nls_cp437", "nls_ascii"] {
            drop(loader.load(name));
        }
    }
}
