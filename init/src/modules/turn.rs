//! The order in which modules are loaded: what a boot waits for comes first. Not here: which modules there are (`coldplug`).

/// What every boot waits for, by where the kernel's tree keeps its driver.
const FIRST: [&str; 4] = ["drivers/net/", "drivers/infiniband/", "drivers/virtio/", "drivers/firmware/"];

/// Disks that are there as soon as their driver is.
const DISKS: [&str; 3] = ["drivers/block/", "drivers/nvme/", "drivers/mmc/"];

/// Disks that are searched for, port by port.
const SEARCHED: [&str; 3] = ["drivers/ata/", "drivers/scsi/", "drivers/message/"];

/// A stick takes seconds until it is there: who needs one looks for it, and nobody else waits.
const STICKS: [&str; 1] = ["drivers/usb/"];

/// Watchdogs, and the bridges whose drivers make Intel's watchdog a device of its own.
const WATCHDOG: [&str; 4] =
    ["drivers/watchdog/", "drivers/mfd/", "drivers/i2c/busses/i2c-i801", "drivers/platform/x86/intel/"];

/// When a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Before anything that may hang.
    Watchdog,
    /// What drivers are made of, and what has no hardware: beside the watchdog's.
    Library,
    /// NICs, and what configurations come from.
    First,
    /// A box that was not started from a disk waits for all of them, one that was for its own.
    Disks,
    /// The same, but for those that take longer.
    Searched,
    /// Nobody waits for these.
    Sticks,
    /// Sensors, keyboards, random numbers.
    Later,
}

/// When the module of a file has its turn.
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
