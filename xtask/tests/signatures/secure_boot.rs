//! Secure Boot, enforced: the firmware starts a signed image and nothing else, from any disk that has it; the slot proves itself
//! there; the menu's built-in configuration works; and a box with no try left in its slots can be reached all the same. Not here: the
//! signatures themselves (`signed`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use segbox_vm::{Accelerator, Boot, Firmware, Machine, Router, image, turn};

use crate::built::{SIGNED, copy, esp, run};

/// The menu's last entry.
const FAILSAFE: &str = "segbox with the built-in configuration";
/// A key that GRUB takes for the arrow downwards, and the console's escape.
const DOWN: &str = "\x0e";
const ESCAPE: &str = "\x1b";

/// With a program: Linux locks itself down under Secure Boot, and must take it all the same.
const CONFIGURATION: &str = r#"
[system]
hostname = "signed"

[srv6]
locator = "fc00:0:2::/48"
source = "fc00:0:2::1"

[[srv6.sid]]
sid = "fc00:0:2:100::"
behavior = "End.BPF"
program = "stamp"

[program.stamp]
object = "builtin:end_add_tlv"
"#;

/// A disk as `segbox flash` makes it, with identifiers that no other disk has.
fn flashed(place: &Path, name: &str, from: &Path) -> PathBuf {
    let (disk, toml) = (place.join(name), place.join("segbox.toml"));
    fs::write(&toml, CONFIGURATION).expect("writable");
    fs::File::create(&disk).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    run(Command::new(image("segbox")).arg("flash").arg(from).arg(&disk).arg("--yes").arg("--config").arg(&toml));
    disk
}

/// A machine that starts what is signed only, from the first of two disks that it can.
fn machine<'a>(tools: &'a Path, place: &Path, first: PathBuf, second: PathBuf) -> Machine<'a> {
    let variables = place.join("variables");
    SIGNED.keys.enrolled(tools, &variables);
    let boot = Boot::Disk { image: first, firmware: Firmware::SecureBoot, keep: true };
    // A boot must not depend on the accelerator, and TCG is everywhere.
    let mut machine = Machine::new(tools, boot, Accelerator::Tcg);
    (machine.disks, machine.variables) = (vec![second], Some(variables));
    machine
}

#[test]
fn a_signed_disk_boots_beside_one_that_is_not_and_proves_itself() {
    let _turn = turn();
    let tools = image("tools");
    let place = tempfile::tempdir().expect("a folder");
    let plain = flashed(place.path(), "plain", &image("segbox.raw.zst"));
    let signed = flashed(place.path(), "signed", &SIGNED.folder.join("segbox.raw.zst"));
    let untouched = esp(&plain).text("slots/state.env");
    let mut machine = machine(&tools, place.path(), plain.clone(), signed.clone());
    machine.ends_at_reboot = false;
    let mut router = Router::start(&machine);

    // The disk that is not signed comes first.
    router.wait_booting("Access Denied");
    router.again();
    let screen = &router.screen;
    assert!(screen.contains("slot a"), "{screen}");
    assert!(screen.contains("good: configured from config partition, started by Secure Boot"), "{screen}");
    assert!(screen.contains("1 SIDs"), "{screen}");
    let steps = router.settled();
    assert!(steps.contains("started from vdb"), "which of the two disks is used is said:\n{steps}");
    assert!(
        steps.contains("vdb3") && steps.contains("vdb4"),
        "configuration and state are of the disk that was booted:\n{steps}"
    );
    assert!(steps.contains("marked good"), "{steps}");

    // The command line is the signed one; the menu's last entry starts another profile of the UKI.
    router.type_in("reboot\r");
    router.wait_booting("Access Denied");
    router.wait_booting("starting Boot");
    let menu = (0..1000).any(|_| {
        router.type_in(ESCAPE);
        router.vm.console.expect(FAILSAFE, Duration::from_millis(200)).is_ok()
    });
    assert!(menu, "no menu:\n{}", router.vm.console.transcript());
    let state = esp(&signed).text("slots/state.env");
    assert!(state.contains("a_tries=2\n"), "GRUB has taken one away, after all three were put back:\n{state}");
    router.type_in(&DOWN.repeat(3));
    router.type_in("\r");
    router.again();
    let screen = &router.screen;
    assert!(screen.contains("slot a"), "{screen}");
    assert!(screen.contains("segbox.failsafe"), "{screen}");
    assert!(screen.contains("built in"), "{screen}");

    router.vm.cut_power();

    // A third profile is for a box that has never come up in three starts.
    used_up(&signed, place.path());
    let mut router = Router::boot(&machine);
    let screen = &router.screen;
    assert!(screen.contains("slot a") && screen.contains("no slot had a try left"), "{screen}");
    assert!(screen.contains("good: configured from config partition, started by Secure Boot"), "{screen}");
    assert!(router.settled().contains("marked good"), "now it has come up");
    router.vm.cut_power();
    let state = esp(&signed).text("slots/state.env");
    assert!(state.contains("a_tries=3\n"), "{state}");
    assert_eq!(esp(&plain).text("slots/state.env"), untouched, "the other disk's count is left alone");
}

/// Takes the tries that slot A has left.
fn used_up(disk: &Path, place: &Path) {
    let state = esp(disk).text("slots/state.env");
    let (before, after) = state.split_once("a_tries=").expect("a count");
    let file = place.join("state.env");
    fs::write(&file, format!("{before}a_tries=0{}", &after[1..])).expect("writable");
    esp(disk).copy_in(&file, "slots/state.env");
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    let _turn = turn();
    let tools = image("tools");
    let place = tempfile::tempdir().expect("a folder");
    let [loader, uki] = [("loader", "EFI/BOOT/BOOTX64.EFI"), ("uki", "slots/a/segbox.efi")].map(|(name, file)| {
        let disk = place.path().join(name);
        copy(&SIGNED.folder.join("segbox.raw"), &disk);
        let part = place.path().join("part");
        esp(&disk).copy_out(file, &part);
        let mut bytes = fs::read(&part).expect("just copied");
        // In the middle: code or data, and neither a header nor the signature.
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&part, bytes).expect("writable");
        esp(&disk).copy_in(&part, file);
        fs::remove_file(part).expect("it was there");
        disk
    });
    let mut router = Router::start(&machine(&tools, place.path(), loader, uki));
    router.wait_booting("Access Denied");
    router.wait_booting("starting Boot");
    router.wait_booting("bad signature");
    router.wait_booting("Falling back to");
    assert!(!router.vm.console.transcript().contains("segbox: starting"), "{}", router.vm.console.transcript());
}
