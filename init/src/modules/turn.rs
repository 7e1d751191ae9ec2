//! The order in which modules are loaded: modules that a boot waits for come first. Not here: which modules there are
//! (`coldplug`).

/// Drivers that every boot waits for, by their folder in the kernel's tree.
const FIRST: [&str; 4] = ["drivers/net/", "drivers/infiniband/", "drivers/virtio/", "drivers/firmware/"];

/// Disks that are ready once their driver is loaded.
const DISKS: [&str; 3] = ["drivers/block/", "drivers/nvme/", "drivers/mmc/"];

/// Disks that the driver searches for, port by port.
const SEARCHED: [&str; 3] = ["drivers/ata/", "drivers/scsi/", "drivers/message/"];

/// A stick needs seconds to appear. Only a boot that needs one waits for it.
const STICKS: [&str; 1] = ["drivers/usb/"];

/// Watchdogs, and the bridges whose drivers create Intel's watchdog device.
const WATCHDOG: [&str; 4] =
    ["drivers/watchdog/", "drivers/mfd/", "drivers/i2c/busses/i2c-i801", "drivers/platform/x86/intel/"];

/// When a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Before any driver that may hang.
    Watchdog,
    /// Libraries of drivers and modules without hardware, except those of the watchdog.
    Library,
    /// NICs, and devices that may hold a configuration.
    First,
    /// Disks that are ready at once. A box waits for them, or only for the disk that it was started from.
    Disks,
    /// Disks that are searched for. The boot waits for them in the same way.
    Searched,
    /// Sticks: most boots do not wait for these.
    Sticks,
    /// Sensors, keyboards, random numbers.
    Later,
}

/// The turn of a module, by the path of its file.
pub(crate) fn turn(path: &str) -> Turn {
    let path = path.strip_prefix("kernel/").unwrap_or(path);
    let lies_in = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    match () {
        () if lies_in(&WATCHDOG) => Turn::Watchdog,
        () if lies_in(&FIRST) => Turn::First,
        () if lies_in(&DISKS) => Turn::Disks,
        () if lies_in(&SEARCHED) => Turn::Searched,
        () if lies_in(&STICKS) => Turn::Sticks,
        () => Turn::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchdogs_come_before_nics_and_nics_before_the_rest() {
        assert_eq!(turn("kernel/drivers/watchdog/i6300esb.ko.xz"), Turn::Watchdog);
        assert_eq!(turn("kernel/drivers/net/ethernet/intel/igb/igb.ko"), Turn::First);
        assert_eq!(turn("kernel/drivers/firmware/qemu_fw_cfg.ko.xz"), Turn::First);
        assert_eq!(turn("kernel/drivers/hwmon/coretemp.ko.xz"), Turn::Later);
        assert_eq!(turn("kernel/drivers/ata/ahci.ko"), Turn::Searched);
        assert_eq!(turn("kernel/drivers/nvme/host/nvme.ko"), Turn::Disks);
        assert_eq!(turn("kernel/drivers/usb/host/xhci-pci.ko"), Turn::Sticks);
        assert_eq!(turn("kernel/drivers/char/hw_random/virtio-rng.ko"), Turn::Later);
        assert!(Turn::Watchdog < Turn::First && Turn::First < Turn::Disks && Turn::Disks < Turn::Later);
    }
}
