//! A machine as data, and QEMU started from it.

use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use segbox_lab::{Mac, Namespace};

use crate::{Accelerator, Console, Error, Tap};

/// How the system comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// From a disk, by its boot loader. Nothing is written to the image unless `keep` is set.
    Disk {
        /// A raw image.
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

/// What a board starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// Boards of the X3440's time: SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
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
    /// MiB. The system needs 160 by UEFI.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// Raw images of disks beside the one it boots from. What the guest writes is written to them.
    pub disks: Vec<PathBuf>,
    /// In the order of the guest's PCI bus.
    pub ports: Vec<Port<'a>>,
    /// Files for the guest by fw_cfg: name (`opt/org.segbox/segbox.toml`) and where it is.
    pub files: Vec<(String, PathBuf)>,
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
            disks,
            ports,
            files,
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
        Ok(Vm { child, console: Console::new(input, output, also), _scratch: scratch })
    }

    /// QEMU of the tree, by the tree's own loader and libraries.
    fn qemu(&self) -> Command {
        let libraries = self.tools.join("usr/lib/x86_64-linux-gnu");
        let mut command = Command::new(self.tools.join("usr/lib64/ld-linux-x86-64.so.2"));
        command
            .env("QEMU_MODULE_DIR", libraries.join("qemu"))
            .arg("--library-path")
            .arg(libraries)
            .arg(self.tools.join("usr/bin/qemu-system-x86_64"));
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
            Accelerator::Tcg => ("tcg,thread=multi", "max"),
        };
        add(&["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-machine", "q35"]);
        add(&["-accel", accelerator, "-cpu", processor]);
        add(&["-m", &self.memory.to_string(), "-smp", &self.processors.to_string()]);
        add(&["-L", &share.join("qemu").display().to_string(), "-L", &share.join("seabios").display().to_string()]);
        add(&["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line", "-device", "virtio-rng-pci"]);
        if self.ends_at_reboot {
            add(&["-no-reboot"]);
        }
        match &self.boot {
            Boot::Disk { image, firmware, keep } => {
                let snapshot = if *keep { "" } else { ",snapshot=on" };
                add(&["-drive", &format!("if=none,id=disk,format=raw,file={}{snapshot}", image.display())]);
                add(&["-device", "virtio-blk-pci,drive=disk,bootindex=0"]);
                if *firmware == Firmware::Uefi {
                    let code = share.join("OVMF/OVMF_CODE_4M.fd").display().to_string();
                    // The board's own memory, which it writes to.
                    let variables = scratch.join("variables.fd");
                    copy(&share.join("OVMF/OVMF_VARS_4M.fd"), &variables)?;
                    add(&["-drive", &format!("if=pflash,unit=0,format=raw,readonly=on,file={code}")]);
                    add(&["-drive", &format!("if=pflash,unit=1,format=raw,file={}", variables.display())]);
                }
            }
            Boot::Direct { kernel, initrd, command_line } => {
                add(&["-kernel", &kernel.display().to_string(), "-initrd", &initrd.display().to_string()]);
                add(&["-append", command_line]);
            }
        }
        for (number, path) in self.disks.iter().enumerate() {
            add(&["-drive", &format!("if=none,id=data{number},format=raw,file={}", path.display())]);
            add(&["-device", &format!("virtio-blk-pci,drive=data{number}")]);
        }
        for (name, path) in &self.files {
            add(&["-fw_cfg", &format!("name={name},file={}", path.display())]);
        }
        for (number, (port, tap)) in self.ports.iter().zip(taps).enumerate() {
            let [netdev, device] = port.arguments(number, tap);
            add(&["-netdev", &netdev, "-device", &device]);
        }
        Ok(all)
    }
}

impl Port<'_> {
    fn arguments(&self, number: usize, tap: &Tap) -> [String; 2] {
        let descriptors: Vec<_> = tap.queues.iter().map(|queue| queue.as_raw_fd().to_string()).collect();
        let key = if descriptors.len() > 1 { "fds" } else { "fd" };
        let netdev = format!("tap,id=net{number},{key}={}", descriptors.join(":"));
        let mac: Vec<_> = self.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        let model = match self.model {
            // A vector a queue and direction, one for the configuration, one for control.
            Model::Virtio if self.queues > 1 => {
                format!("virtio-net-pci,mq=on,rss=on,hash=on,vectors={},romfile=", 2 * self.queues + 2)
            }
            Model::Virtio => "virtio-net-pci,romfile=".to_owned(),
            Model::Igb => "igb,romfile=".to_owned(),
            Model::E1000e => "e1000e,romfile=".to_owned(),
            Model::Vmxnet3 => "vmxnet3,romfile=".to_owned(),
        };
        [netdev, format!("{model},netdev=net{number},mac={}", mac.join(":"))]
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

/// A machine that runs, and ends when this value is dropped.
#[derive(Debug)]
pub struct Vm {
    child: Child,
    /// Its serial line.
    pub console: Console,
    _scratch: tempfile::TempDir,
}

impl Vm {
    /// Ends it as a power cut does.
    pub fn cut_power(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// QEMU's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.cut_power();
    }
}
