//! Kernel modules: devices find their drivers, at boot and when plugged. depmod's files are read at run time; there is no
//! modprobe and no udev in the image.

mod coldplug;
mod glob;
mod hotplug;
mod index;
mod load;
pub(crate) mod modprobe;
mod queue;
mod uevent;

pub(crate) use hotplug::{News, Settled, run as hotplug};
pub(crate) use load::{Loader, is_live};
