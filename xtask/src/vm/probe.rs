//! Whether KVM works. The device /dev/kvm alone says little: inside another virtual machine it may accept a guest and never
//! run it. So the image's kernel is booted, and has to print a line within seconds.

use std::path::Path;
use std::time::Duration;

use crate::{Accelerator, Boot, Machine};

/// A kernel under a working KVM prints its first line within half a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds out what works here.
pub fn probe(tools: &Path, kernel: &Path, initrd: &Path) -> Accelerator {
    let usable = std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
    if !usable {
        return Accelerator::Tcg;
    }
    let boot = Boot::Direct {
        kernel: kernel.to_owned(),
        initrd: initrd.to_owned(),
        // Early and loud: the first line is enough.
        command_line: "console=ttyS0,115200 earlyprintk=ttyS0,115200 rdinit=/none panic=-1".to_owned(),
    };
    let mut machine = Machine::new(tools, boot, Accelerator::Kvm);
    machine.is_probe = true;
    let spoke = machine.start().and_then(|mut vm| vm.console.expect("Linux version", PATIENCE).map(drop));
    if spoke.is_ok() { Accelerator::Kvm } else { Accelerator::Tcg }
}
