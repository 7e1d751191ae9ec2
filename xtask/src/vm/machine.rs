//! A machine as data, and QEMU started from it.

use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use segbox_lab::{Mac, Namespace};

use crate::running::MONITOR;
use crate::tool::LIBRARIES;
use crate::{Accelerator, Console, Error, Medium, Tap, Vm, tool};

/// How the system comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// From a disk, by its boot loader. Nothing is written to the image unless `keep` is set.
    Disk {
        /// A raw image; one that ends with `.qcow2`, which is never kept, is of that kind.
        image: PathBuf,
        /// What the board has.
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

/// What a disk hangs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk.
    #[default]
    Virtio,
    /// The chip set's AHCI.
    Sata,
    /// A controller of its own.
    Nvme,
    /// A stick.
    Usb,
}

/// What a board starts with.
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

/// What the guest takes a port for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// virtio-net with as many queues as its port has.
    Virtio,
    /// Intel 82576, driver igb.
    Igb,
    /// Intel 82574, driver e1000e.
    E1000e,
    /// VMware's.
    Vmxnet3,
}

/// A port of the machine. Its other end is an interface of a namespace.
#[derive(Debug)]
pub struct Port<'a> {
    /// Where its other end is.
    pub namespace: &'a Namespace,
    /// Name of the other end.
    pub interface: &'a str,
    /// Address of the guest's end.
    pub mac: Mac,
    /// What the guest sees.
    pub model: Model,
    /// Queue pairs of a virtio port; the others have their own.
    pub queues: usize,
}

