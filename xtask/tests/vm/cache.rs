//! Power cuts of a disk that had not written out its cache: QEMU notes every write and flush of the disk while files are edited, and
//! from that the disks are made that a power cut could have left, hundreds of them. Each has the old file or the new one, whole. A file
//! that the box has said is taken is there. Not here: cuts of a disk that loses nothing (`power`).

use std::fs::File;
use std::path::Path;

use segbox_vm::{Chance, Medium, Router, WriteLog, image, quick, turn};

use segbox_vm::disk::{self, Disk, LENGTH};
use segbox_vm::edited::{boot, paste, text};
use segbox_vm::lost_cache::{Grain, Left, copy};

/// A file, and between which entries of the log it was written: begun at the first, said to be taken at the second.
struct Edited {
    number: u32,
    begun: usize,
    taken: usize,
}

fn edit(router: &mut Router, number: u32, log: &Path) -> Edited {
    paste(router, &text(number));
    let begun = WriteLog::length(log).expect("QEMU writes it");
    router.type_in(".\r");
    router.wait("saved. ");
    let taken = WriteLog::length(log).expect("QEMU writes it");
    router.prompt();
    Edited { number, begun, taken }
}

#[test]
fn a_disk_that_loses_its_cache_has_the_old_configuration_or_the_new_one() {
    look_at(60);
}

#[test]
fn slow_three_hundred_disks_that_lose_their_cache_have_the_old_configuration_or_the_new_one() {
    look_at(300);
}

/// Edits files, and looks at so many disks that a power cut could have left meanwhile.
fn look_at(disks: usize) {
    let _turn = turn();
    let tools = image("tools");
    let mut chance = Chance::new("lost caches");
    let disk = Disk::new(&tools, &text(1));
    let folder = tempfile::tempdir().expect("a folder");
    let [log, part, before] = ["log", "part", "before"].map(|name| folder.path().join(name));
    copy(&disk.path(), &before);
    let mut left = Left::new(&before, (disk.config, LENGTH), Grain::Block, folder.path().join("config"));
    File::create(&log).expect("a fresh folder");

    let mut machine = quick(&tools);
    machine.medium = Medium::Logged(log.clone());
    machine.disks.push(disk.path());
    let mut router = Router::boot(&machine);
    let mut edited = vec![Edited { number: 1, begun: 0, taken: 0 }];
    for number in [2, 3] {
        edited.push(edit(&mut router, number, &log));
        // Keeps it as a good one: other files are written too.
        let applied = router.answer("apply");
        assert!(applied.contains("in sync"), "{applied}");
    }
    router.vm.cut_power();
    let log = WriteLog::read(&log).expect("QEMU wrote it");

    let first = edited[1].begun;
    let mut moments: Vec<usize> = (0..disks).map(|_| first + chance.below(log.entries.len() + 1 - first)).collect();
    // Before the first of the edits, and after the last.
    moments.extend([first, log.entries.len()]);
    moments.sort_unstable();
    let mut counts = [0; 4];
    // The last moment that left each file.
    let mut last = [0; 4];
    for moment in moments {
        left.after(&log, moment, &mut chance, &part);
        disk::check(&tools, &part).unwrap_or_else(|why| panic!("cut after {moment} of {}: {why}", log.entries.len()));
        let found = disk::content(&tools, &part, "segbox.toml");
        let number_at = |moment_of: fn(&Edited) -> usize| {
            edited.iter().rfind(|edit| moment_of(edit) <= moment).map_or(1, |edit| edit.number)
        };
        let (oldest, newest) = (number_at(|edit| edit.taken), number_at(|edit| edit.begun));
        let number = (oldest..=newest).find(|number| found == text(*number));
        let Some(number) = number else {
            panic!("cut after {moment} of {}: neither {oldest} nor {newest}:\n{found}", log.entries.len())
        };
        counts[number as usize] += 1;
        last[number as usize] = moment;
    }
    println!(
        "{} lost caches: {:?} disks with each file, {} writes and flushes",
        counts.iter().sum::<usize>(),
        &counts[1..],
        log.entries.len()
    );
    assert!(counts[1..].iter().all(|count| *count > 0), "every file is seen: {counts:?}");
    // The kernel's own replay of a journal, on either side of an instant when a file takes another's place.
    let mut left = Left::new(&before, (0, disk.length()), Grain::Block, folder.path().join("whole"));
    for moment in [last[1], last[2]] {
        left.after(&log, moment, &mut chance, &part);
        boot(&tools, &part, &[1, 2, 3]).map(drop).unwrap_or_else(|why| panic!("cut after {moment}: {why}"));
    }
}
