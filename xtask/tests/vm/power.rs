//! Power cuts while a configuration is written: whenever they come, the old file or the new one is there, whole, and the box
//! boots with it.
//!
//! What a killed QEMU leaves on its disk is what a stopped one has there: so a machine is stopped at random moments, its disk is
//! copied, and it goes on. Every copy's journal is replayed by e2fsck and its file read; some are booted, and QEMU killed at the
//! last moment.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use segbox_vm::Vm;

use crate::disk::Disk;
use crate::serial::{Router, image, machine, turn};

/// Files that are written, with three moments each.
const FILES: u32 = 10;
/// How many disks with the old file the box boots from, and how many with the new one.
const BOOTS: usize = 3;

/// A configuration with its number in it, of several disk blocks.
fn text(number: u32) -> String {
    let filler: String = (0..120).map(|line| format!("# {number}: line {line} of a long remark\n")).collect();
    format!(
        "[system]\nhostname = \"box\"\n\n{filler}[srv6]\nsource = \"fc00:0:2::1\"\n\n[[srv6.sid]]\nsid = \"{}\"\nbehavior = \"End.DT6\"\ntable = 254\n",
        sid(number)
    )
}

fn sid(number: u32) -> String {
    format!("fc00:0:2:{number:x}::")
}

/// Types a file into `edit`, but for the line that ends it.
fn paste(router: &mut Router, text: &str) {
    router.type_in("edit\r");
    router.wait("gives up.");
    router.type_in(&text.replace('\n', "\r"));
    // Its echo tells that the machine has read all of it.
    router.wait("table = 254");
}

/// Runs this while the machine stands still.
fn stopped<T>(vm: &Vm, meanwhile: impl FnOnce() -> T) -> T {
    let id = Pid::from_raw(i32::try_from(vm.id()).expect("a process")).expect("a process");
    kill_process(id, Signal::STOP).expect("QEMU is ours");
    // Every thread of it has come to rest then, the writing ones too.
    waitid(WaitId::Pid(id), WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT).expect("QEMU is ours");
    let result = meanwhile();
    kill_process(id, Signal::CONT).expect("QEMU is ours");
    result
}

/// Boots from a disk; whether it runs the file with this number, and its console if it does not.
fn runs(tools: &Path, disk: &Disk, number: u32) -> Result<Router, String> {
    let mut machine = machine(tools, "");
    machine.memory = 256;
    machine.disks.push(disk.path());
    let mut router = Router::boot(&machine);
    let shown = router.answer("show").replace('\r', "");
    let good = router.screen.contains("good: configured from config partition");
    let whole = shown.contains(text(number).trim_end());
    let sids = router.status()["sids"].to_string();
    if good && whole && sids.contains(&sid(number)) {
        return Ok(router);
    }
    Err(format!("good: {good}, file whole: {whole}\n{sids}\n{}\n{shown}", router.screen))
}

#[test]
fn the_old_configuration_or_the_new_one_survives_a_power_cut() {
    let _turn = turn();
    let tools = image("tools");
    let disk = Disk::new(&tools, &text(1));
    let mut router = runs(&tools, &disk, 1).unwrap_or_else(|console| panic!("{console}"));

    // How long the box works on a file once it has it: the moments are to fall into that time.
    paste(&mut router, &text(2));
    let begin = Instant::now();
    router.answer(".");
    let takes = begin.elapsed();

    let random = RandomState::new();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for number in 3..3 + FILES {
        paste(&mut router, &text(number));
        let thousandths = |moment| u32::try_from(random.hash_one((number, moment)) % 1000).unwrap_or_default();
        // One at any time, the others where the file is replaced: at the end, and a little behind what it took once.
        let any = takes * thousandths(0) / 1000;
        let late = |moment| takes * 7 / 10 + takes * 4 / 10 * thousandths(moment) / 1000;
        let mut moments = [any, late(1), late(2)];
        moments.sort();
        router.type_in(".\r");
        let mut before = Duration::ZERO;
        for moment in moments {
            std::thread::sleep(moment - before);
            before = moment;
            let (copy, found) = stopped(&router.vm, || {
                let copy = disk.copy();
                let found = copy.configuration(&tools);
                (copy, found)
            });
            let which = [number - 1, number].into_iter().find(|number| found == text(*number));
            let Some(which) = which else { panic!("{moment:.0?} of {takes:.0?} into `edit` {number}:\n{found}") };
            (if which == number { &mut new } else { &mut old }).push((moment, which, Some(copy)));
        }
        router.wait("taken");
        router.prompt();
        // Those to be booted are the ones on either side of the instant when the new file takes the old one's place.
        old.sort_by_key(|(moment, ..)| std::cmp::Reverse(*moment));
        new.sort_by_key(|(moment, ..)| *moment);
        old.iter_mut().skip(BOOTS).chain(new.iter_mut().skip(BOOTS)).for_each(|(.., copy)| *copy = None);
    }
    router.vm.cut_power();
    println!("{takes:.0?}: {} times the old file, {} times the new one", old.len(), new.len());
    for (moment, number, copy) in old.iter().chain(&new) {
        let Some(copy) = copy else { continue };
        let booted = runs(&tools, copy, *number);
        assert!(booted.is_ok(), "{moment:.0?} of {takes:.0?} into `edit`: {}", booted.err().unwrap_or_default());
    }
}