/// A machine that can be started.
#[derive(Debug)]
pub struct Machine<'a> {
    tools: &'a Path,
    /// How it comes up.
    pub boot: Boot,
    /// What executes it.
    pub accelerator: Accelerator,
    /// MiB. The system runs in 256.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// What the disk that it boots from hangs on.
    pub bus: Bus,
    /// Raw images of disks beside the one it boots from. What the guest writes is written to them.
    pub disks: Vec<PathBuf>,
    /// What the board's firmware remembers, and writes to: enrolled keys. As it left the factory if there is none.
    pub variables: Option<PathBuf>,
    /// What the first of all its disks is like; the others are sound. Of one that keeps nothing, only sound is possible.
    pub medium: Medium,
    /// What those hang on.
    pub disks_bus: Bus,
    /// In the order of the guest's PCI bus.
    pub ports: Vec<Port<'a>>,
    /// Files for the guest by fw_cfg: name (`opt/org.segbox/segbox.toml`) and where it is.
    pub files: Vec<(String, PathBuf)>,
    /// Whether emulated processors run in threads of their own, at the same time. QEMU 10 ends itself now and then when one changes the
    /// map of a device's registers, at boot or when a card leaves, while another one is in it (`iotlb_to_section`: a section of the old
    /// map is looked for in the new one). One thread cannot do both, and a boot takes an eighth longer.
    pub is_parallel: bool,
    /// Whether each port sits in a slot that it can be pulled out of while the machine runs.
    pub pluggable: bool,
    /// What else is on the board, in QEMU's words: `-device`, `i6300esb`.
    pub also: Vec<String>,
    /// Whether a reboot of the guest ends the machine.
    pub ends_at_reboot: bool,
    /// Whether this only finds out what works: QEMU's complaints are of no interest then.
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
            pluggable: false,
            also: Vec::new(),
            ends_at_reboot: true,
            is_probe: false,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start(&self) -> Result<Vm, Error> {
        self.start_with(None)
    }

    /// Starts it; `also` sees all that it says.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start_with(&self, also: Option<Box<dyn Write + Send>>) -> Result<Vm, Error> {
        let taps = self.taps()?;
        let scratch = tempfile::tempdir().map_err(|source| Error::File { path: std::env::temp_dir(), source })?;
        let mut command = self.qemu();
        command.args(self.arguments(&taps, scratch.path())?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(if self.is_probe {
            Stdio::null()
        } else {
            Stdio::inherit()
        });
        inherit(&mut command, &taps);
        let mut child = command.spawn().map_err(Error::Start)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were asked for")
        };
        // The taps are QEMU's now, and go with it.
        drop(taps);
        let console = Console::new(input, output, also);
        let cards = self.ports.iter().enumerate().map(|(number, port)| port.card(number, self.pluggable)).collect();
        Ok(Vm::new(child, console, (cards, self.ends_at_reboot), scratch))
    }

    fn qemu(&self) -> Command {
        let mut command = tool(self.tools, "qemu-system-x86_64");
        command.env("QEMU_MODULE_DIR", self.tools.join(LIBRARIES).join("qemu"));
        command
    }

    fn taps(&self) -> Result<Vec<Tap>, Error> {
        let queues = |port: &Port<'_>| if port.model == Model::Virtio { port.queues } else { 1 };
        self.ports.iter().map(|port| Tap::new(port.namespace, port.interface, queues(port))).collect()
    }

    fn arguments(&self, taps: &[Tap], scratch: &Path) -> Result<Vec<String>, Error> {
        let share = self.tools.join("usr/share");
        let mut all: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
        let (accelerator, processor) = match self.accelerator {
            Accelerator::Kvm => ("kvm", "host"),
            Accelerator::Tcg if self.is_parallel => ("tcg,thread=multi", "max"),
            Accelerator::Tcg => ("tcg,thread=single", "max"),
        };
        let is_secure = matches!(self.boot, Boot::Disk { firmware: Firmware::SecureBoot, .. });
        add(&["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"]);
        let buses = [self.bus, self.disks_bus];
        // As with USB: no controller without a disk. This one has six ports, and each is looked at.
        let sata = if buses.contains(&Bus::Sata) { "on" } else { "off" };
        let smm = if is_secure { "on" } else { "auto" };
        add(&["-machine", &format!("q35,sata={sata},smm={smm}")]);
        add(&["-accel", accelerator, "-cpu", processor]);
        add(&["-qmp", &format!("unix:{},server=on,wait=off", scratch.join(MONITOR).display())]);
        add(&["-m", &self.memory.to_string(), "-smp", &self.processors.to_string()]);
        add(&["-L", &share.join("qemu").display().to_string(), "-L", &share.join("seabios").display().to_string()]);
        add(&["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line", "-device", "virtio-rng-pci"]);
        if self.ends_at_reboot {
            add(&["-no-reboot"]);
        }
        if buses.contains(&Bus::Usb) {
            add(&["-device", "qemu-xhci"]);
        }
        let mut medium = Some(&self.medium);
        match &self.boot {
            Boot::Disk { image, firmware, keep } => {
                if *keep {
                    medium
                        .take()
                        .unwrap_or(&Medium::Sound)
                        .blockdevs("disk", image)
                        .iter()
                        .for_each(|layer| add(&["-blockdev", layer]));
                } else {
                    let format =
                        if image.extension().is_some_and(|ending| ending == "qcow2") { "qcow2" } else { "raw" };
                    let drive = format!("if=none,id=disk,format={format},snapshot=on,file={}", image.display());
                    add(&["-drive", &drive]);
                }
                add(&["-device", &format!("{},bootindex=0", self.bus.device("disk", 0))]);
                let code = match firmware {
                    Firmware::Bios => None,
                    Firmware::Uefi => Some("OVMF/OVMF_CODE_4M.fd"),
                    Firmware::SecureBoot => Some("OVMF/OVMF_CODE_4M.secboot.fd"),
                };
                if let Some(code) = code {
                    let code = share.join(code).display().to_string();
                    let variables = match &self.variables {
                        Some(variables) => variables.clone(),
                        None => {
                            let variables = scratch.join("variables.fd");
                            copy(&share.join("OVMF/OVMF_VARS_4M.fd"), &variables)?;
                            variables
                        }
                    };
                    add(&["-drive", &format!("if=pflash,unit=0,format=raw,readonly=on,file={code}")]);
                    add(&["-drive", &format!("if=pflash,unit=1,format=raw,file={}", variables.display())]);
                }
                if is_secure {
                    // The flash is for system management mode alone; this build of OVMF cannot sleep.
                    add(&["-global", "driver=cfi.pflash01,property=secure,value=on"]);
                    add(&["-global", "ICH9-LPC.disable_s3=1"]);
                }
            }
            Boot::Direct { kernel, initrd, command_line } => {
                add(&["-kernel", &kernel.display().to_string(), "-initrd", &initrd.display().to_string()]);
                add(&["-append", command_line]);
            }
        }
        for (number, path) in self.disks.iter().enumerate() {
            let name = format!("data{number}");
            medium
                .take()
                .unwrap_or(&Medium::Sound)
                .blockdevs(&name, path)
                .iter()
                .for_each(|layer| add(&["-blockdev", layer]));
            // The board tries them in their order, if it cannot start the one before.
            add(&["-device", &format!("{},bootindex={}", self.disks_bus.device(&name, number + 1), number + 1)]);
        }
        for (name, path) in &self.files {
            add(&["-fw_cfg", &format!("name={name},file={}", path.display())]);
        }
        for (number, (port, tap)) in self.ports.iter().zip(taps).enumerate() {
            if self.pluggable {
                add(&["-device", &format!("pcie-root-port,id=slot{number},chassis={number},slot={number}")]);
            }
            add(&["-netdev", &port.line(number, tap), "-device", &port.card(number, self.pluggable)]);
        }
        all.extend(self.also.iter().cloned());
        Ok(all)
    }
}

