//! Sticks that are plugged in and have no disk yet: a slow one takes many seconds from its detection to its first answer. Not here: waiting.

use std::fs;
use std::path::{Path, PathBuf};

/// `bInterfaceClass` of mass storage (USB Mass Storage Class specification overview 1.4, 3).
const MASS_STORAGE: &str = "08";

/// Whether the USB bus shows one.
pub(super) fn is_coming() -> bool {
    is_coming_in(Path::new("/sys"))
}

fn is_coming_in(sys: &Path) -> bool {
    let list = |folder: &str| fs::read_dir(sys.join(folder)).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_storage = |interface: &PathBuf| {
        fs::read_to_string(interface.join("bInterfaceClass")).is_ok_and(|class| class.trim() == MASS_STORAGE)
    };
    // Both folders have links to the devices. The device of a stick's disk is inside that of its interface.
    let disks: Vec<PathBuf> = list("class/block").filter_map(|disk| fs::canonicalize(disk).ok()).collect();
    let interfaces =
        list("bus/usb/devices").filter(is_storage).filter_map(|interface| fs::canonicalize(interface).ok());
    interfaces.into_iter().any(|interface| !disks.iter().any(|disk| disk.starts_with(&interface)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_stick_is_coming_until_its_disk_is_there() {
        let sys = tempfile::tempdir().expect("a folder");
        let sys = sys.path();
        let [keyboard, stick] = ["devices/usb1/1-1/1-1:1.0", "devices/usb1/1-2/1-2:1.0"].map(|path| sys.join(path));
        let disk = stick.join("host0/target0:0:0/0:0:0:0/block/sda");
        for folder in [&sys.join("bus/usb/devices"), &sys.join("class/block"), &keyboard, &disk] {
            fs::create_dir_all(folder).expect("room");
        }
        assert!(!is_coming_in(sys));
        fs::write(keyboard.join("bInterfaceClass"), "03\n").expect("room");
        symlink(&keyboard, sys.join("bus/usb/devices/1-1:1.0")).expect("room");
        assert!(!is_coming_in(sys), "a keyboard has no disk");
        fs::write(stick.join("bInterfaceClass"), "08\n").expect("room");
        symlink(&stick, sys.join("bus/usb/devices/1-2:1.0")).expect("room");
        assert!(is_coming_in(sys));
        symlink(&disk, sys.join("class/block/sda")).expect("room");
        assert!(!is_coming_in(sys));
    }
}
