//! A machine as data. Not here: QEMU's words for it (`arguments`), and how it is started (`start`).

use std::path::{Path, PathBuf};

use crate::{Medium, Port};

/// The executor of the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor.
    Kvm,
    /// QEMU itself, in software: ten to thirty times slower.
    Tcg,
}

/// How the system comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// From a disk, by its boot loader. Nothing is written to the image unless `keep` is set.
    Disk {
        /// A raw image; one that ends with `.qcow2`, which is never kept, is of that kind.
        image: PathBuf,
        /// The board's firmware.
        firmware: Firmware,
        /// Write to the image itself.
        keep: bool,
    },
    /// QEMU loads the kernel itself, as a network boot would; there is no disk.
    Direct {
        /// The kernel.
        kernel: PathBuf,
        /// The initrd.
        initrd: PathBuf,
        /// The kernel's command line.
        command_line: String,
    },
}

/// A disk's controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk.
    #[default]
    Virtio,
    /// The chip set's AHCI.
    Sata,
    /// One controller per disk.
    Nvme,
    /// A stick.
    Usb,
}

/// A board's firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// Boards of the X3440's time: SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
    /// OVMF that starts nothing but what is signed for the keys among its variables. Its variables are out of the
    /// system's reach, as on a board: only the firmware itself writes them, in system management mode.
    SecureBoot,
}

/// A machine that can be started.
#[derive(Debug, Clone)]
pub struct Machine<'a> {
    pub(crate) tools: &'a Path,
    /// How it comes up.
    pub boot: Boot,
    /// The executor of its instructions.
    pub accelerator: Accelerator,
    /// MiB. The system runs in 256.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// Controller of the disk that it boots from.
    pub bus: Bus,
    /// Raw images of disks beside the one it boots from. The guest writes to them.
    pub disks: Vec<PathBuf>,
    /// The variables of the board's firmware, which it writes to: enrolled keys. A copy of the factory's if there is none.
    pub variables: Option<PathBuf>,
    /// The first of all its disks is of this kind; the others are sound. A disk that keeps nothing is always sound.
    pub medium: Medium,
    /// Controller of the disks beside the one it boots from.
    pub disks_bus: Bus,
    /// In the order of the guest's PCI bus.
    pub ports: Vec<Port<'a>>,
    /// Files for the guest by fw_cfg: name (`opt/org.segbox/segbox.toml`) and where it is.
    pub files: Vec<(String, PathBuf)>,
    /// Whether emulated processors run in threads of their own, at the same time. QEMU 10 ends itself now and then when one changes the
    /// map of a device's registers, at boot or when a card leaves, while another one is in it (`iotlb_to_section`: a section of the old
    /// map is looked for in the new one). One thread cannot do both, and a boot takes an eighth longer.
    pub is_parallel: bool,
    /// Whether a machine that QEMU loads the kernel for begins with PID 1, from a snapshot of another machine of the same build. The
    /// kernel's start is three quarters of such a boot, and some tests ask only about what follows it. A reboot starts the kernel again.
    pub begins_with_pid_1: bool,
    /// Whether each port sits in a slot that it can be pulled out of while the machine runs.
    pub pluggable: bool,
    /// Other parts of the board, in QEMU's words: `-device`, `i6300esb`.
    pub also: Vec<String>,
    /// Whether a reboot of the guest ends the machine.
    pub ends_at_reboot: bool,
    /// Whether this machine only tries the accelerator: QEMU's complaints are not shown then.
    pub(crate) is_probe: bool,
}

impl<'a> Machine<'a> {
    /// A machine of two processors and 512 MiB without ports. `tools` is the tree that has QEMU.
    pub fn new(tools: &'a Path, boot: Boot, accelerator: Accelerator) -> Self {
        let (disks, ports, files) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            tools,
            boot,
            accelerator,
            memory: 512,
            processors: 2,
            bus: Bus::default(),
            disks,
            variables: None,
            medium: Medium::Sound,
            disks_bus: Bus::default(),
            ports,
            files,
            is_parallel: false,
            begins_with_pid_1: false,
            pluggable: false,
            also: Vec::new(),
            ends_at_reboot: true,
            is_probe: false,
        }
    }
}

impl Bus {
    /// QEMU's device for a drive; `number` counts the machine's drives.
    pub(crate) fn device(self, drive: &str, number: usize) -> String {
        match self {
            Self::Virtio => format!("virtio-blk-pci,drive={drive}"),
            // A port of the chip set, which has six.
            Self::Sata => format!("ide-hd,drive={drive},bus=ide.{number}"),
            Self::Nvme => format!("nvme,drive={drive},serial={drive}"),
            Self::Usb => format!("usb-storage,drive={drive},removable=on"),
        }
    }
}
