//! A machine in QEMU's words. Starts nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::running::MONITOR;
use crate::{Accelerator, Boot, Bus, Error, Firmware, Machine, Medium, Port, Tap};

/// QEMU's arguments for a machine; `scratch` is a folder for the board's own files.
pub(crate) fn arguments(machine: &Machine<'_>, taps: &[Tap], scratch: &Path) -> Result<Vec<String>, Error> {
    let share = machine.tools.join("usr/share");
    let mut all = Words::default();
    board(machine, &share, scratch, &mut all);
    let mut medium = Some(&machine.medium);
    match &machine.boot {
        Boot::Disk { image, firmware, keep } => {
            if *keep {
                all.drive("disk", image, medium.take());
            } else {
                let format = if image.extension().is_some_and(|ending| ending == "qcow2") { "qcow2" } else { "raw" };
                let drive = format!("if=none,id=disk,format={format},snapshot=on,file={}", image.display());
                all.add(&["-drive", &drive]);
            }
            all.add(&["-device", &format!("{},bootindex=0", machine.bus.device("disk", 0))]);
            firmware_of(machine, *firmware, &share, scratch, &mut all)?;
        }
        Boot::Direct { kernel, initrd, command_line } => {
            all.add(&["-kernel", &kernel.display().to_string(), "-initrd", &initrd.display().to_string()]);
            all.add(&["-append", command_line]);
        }
    }
    for (number, path) in machine.disks.iter().enumerate() {
        let name = format!("data{number}");
        all.drive(&name, path, medium.take());
        // The board tries them in their order, if it cannot start the one before.
        let device = machine.disks_bus.device(&name, number + 1);
        all.add(&["-device", &format!("{device},bootindex={}", number + 1)]);
    }
    for (name, path) in &machine.files {
        all.add(&["-fw_cfg", &format!("name={name},file={}", path.display())]);
    }
    for (number, (port, tap)) in machine.ports.iter().zip(taps).enumerate() {
        if machine.pluggable {
            all.add(&["-device", &format!("pcie-root-port,id=slot{number},chassis={number},slot={number}")]);
        }
        all.add(&["-netdev", &Port::line(number, tap), "-device", &port.card(number, machine.pluggable)]);
    }
    all.0.extend(machine.also.iter().cloned());
    Ok(all.0)
}

/// Chip set, processors, memory, serial line, monitor.
fn board(machine: &Machine<'_>, share: &Path, scratch: &Path, all: &mut Words) {
    let (accelerator, processor) = match machine.accelerator {
        Accelerator::Kvm => ("kvm", "host"),
        Accelerator::Tcg if machine.is_parallel => ("tcg,thread=multi", "max"),
        Accelerator::Tcg => ("tcg,thread=single", "max"),
    };
    let is_secure = matches!(machine.boot, Boot::Disk { firmware: Firmware::SecureBoot, .. });
    all.add(&["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"]);
    let buses = [machine.bus, machine.disks_bus];
    // As with USB: no controller without a disk. This one has six ports, and each is looked at.
    let sata = if buses.contains(&Bus::Sata) { "on" } else { "off" };
    let smm = if is_secure { "on" } else { "auto" };
    all.add(&["-machine", &format!("q35,sata={sata},smm={smm}")]);
    all.add(&["-accel", accelerator, "-cpu", processor]);
    all.add(&["-qmp", &format!("unix:{},server=on,wait=off", scratch.join(MONITOR).display())]);
    all.add(&["-m", &machine.memory.to_string(), "-smp", &machine.processors.to_string()]);
    all.add(&["-L", &share.join("qemu").display().to_string(), "-L", &share.join("seabios").display().to_string()]);
    all.add(&["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line", "-device", "virtio-rng-pci"]);
    if machine.ends_at_reboot {
        all.add(&["-no-reboot"]);
    }
    if buses.contains(&Bus::Usb) {
        all.add(&["-device", "qemu-xhci"]);
    }
}

/// The flash memory of a board that is not SeaBIOS's.
fn firmware_of(
    machine: &Machine<'_>,
    firmware: Firmware,
    share: &Path,
    scratch: &Path,
    all: &mut Words,
) -> Result<(), Error> {
    let code = match firmware {
        Firmware::Bios => return Ok(()),
        Firmware::Uefi => "OVMF/OVMF_CODE_4M.fd",
        Firmware::SecureBoot => "OVMF/OVMF_CODE_4M.secboot.fd",
    };
    let code = share.join(code).display().to_string();
    let variables = match &machine.variables {
        Some(variables) => variables.clone(),
        None => factory_variables(share, scratch)?,
    };
    all.add(&["-drive", &format!("if=pflash,unit=0,format=raw,readonly=on,file={code}")]);
    all.add(&["-drive", &format!("if=pflash,unit=1,format=raw,file={}", variables.display())]);
    if firmware == Firmware::SecureBoot {
        // The flash is for system management mode alone; this build of OVMF cannot sleep.
        all.add(&["-global", "driver=cfi.pflash01,property=secure,value=on"]);
        all.add(&["-global", "ICH9-LPC.disable_s3=1"]);
    }
    Ok(())
}

fn factory_variables(share: &Path, scratch: &Path) -> Result<PathBuf, Error> {
    let (from, to) = (share.join("OVMF/OVMF_VARS_4M.fd"), scratch.join("variables.fd"));
    fs::copy(&from, &to).map_err(|source| Error::File { path: from, source })?;
    Ok(to)
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// The block devices of an image that is written to.
    fn drive(&mut self, name: &str, image: &Path, medium: Option<&Medium>) {
        for layer in medium.unwrap_or(&Medium::Sound).blockdevs(name, image) {
            self.add(&["-blockdev", &layer]);
        }
    }
}
