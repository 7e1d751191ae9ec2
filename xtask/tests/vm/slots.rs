//! Slot B, which the boot loader starts when slot A has no try left or cannot be loaded. On either firmware it proves itself as slot A
//! does, and its count alone is put back. Not here: slot A's count at a first boot (`flashed`).

use std::fs;
use std::path::Path;

use segbox_vm::{Accelerator, Boot, Fat, Firmware, Machine, Router, image, turn};

use segbox_vm::look::{value, with};
use segbox_vm::lost_cache::copy;

const STATE: &str = "slots/state.env";

/// The image's disk with the same system in both slots.
fn two_slots(tools: &Path, disk: &Path, tries: &[(&str, u32)]) {
    copy(&image("segbox.raw"), disk);
    let esp = Fat::esp(tools, disk);
    let part = disk.with_file_name("part");
    for name in esp.list("slots/a/") {
        esp.copy_out(&format!("slots/a/{name}"), &part);
        esp.copy_in(&part, &format!("slots/b/{name}"));
        fs::remove_file(&part).expect("just copied");
    }
    fs::write(&part, with(&esp.text(STATE), tries)).expect("room");
    esp.copy_in(&part, STATE);
}

/// Boots it; slot B has to come up. Gives the boot loader's block afterwards.
fn comes_up_in_b(tools: &Path, disk: &Path, firmware: Firmware) -> String {
    let boot = Boot::Disk { image: disk.to_owned(), firmware, keep: true };
    let mut router = Router::boot(&Machine::new(tools, boot, Accelerator::Tcg));
    assert!(router.screen.contains("slot b") && router.screen.contains("good: configured"), "{}", router.screen);
    let steps = router.settled();
    assert!(steps.contains("marked good") || steps.contains("already good"), "{steps}");
    router.power_off();
    Fat::esp(tools, disk).text(STATE)
}

fn no_try_is_left(firmware: Firmware) {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    two_slots(&tools, &disk, &[("a_ok", 1), ("a_tries", 0), ("b_ok", 1), ("b_tries", 2)]);
    let block = comes_up_in_b(&tools, &disk, firmware);
    let found = ["a_tries", "b_ok", "b_tries"].map(|name| value(&block, name));
    assert_eq!(found, ["0", "1", "3"], "{firmware:?}: B has all its tries again, A none");
}

fn cannot_be_loaded(firmware: Firmware, broken: &str) {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    two_slots(&tools, &disk, &[("a_ok", 1), ("a_tries", 3), ("b_ok", 1), ("b_tries", 3)]);
    let part = folder.path().join("part");
    fs::write(&part, [0x5a; 1 << 16]).expect("room");
    Fat::esp(&tools, &disk).copy_in(&part, &format!("slots/a/{broken}"));
    let block = comes_up_in_b(&tools, &disk, firmware);
    assert_eq!(value(&block, "a_tries"), "2", "{firmware:?}: a try that A did not stand");
}

// The slow tests ask the other questions.
#[test]
fn slot_b_starts_when_slot_a_has_no_try_left() {
    no_try_is_left(Firmware::Bios);
}

#[test]
fn slow_slot_b_starts_when_slot_a_has_no_try_left_by_uefi() {
    no_try_is_left(Firmware::Uefi);
}

#[test]
fn slow_slot_b_starts_when_slot_a_cannot_be_loaded_by_uefi() {
    cannot_be_loaded(Firmware::Uefi, "segbox.efi");
}

#[test]
fn slow_slot_b_starts_when_slot_a_cannot_be_loaded_by_bios() {
    cannot_be_loaded(Firmware::Bios, "kernel");
}
