//! Ends that were not asked for: PID 1 panics, the kernel crashes, PID 1 stands still. The box comes back by itself each time, says why,
//! and keeps the last words; and one end that is asked for, by the power button. Not here: power cuts (`power`, `cache`).

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use segbox_vm::{Machine, Router, image, machine, tool, turn};
use serde_json::json;

use segbox_vm::disk::{Disk, check, content};

const FILE: &str = "[system]\nhostname = \"box\"\n";
/// More than the kernel's wait before it reboots (kernel.panic) and the watchdog's, on a machine that does other things too.
const SOON: Duration = Duration::from_secs(120);

/// A machine with a watchdog, and firmware that keeps records (ACPI's ERST, as servers have it).
fn board<'a>(tools: &'a Path, disk: &Disk, records: &Path, words: &str) -> Machine<'a> {
    let mut machine = machine(tools, words);
    machine.memory = 256;
    machine.disks.push(disk.path());
    machine.ends_at_reboot = false;
    let memory = format!("memory-backend-file,id=records,size=64K,share=on,mem-path={}", records.display());
    let also = ["-device", "i6300esb", "-object", &memory, "-device", "acpi-erst,memdev=records"];
    machine.also = also.map(str::to_owned).to_vec();
    machine
}

/// The last boot's end in this one's record, which gets it when the router is at work already.
fn last_end(router: &mut Router) -> String {
    let begin = Instant::now();
    loop {
        let boot = router.json("status boot --json");
        if let Some(end) = boot["last-end"].as_str() {
            let told = boot["problems"].to_string();
            assert_eq!(told.contains("the last boot ended badly"), end != "clean", "{end}: {told}");
            return end.to_owned();
        }
        assert!(begin.elapsed() < SOON, "no end in {boot}");
    }
}

/// The watchdog is open before the slow work: drivers that reset, disks.
fn watchdog_comes_first(router: &mut Router) {
    let boot = router.json("status boot --json");
    let step = |name: &str| {
        let found = boot["steps"].as_array().into_iter().flatten().find(|step| step["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no step {name} in {boot:#}"));
        let time = |key: &str| found[key].as_f64().unwrap_or_else(|| panic!("no {key} in {found}"));
        (time("at-ms"), time("at-ms") + time("took-ms"))
    };
    let open = step("watchdog").1;
    let slow = ["drivers", "disks"].map(|name| step(name).1);
    assert!(slow.iter().all(|end| open < *end), "{boot:#}");
}

/// Waits until the board's watchdog resets it. QEMU tells of hardware alone, not of softdog.
fn is_bitten(router: &Router) {
    let bitten = router.vm.monitor().and_then(|mut monitor| monitor.event("WATCHDOG", SOON, |_| true));
    let bitten =
        bitten.expect("QEMU runs").unwrap_or_else(|| panic!("no watchdog: {}", router.vm.console.transcript()));
    assert_eq!(bitten["action"], "reset");
}

#[test]
fn slow_an_intel_boards_own_watchdog_ends_a_box_that_stands_still() {
    let _turn = turn();
    let tools = image("tools");
    // QEMU's board is an ICH9's, whose watchdog is the X3440's: lpc_ich makes the device, iTCO_wdt drives it.
    let mut router = Router::start(&machine(&tools, "segbox.hang segbox.watchdog=10"));
    router.wait_booting("press a key");
    is_bitten(&router);
}

#[test]
fn a_box_comes_back_from_a_panic_a_crash_and_a_hang_and_says_what_it_was() {
    let _turn = turn();
    let tools = image("tools");
    let disk = Disk::new(&tools, FILE);
    let scratch = tempfile::tempdir().expect("a folder");
    let records = scratch.path().join("records");

    // PID 1 panics: the board starts again by itself, without a kernel crash.
    let mut once = board(&tools, &disk, &records, "segbox.panic");
    once.ends_at_reboot = true;
    let mut router = Router::start(&once);
    router.wait_booting("PID 1 panicked");
    assert!(router.vm.ends_within(SOON), "it said that it reboots: {}", router.vm.console.transcript());

    // After an end like that the next word is not obeyed, or a box would go round for ever.
    let words = "segbox.hang segbox.watchdog=10 sysrq_always_enabled";
    let mut router = Router::boot(&board(&tools, &disk, &records, words));
    assert!(last_end(&mut router).starts_with("PID 1 panicked"), "{}", router.screen);
    watchdog_comes_first(&mut router);

    // The kernel crashes: a break on the serial line, then c (Documentation/admin-guide/sysrq.rst).
    router
        .vm
        .monitor()
        .and_then(|mut monitor| monitor.execute("chardev-send-break", &json!({ "id": "line" })))
        .expect("QEMU has that line");
    router.type_in("c");
    router.wait("sysrq triggered crash");
    router.again();
    assert!(last_end(&mut router).starts_with("the kernel crashed"), "{}", router.screen);

    // A reboot that was asked for; then PID 1 stands still, and the watchdog bites.
    router.type_in("reboot\r");
    router.wait_booting("segbox: starting");
    router.wait_booting("press a key");
    is_bitten(&router);
    // The console has gone on without PID 1 until then.
    router.wait_booting("segbox: starting");
    router.again();
    assert_eq!(last_end(&mut router), "the watchdog rebooted the box");

    // The power button.
    router.vm.monitor().and_then(|mut monitor| monitor.execute("system_powerdown", &json!({}))).expect("a button");
    router.is_off();

    // All of it is on the disk, and the last end was a good one.
    let part = scratch.path().join("state");
    let mut from = File::open(disk.path()).expect("the disk is there");
    from.seek(SeekFrom::Start(disk.state)).expect("the disk is that long");
    // To its end: the partition grows into what is free behind it.
    std::io::copy(&mut from, &mut File::create(&part).expect("writable")).expect("room for a copy");
    check(&tools, &part).unwrap_or_else(|said| panic!("{said}"));
    let list = |folder: &str| {
        let said = tool(&tools, "debugfs").args(["-R", &format!("ls -p {folder}")]).arg(&part).output();
        String::from_utf8_lossy(&said.expect("the tools have it").stdout).into_owned()
    };
    let names = list("crash");
    let names: Vec<&str> = names.split('/').filter(|name| name.starts_with("00000")).collect();
    // PID 1's own record, and the kernel's log as the firmware has kept it.
    let kept = |own: bool, word: &str| {
        let of_kind = names.iter().filter(|name| name.ends_with("pid1-panic.txt") == own);
        of_kind.into_iter().any(|name| content(&tools, &part, &format!("crash/{name}")).contains(word))
    };
    let panicked = "the kernel's command line has segbox.panic";
    assert!(kept(true, panicked) && kept(false, panicked), "{names:?}");
    assert!(kept(false, "sysrq triggered crash"), "{names:?}");
    assert!(!list("/").contains("/running/"), "{}", list("/"));
}
