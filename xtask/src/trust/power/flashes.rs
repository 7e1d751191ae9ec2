//! Writes of whole disks and of the boot loader's block: `flash`, `flash self`, a flashed disk's first boot, the mark of a slot.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use segbox_vm::{Accelerator, Boot, Fat, Firmware, Machine, Medium, Router, image, look};

use super::Row;
use super::found::Found;
use super::recording::Recorder;
use super::rows::is_well;

pub(super) const ROWS: [Row; 4] = [
    Row { name: "first-boot", record: first_boot, holds: can_be_started, boot: boots },
    Row { name: "slot-mark", record: slot_mark, holds: can_be_started, boot: boots },
    Row { name: "flash", record: flash, holds: whole_or_dead, boot: boots },
    Row { name: "flash-self", record: flash_self, holds: whole_or_dead, boot: boots },
];

/// Length of the file that serves as a disk.
const DISK: u64 = 1 << 30;
/// Longest flash by an emulated box on a machine that does other things too.
const FLASH: Duration = Duration::from_secs(1200);

fn machine(tools: &Path, disk: PathBuf, firmware: Firmware) -> Machine<'_> {
    Machine::new(tools, Boot::Disk { image: disk, firmware, keep: true }, Accelerator::Tcg)
}

/// A disk with the image, as `segbox flash` leaves it.
fn flashed(place: &Path) {
    File::create(place).and_then(|file| file.set_len(DISK)).expect("a sparse file");
    let mut segbox = Command::new(image("segbox"));
    let done = segbox.arg("flash").arg(image("segbox.raw.zst")).arg(place).arg("--yes").output();
    let done = done.expect("segbox starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn first_boot(recorder: &mut Recorder<'_>) {
    let place = recorder.folder.join("disk");
    flashed(&place);
    recorder.starts_with(&place);
    recorder.begins();
    boot_and_cut(recorder, place, Firmware::Bios);
    recorder.is_taken();
}

/// A disk that has booted before, with two tries left; the loader takes one of them.
fn slot_mark(recorder: &mut Recorder<'_>) {
    let place = recorder.folder.join("disk");
    flashed(&place);
    let mut router = Router::boot(&machine(recorder.tools, place.clone(), Firmware::Bios));
    router.settled();
    router.power_off();
    // In place, as the loader writes it: a second block on the disk would be a riddle.
    let at = look::state_env(&place);
    let block = String::from_utf8(look::read(&place, (at, look::BLOCK))).expect("a text");
    let file = File::options().write(true).open(&place).expect("the disk is there");
    file.write_all_at(look::with(&block, &[("a_ok", 1), ("a_tries", 2)]).as_bytes(), at).expect("room");
    recorder.starts_with(&place);
    recorder.begins();
    boot_and_cut(recorder, place, Firmware::Uefi);
    recorder.is_taken();
}

fn boot_and_cut(recorder: &Recorder<'_>, place: PathBuf, firmware: Firmware) {
    let mut logged = machine(recorder.tools, place, firmware);
    recorder.watch(&mut logged);
    let mut router = Router::boot(&logged);
    let steps = router.settled();
    assert!(steps.contains("marked good"), "{steps}");
    router.vm.cut_power();
}

fn flash(recorder: &mut Recorder<'_>) {
    let stick = recorder.folder.join("stick");
    let packed = image("segbox.raw.zst");
    let mib = std::fs::metadata(&packed).expect("of the image").len() >> 20;
    Fat::create(recorder.tools, &stick, mib + 16, &[]).copy_in(&packed, "segbox.raw.zst");
    flash_from(recorder, "/dev/vdc/segbox.raw.zst", &[stick]);
}

fn flash_self(recorder: &mut Recorder<'_>) {
    flash_from(recorder, "self", &[]);
}

/// A box that was booted from a stick overwrites a disk that boots.
fn flash_from(recorder: &mut Recorder<'_>, source: &str, sticks: &[PathBuf]) {
    let place = recorder.folder.join("disk");
    flashed(&place);
    recorder.starts_with(&place);
    // Nothing is written to the image's own disk, so that the other one is the one that is noted.
    let boot = Boot::Disk { image: image("segbox.raw"), firmware: Firmware::Bios, keep: false };
    let mut stick = Machine::new(recorder.tools, boot, Accelerator::Tcg);
    recorder.watch(&mut stick);
    stick.disks.push(place);
    stick.disks.extend_from_slice(sticks);
    let mut router = Router::boot(&stick);
    router.settled();
    recorder.begins();
    let said = router.answer_within(&format!("flash {source} /dev/vdb --yes"), FLASH);
    assert!(said.contains("read it back without a difference"), "{said}");
    recorder.is_taken();
    router.vm.cut_power();
}

/// The slot may be started and is the image's, and both file systems are sound.
fn can_be_started(found: &Found<'_>) -> Result<(), String> {
    let slot = found.slot_a()?;
    // The loader starts a slot without a try as well where there is no other.
    if slot.0 != 1 {
        return Err(format!("slot A (ok, tries) is {slot:?}"));
    }
    found.is_whole("segbox-config")?;
    found.is_whole("segbox-state")?;
    found.has_slot_a(&image("segbox.raw"))
}

/// No firmware starts it, or all of it is there.
fn whole_or_dead(found: &Found<'_>) -> Result<(), String> {
    let has_to_be_whole = *found.states.start() > 0 || *found.states.end() == 0;
    if found.is_dead() {
        return if has_to_be_whole { Err("no firmware starts it".to_owned()) } else { Ok(()) };
    }
    can_be_started(found)
}

fn boots(found: &Found<'_>, log: &Path) -> Result<(), String> {
    let mut machine = machine(found.tools, found.disk.to_owned(), Firmware::Bios);
    machine.medium = Medium::Logged(log.to_owned());
    let mut router = Router::boot(&machine);
    let steps = router.settled();
    if !router.screen.contains("slot a") {
        return Err(format!("{}\n{steps}", router.screen));
    }
    is_well(&steps)
}
