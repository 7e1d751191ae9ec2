//! What a running box writes to its own partitions: `edit`, `apply`, `factory-reset`.

use std::path::Path;

use segbox_vm::disk::Disk;
use segbox_vm::edited::{self, paste, text};
use segbox_vm::{Medium, Router, quick};

use super::Row;
use super::found::Found;
use super::recording::Recorder;

const CONFIG: &str = "segbox-config";
const STATE: &str = "segbox-state";

pub(super) const ROWS: [Row; 3] = [
    Row { name: "edit", record: edit, holds: edited_whole, boot: boots_edited },
    Row { name: "apply", record: apply, holds: applied_whole, boot: boots_edited },
    Row { name: "factory-reset", record: reset, holds: old_or_empty, boot: boots_old_or_empty },
];

/// How many files a recording has; the first is there before.
const FILES: u32 = 4;

/// Boots a box from a disk with the first file.
fn start(recorder: &Recorder<'_>, disk: &Disk) -> Router {
    recorder.starts_with(&disk.path());
    let mut machine = quick(recorder.tools);
    recorder.watch(&mut machine);
    machine.disks.push(disk.path());
    Router::boot(&machine)
}

fn edit(recorder: &mut Recorder<'_>) {
    let disk = Disk::new(recorder.tools, &text(1));
    let mut router = start(recorder, &disk);
    for number in 2..=FILES {
        save(recorder, &mut router, number);
    }
    router.vm.cut_power();
}

fn save(recorder: &mut Recorder<'_>, router: &mut Router, number: u32) {
    paste(router, &text(number));
    recorder.begins();
    router.type_in(".\r");
    router.wait("saved. ");
    recorder.is_taken();
    router.prompt();
}

/// Each file is saved, which is one new content, and applied and kept as a good one, which is the next.
fn apply(recorder: &mut Recorder<'_>) {
    let disk = Disk::new(recorder.tools, &text(1));
    let mut router = start(recorder, &disk);
    for number in 2..=FILES {
        save(recorder, &mut router, number);
        recorder.begins();
        let said = router.answer("apply");
        assert!(said.contains("in sync"), "{said}");
        recorder.is_taken();
    }
    router.vm.cut_power();
}

fn reset(recorder: &mut Recorder<'_>) {
    // A file of another kind beside it: a hardware profile that it names.
    let profile = "description = \"a box of mine\"\n[match]\nboard = \"mine\"\n";
    let disk = Disk::with(
        recorder.tools,
        &[("segbox.toml", &named()), ("good-000001.toml", &text(2)), ("hw-profiles/mine.toml", profile)],
    );
    let mut router = start(recorder, &disk);
    router.type_in("factory-reset\r");
    router.wait("Type yes: ");
    recorder.begins();
    router.type_in("yes\r");
    router.wait("(segbox-state) is empty");
    // The console has them written out before it has the box reboot.
    router.wait("Restarting system");
    recorder.is_taken();
}

/// The file that names the profile.
fn named() -> String {
    text(1).replacen("hostname = \"box\"", "hostname = \"box\"\nhardware = \"mine\"", 1)
}

/// Both partitions are sound.
fn sound(found: &Found<'_>) -> Result<(), String> {
    found.is_whole(CONFIG)?;
    found.is_whole(STATE)
}

fn edited_whole(found: &Found<'_>) -> Result<(), String> {
    sound(found)?;
    is_one_of(found, found.states.clone().map(|state| state + 1))
}

fn applied_whole(found: &Found<'_>) -> Result<(), String> {
    sound(found)?;
    // 0: the first; 1: the second saved; 2: the second applied; and so on.
    is_one_of(found, found.states.clone().map(|state| state.div_ceil(2) + 1))?;
    let texts: Vec<String> = (1..=FILES).map(text).collect();
    let good: Vec<String> = found.names(CONFIG, "/").into_iter().filter(|name| is_good(name)).collect();
    for name in &good {
        let kept = found.file(CONFIG, name).unwrap_or_default();
        if !texts.contains(&kept) {
            return Err(format!("{name} is none of the files:\n{kept}"));
        }
    }
    let applied = found.states.start() / 2;
    let has = |number: u32| good.iter().any(|name| found.file(CONFIG, name) == Some(text(number)));
    let number = u32::try_from(applied + 1).unwrap_or(u32::MAX);
    if applied > 0 && !has(number) {
        return Err(format!("file {number} was applied and is not among the good ones: {good:?}"));
    }
    Ok(())
}

fn is_good(name: &str) -> bool {
    name.starts_with("good-") && name.ends_with(".toml")
}

/// segbox.toml is one of these files, whole.
fn is_one_of(found: &Found<'_>, numbers: impl Iterator<Item = usize> + Clone) -> Result<(), String> {
    let is = found.file(CONFIG, "segbox.toml");
    let is_there = |number: usize| is == Some(text(u32::try_from(number).unwrap_or(u32::MAX)));
    if numbers.clone().any(is_there) {
        return Ok(());
    }
    Err(format!("segbox.toml is none of {:?}: {is:?}", numbers.collect::<Vec<_>>()))
}

/// All of the old files that a boot reads, or none of them. A good file may still be there when segbox.toml is gone: with the old
/// content, and the box runs it.
fn old_or_empty(found: &Found<'_>) -> Result<(), String> {
    sound(found)?;
    let (wanted, profile) = (found.file(CONFIG, "segbox.toml"), found.file(CONFIG, "hw-profiles/mine.toml"));
    let good = found.file(CONFIG, "good-000001.toml");
    let is_new = wanted.is_none() && good.is_none();
    let is_old = wanted == Some(named()) && profile.is_some() && good == Some(text(2));
    let is_last_good = wanted.is_none() && good == Some(text(2));
    let (may_be_old, has_to_be_new) = (*found.states.start() == 0, *found.states.end() >= 1);
    if (may_be_old && (is_old || (has_to_be_new && is_last_good))) || (has_to_be_new && is_new) {
        return Ok(());
    }
    Err(format!(
        "of {:?} neither all of the old nor nothing: segbox.toml {}, hw-profiles/mine.toml {}, good-000001.toml {}",
        found.states,
        wanted.is_some(),
        profile.is_some(),
        good.is_some()
    ))
}

fn boots_edited(found: &Found<'_>, log: &Path) -> Result<(), String> {
    let numbers: Vec<u32> = (1..=FILES).collect();
    let (mut router, _) = edited::boot_with(found.tools, found.disk, &numbers, Medium::Logged(log.to_owned()))?;
    is_well(&router.settled())
}

/// Whether a box has nothing to tell but that its power went.
///
/// # Errors
/// `status boot`.
pub(super) fn is_well(steps: &str) -> Result<(), String> {
    let is_odd = |line: &str| line.contains("to fix") && !line.contains("the last boot ended badly: no shutdown");
    if steps.lines().any(is_odd) { Err(steps.to_owned()) } else { Ok(()) }
}

fn boots_old_or_empty(found: &Found<'_>, log: &Path) -> Result<(), String> {
    let mut machine = quick(found.tools);
    machine.medium = Medium::Logged(log.to_owned());
    machine.disks.push(found.disk.to_owned());
    let mut router = Router::boot(&machine);
    let steps = router.settled();
    if steps.contains("cannot be") { Err(steps) } else { Ok(()) }
}
