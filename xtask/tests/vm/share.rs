//! PID 1's share of a boot, as the box itself has recorded it: every step is there, in its order, and none of the time is nobody's.
//! No time is asked for: machines are emulated, and busy with other things.

use segbox_vm::Router;
use serde_json::Value;

/// In the order in which they begin.
const STEPS: [&str; 5] = ["mounts", "settings", "drivers", "disks", "configuration"];
const PARTS: [&str; 4] = ["look at the kernel", "read the file", "find the NICs", "apply and read back"];

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

/// Checks the record of a box that is up; gives PID 1's share as a part of the time since the kernel's start.
pub(crate) fn is_told(router: &mut Router) -> f64 {
    let said = router.answer("status boot --json");
    let (Some(from), Some(to)) = (said.find('{'), said.rfind('}')) else { panic!("no JSON in: {said}") };
    let record: Value = serde_json::from_str(&said[from..=to]).unwrap_or_else(|error| panic!("{error} in: {said}"));
    let (share, kernel) = (number(&record, "share-ms"), number(&record, "kernel-ms"));
    assert!(share > 0.0 && kernel > 0.0, "{record}");
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
    // What comes later has not been in the way.
    assert!(steps.iter().filter(|step| step.begin >= share).any(|step| step.name == "state"), "{record:#}");

    let names: Vec<&str> = parts.iter().map(|part| part.name.trim_start()).collect();
    assert_eq!(names, PARTS, "{record:#}");
    let took: f64 = parts.iter().map(|part| part.end - part.begin).sum();
    let whole = configuration.end - configuration.begin;
    assert!(took <= whole + 1.0 && took > whole / 2.0, "parts of {took} ms make {whole} ms: {record:#}");
    share / (share + kernel)
}