impl Bus {
    /// QEMU's device for a drive of its own, the machine's so manyth.
    fn device(self, drive: &str, number: usize) -> String {
        match self {
            Self::Virtio => format!("virtio-blk-pci,drive={drive}"),
            // A port of the chip set, which has six.
            Self::Sata => format!("ide-hd,drive={drive},bus=ide.{number}"),
            Self::Nvme => format!("nvme,drive={drive},serial={drive}"),
            Self::Usb => format!("usb-storage,drive={drive},removable=on"),
        }
    }
}

impl Port<'_> {
    /// What its cable is.
    fn line(&self, number: usize, tap: &Tap) -> String {
        let descriptors: Vec<_> = tap.queues.iter().map(|queue| queue.as_raw_fd().to_string()).collect();
        let key = if descriptors.len() > 1 { "fds" } else { "fd" };
        format!("tap,id=net{number},{key}={}", descriptors.join(":"))
    }

    /// What the guest sees.
    fn card(&self, number: usize, pluggable: bool) -> String {
        let mac: Vec<_> = self.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        let model = match self.model {
            // A vector a queue and direction, one for the configuration, one for control.
            Model::Virtio if self.queues > 1 => {
                format!("virtio-net-pci,mq=on,rss=on,vectors={},romfile=", 2 * self.queues + 2)
            }
            Model::Virtio => "virtio-net-pci,romfile=".to_owned(),
            Model::Igb => "igb,romfile=".to_owned(),
            Model::E1000e => "e1000e,romfile=".to_owned(),
            Model::Vmxnet3 => "vmxnet3,romfile=".to_owned(),
        };
        let slot = if pluggable { format!(",bus=slot{number}") } else { String::new() };
        format!("{model},id=port{number},netdev=net{number},mac={}{slot}", mac.join(":"))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map(drop).map_err(|source| Error::File { path: from.to_owned(), source })
}

/// Lets the child keep the taps' descriptors, and has it end with the thread that started it.
#[expect(unsafe_code, reason = "only between fork and exec are descriptors the child's own")]
fn inherit(command: &mut Command, taps: &[Tap]) {
    let descriptors: Vec<_> = taps.iter().flat_map(|tap| &tap.queues).map(AsRawFd::as_raw_fd).collect();
    let prepare = move || {
        for descriptor in &descriptors {
            // SAFETY: one system call on a descriptor that is open in the child too.
            if unsafe { libc::fcntl(*descriptor, libc::F_SETFD, 0) } == -1 {
                return Err(std::io::Error::last_os_error());
            }
        }
        // SAFETY: one system call without pointers.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes system calls and reads a vector that it owns: no memory is allocated and no lock taken
    // between fork and exec.
    unsafe { command.pre_exec(prepare) };
}
