//! A flashed disk's first boot, by its boot loader: the slot is marked good and the state partition's file system grows to the disk,
//! and a power cut at any moment of both costs nothing. QEMU notes every write; the disks that a cut could have left are made from
//! that, and one of them is booted. Not here: flashing itself (`image`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use segbox_vm::{Accelerator, Boot, Chance, Entry, Firmware, Machine, Medium, Router, SECTOR, WriteLog, image, turn};

use crate::share;
use segbox_vm::disk;
use segbox_vm::look::{BLOCK, blocks, partition, read, slot_a, state_env};
use segbox_vm::lost_cache::{Grain, Left, copy};

/// Length of the file that serves as a disk.
const DISK: u64 = 1 << 30;
fn machine(tools: &Path, disk: PathBuf) -> Machine<'_> {
    Machine::new(tools, Boot::Disk { image: disk, firmware: Firmware::Bios, keep: true }, Accelerator::Tcg)
}

#[test]
fn a_first_boot_marks_its_slot_and_grows_its_state_partition_whenever_the_power_goes() {
    look_at(20);
}

#[test]
fn slow_a_first_boot_is_looked_at_after_sixty_power_cuts() {
    look_at(60);
}

/// Boots a flashed disk for the first time, and looks at so many disks that a power cut could have left meanwhile.
fn look_at(disks: usize) {
    let _turn = turn();
    let tools = image("tools");
    let mut chance = Chance::new("a flashed disk");
    let folder = tempfile::tempdir().expect("a folder");
    let [place, before, log, part] = ["disk", "before", "log", "part"].map(|name| folder.path().join(name));
    File::create(&place).and_then(|file| file.set_len(DISK)).expect("a sparse file");
    let flashed =
        Command::new(image("segbox")).arg("flash").arg(image("segbox.raw.zst")).arg(&place).arg("--yes").output();
    let flashed = flashed.expect("segbox starts");
    assert!(flashed.status.success(), "{}", String::from_utf8_lossy(&flashed.stderr));
    copy(&place, &before);
    let (state, env) = (partition(&place, "segbox-state"), state_env(&place));
    assert!(state.1 > DISK / 3, "flash has stretched it: {} bytes", state.1);

    File::create(&log).expect("a fresh folder");
    let mut logged = machine(&tools, place.clone());
    logged.medium = Medium::Logged(log.clone());
    let mut router = Router::boot(&logged);
    let steps = router.settled();
    assert!(steps.contains("marked good") && steps.contains("grown from 64 to "), "{steps}");
    share::is_told(&mut router);
    router.vm.cut_power();
    let log = WriteLog::read(&log).expect("QEMU wrote it");

    // The slot can be started whatever was cut, and nothing but its one sector was written to mark it.
    let kept = |name: &str| folder.path().join(name);
    let mut block = Left::new(&before, (env, BLOCK), Grain::Sector, kept("block"));
    let mut fs = Left::new(&before, state, Grain::Block, kept("state"));
    let mut moments: Vec<usize> = (0..disks).map(|_| chance.below(log.entries.len() + 1)).collect();
    moments.extend(writes_to(&log, env..env + BLOCK).iter().flat_map(|at| [*at, *at + 1]));
    // Before all of it, and after.
    moments.extend([0, log.entries.len()]);
    moments.sort_unstable();
    let mut seen = std::collections::BTreeSet::new();
    let mut sizes = std::collections::BTreeSet::new();
    for moment in moments {
        block.after(&log, moment, &mut chance, &part);
        let found = slot_a(&std::fs::read(&part).expect("just made"));
        assert!(matches!(found, Some((1, 1..))), "cut after {moment} of {}: {found:?}", log.entries.len());
        seen.extend(found);
        fs.after(&log, moment, &mut chance, &part);
        disk::check(&tools, &part).unwrap_or_else(|why| panic!("cut after {moment} of {}: {why}", log.entries.len()));
        sizes.insert(blocks(&tools, &part));
    }
    println!(
        "{} writes and flushes; slot A (ok, tries): {seen:?}; blocks of the state partition: {sizes:?}",
        log.entries.len()
    );
    assert!(seen.contains(&(1, 2)) && seen.contains(&(1, 3)), "before and after the mark: {seen:?}");
    assert!(sizes.contains(&16384) && sizes.contains(&(state.1 / 4096)), "before and after growing: {sizes:?}");

    // A disk that has the growth in its journal and nowhere else boots. Its file system is as long as its partition, and takes files.
    let mut fs = Left::new(&before, state, Grain::Block, kept("state"));
    let in_journal =
        (0..=log.entries.len()).filter(|at| *at == 0 || log.entries[*at - 1] == Entry::Flush).find(|moment| {
            fs.at_least(&log, *moment, &part);
            let found = blocks(&tools, &part);
            disk::check(&tools, &part).is_ok() && found < blocks(&tools, &part)
        });
    let in_journal = in_journal.expect("the journal has it before the file system");
    let disk = kept("cut");
    Left::new(&before, (0, DISK), Grain::Block, kept("whole")).at_least(&log, in_journal, &disk);
    let mut cut = machine(&tools, disk.clone());
    cut.ends_at_reboot = false;
    let mut router = Router::boot(&cut);
    let steps = router.settled();
    assert!(router.screen.contains("slot a") && router.screen.contains("good: configured"), "{}", router.screen);
    assert!(steps.contains(&format!("{} MiB", state.1 >> 20)) && steps.contains("seed mixed in"), "{steps}");
    router.type_in("reboot\r");
    router.again();
    let steps = router.settled();
    assert!(!steps.contains("to fix") && !steps.contains("grown from"), "nothing is wrong, it has its size: {steps}");
    router.power_off();
    assert!(!router.vm.console.transcript().contains("EXT4-fs"), "{}", router.vm.console.transcript());
    drop(router);
    Left::new(&disk, state, Grain::Block, part.clone());
    disk::is_clean(&tools, &part).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(blocks(&tools, &part), state.1 / 4096);
    assert_eq!(slot_a(&read(&disk, (env, BLOCK))), Some((1, 3)));
}

/// Which entries write to these bytes of the disk.
fn writes_to(log: &WriteLog, bytes: std::ops::Range<u64>) -> Vec<usize> {
    let sector = SECTOR as u64;
    let touches = |entry: &Entry| {
        let sectors = entry.sectors();
        !sectors.is_empty() && sectors.start * sector < bytes.end && sectors.end * sector > bytes.start
    };
    log.entries.iter().enumerate().filter(|(_, entry)| touches(entry)).map(|(at, _)| at).collect()
}
