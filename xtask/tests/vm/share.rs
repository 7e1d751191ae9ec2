//! PID 1's share of a boot, as the box itself has recorded it: every step is there, in its order, and each moment belongs to a step.
//! How long a boot takes is not asked: machines are emulated, and the host does other things too.

use std::time::Instant;

use segbox_lab::Namespace;
use segbox_vm::{Accelerator, Boot, FW_CFG, Firmware, Machine, Model, Port, Router, alone, image, machine};
use serde_json::Value;

/// A router with two ports, as `./dev vm` has it.
const VM_TOML: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../image/vm.toml");

/// In the order in which they begin.
const STEPS: [&str; 5] = ["mounts", "settings", "drivers", "disks", "configuration"];
const PARTS: [&str; 4] = ["read the kernel", "read the file", "find the NICs", "apply and read back"];

struct Step {
    name: String,
    begin: f64,
    end: f64,
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// How much of the time from 0 to `until` is in no step.
fn missing(steps: &[&Step], until: f64) -> f64 {
    let (gaps, last) = steps
        .iter()
        .fold((0.0, 0.0_f64), |(gaps, last), step| (gaps + (step.begin - last).max(0.0), last.max(step.end)));
    gaps + (until - last).max(0.0)
}

/// Checks the record of a box that is up.
pub(crate) fn is_told(router: &mut Router) {
    let said = router.answer("status boot --json");
    let (Some(from), Some(to)) = (said.find('{'), said.rfind('}')) else { panic!("no JSON in: {said}") };
    let record: Value = serde_json::from_str(&said[from..=to]).unwrap_or_else(|error| panic!("{error} in: {said}"));
    let (share, kernel) = (number(&record, "share-ms"), number(&record, "kernel-ms"));
    assert!(share > 0.0 && kernel > 0.0, "{record}");
    // No other process writes to the console yet, so the line cannot be lost.
    let told = format!(": {:.3} s from PID 1's first instruction to the last SID", share / 1000.0);
    assert!(router.vm.console.transcript().contains(&told), "{told:?} is not on the console");

    let mut steps: Vec<Step> = Vec::new();
    for step in record["steps"].as_array().expect("a list") {
        let begin = number(step, "at-ms");
        let name = step["name"].as_str().expect("a name").to_owned();
        steps.push(Step { name, begin, end: begin + number(step, "took-ms") });
    }
    steps.sort_by(|one, other| one.begin.total_cmp(&other.begin));
    let (parts, steps): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(|step| step.name.starts_with("  "));
    let before: Vec<&Step> = steps.iter().filter(|step| step.begin < share).collect();
    let names: Vec<&str> = before.iter().map(|step| step.name.as_str()).filter(|name| *name != "watchdog").collect();
    assert_eq!(names, STEPS, "{record:#}");
    let configuration = before.iter().find(|step| step.name == "configuration").expect("just found");
    assert!((configuration.end - share).abs() < 1.0, "the last SID is its end: {record:#}");
    assert!(missing(&before, share) < share / 10.0, "a tenth of the time is in no step: {record:#}");
    // Later steps have not been in the way.
    assert!(steps.iter().filter(|step| step.begin >= share).any(|step| step.name == "state"), "{record:#}");

    let names: Vec<&str> = parts.iter().map(|part| part.name.trim_start()).collect();
    assert_eq!(names, PARTS, "{record:#}");
    let took: f64 = parts.iter().map(|part| part.end - part.begin).sum();
    let whole = configuration.end - configuration.begin;
    assert!(took <= whole + 1.0 && took > whole / 2.0, "parts of {took} ms make {whole} ms: {record:#}");
}

/// Boots until PID 1's share is at most a quarter of the whole, from the power switch to the last SID. Other work of the host can only
/// make the share larger: PID 1's part uses all processors, and most of what comes before it uses one.
fn takes_a_quarter(machine: &Machine<'_>, what: &str) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let power_on = Instant::now();
        let mut router = Router::start(machine);
        if let Err(error) = router.vm.wait_booting("from PID 1's first instruction to the last SID") {
            // Processors that run at the same time are what QEMU may end itself over.
            assert!(router.vm.has_ended(), "{what}: {error}");
            continue;
        }
        let whole = power_on.elapsed().as_secs_f64();
        if router.vm.resets > 0 {
            // The time before the reset is not this boot's.
            continue;
        }
        router.again();
        assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);
        let share = number(&router.json("status boot --json"), "share-ms") / 1000.0;
        println!("{what}: PID 1's share is {share:.2} s of {whole:.2} s, {:.0} %", 100.0 * share / whole);
        if share <= whole / 4.0 {
            return;
        }
        seen.push((share, whole));
    }
    panic!("{what}: PID 1 takes more than a quarter of the boot each time, in seconds: {seen:?}");
}

/// Boots a router with two ports that way.
fn boots(what: &str, boot: impl FnOnce(&std::path::Path) -> Boot) {
    let _turn = alone();
    let tools = image("tools");
    let hosts = ["a", "b"].map(|role| Namespace::new(role).expect("root"));
    let mut machine = Machine::new(&tools, boot(&tools), Accelerator::Tcg);
    // As a real machine has them.
    machine.is_parallel = true;
    machine.files.push((FW_CFG.to_owned(), VM_TOML.into()));
    let port = |(namespace, number)| {
        let mac = [0x52, 0x54, 0, 0, 0, number];
        Port { namespace, interface: "eth0", mac, model: Model::Virtio, queues: 2 }
    };
    machine.ports = hosts.iter().zip([0x0a, 0x0b]).map(port).collect();
    takes_a_quarter(&machine, what);
}

/// A boot without a boot loader is the shortest, and PID 1's part is the same.
#[test]
fn pid_1_takes_at_most_a_quarter_of_a_boot() {
    boots("directly", |tools| machine(tools, "").boot);
}

#[test]
fn slow_pid_1_takes_at_most_a_quarter_of_a_boot_by_either_firmware() {
    for (what, firmware) in [("by BIOS", Firmware::Bios), ("by UEFI", Firmware::Uefi)] {
        boots(what, |_| Boot::Disk { image: image("segbox.raw"), firmware, keep: false });
    }
}
