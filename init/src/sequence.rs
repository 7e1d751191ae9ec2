//! The order of a boot, from PID 1's first instruction to a forwarding router. This file is the flow, and each step's work is in
//! another file. PID 1 never returns from here.

use std::fs;
use std::time::Duration;

use segbox_firmware::slot::{self, Home};
use segbox_router::run::boot::Configured;

use super::boot_source::{self, Started};
use super::clock::{Moment, milliseconds, seconds};
use super::cmdline::{CommandLine, Words};
use super::configuration::apply::{LIMIT as ATTEMPT, Outcome, attempt};
use super::configuration::fallback::{Candidate, Sources, candidates};
use super::log::{self, notice, problem};
use super::pid1::{Init, Service};
use super::signals::Signals;
use super::storage::{self, State, Storage};
use super::task::{self, Lost, Task};
use super::{after_boot, console, crash, entropy, modules, mounts, panic, settings, shutdown};

/// For the drivers: the slowest NICs take seconds to reset, and under software emulation everything is slow.
const DRIVERS: Duration = Duration::from_secs(20);
/// For the disks, on top of the waits in `storage`.
const DISKS: Duration = Duration::from_secs(60);
/// For the steps after the last SID.
const AFTERWARDS: Duration = Duration::from_secs(20);
/// For growing the state partition: a rotating disk of several terabytes. The kernel continues even after this limit.
const GROWING: Duration = Duration::from_secs(120);

/// PID 1.
pub(crate) fn pid1() -> ! {
    let first = Moment::now();
    panic::install();
    // No code up to here, and none in `early`, allocates memory.
    let (early, signals) = early(first);
    let mut init = Init::new(first, signals, shutdown::go_down);
    init.boot.kernel_ms = milliseconds(first.since_kernel());
    init.boot.kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    early.tell(&mut init);
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    init.boot.secure_boot = boot_source::by_secure_boot();
    let (words, senseless) = Words::read(&command_line);
    if words.untried {
        init.note("no slot had a try left, so the first slot was started anyway: no slot has come up in its last three starts".to_owned());
    }
    senseless.into_iter().for_each(|line| init.note(line));
    init.silence = words.watchdog;
    init.hear_power_button();

    let begin = Moment::now();
    let started = Started::by(&command_line);
    init.from_disk = started.slot.is_some();
    start_drivers(&mut init);
    // In parallel: the configuration is found with its disk while NICs still reset.
    let looking = (Moment::now(), task::start(c"segbox-disks", || storage::find(started.clone())));
    drivers(&mut init, begin);
    let (sources, home) = disks(&mut init, looking, started);
    // Tuning is part of the plan below: every NIC has its driver, and nothing is forwarded yet. The keeper holds settings that
    // last only as long as a process, and restores settings that a driver resets later.
    init.start(Service::Keeper);
    // Handle the interfaces that appeared so far; those that appear meanwhile are handled in another round.
    init.interface_came = None;
    configure(&mut init, &sources, words.failsafe);
    // Before the status screen that shows it.
    init.write_record();
    consoles(&mut init);
    afterwards(&mut init, home);
    if let Some(mishap) = words.mishap {
        after_boot::fail_on_purpose(&init, mishap);
    }
    after_boot::live(&mut init)
}

/// The results of the steps that ran before memory could be allocated.
struct Early {
    marks: [(&'static str, Moment); 3],
    mounts: heapless::Vec<mounts::Refused, 10>,
    settings: heapless::Vec<settings::Refused, 19>,
}

fn early(first: Moment) -> (Early, Option<Signals>) {
    let mounts = mounts::mount_all();
    let mounted = Moment::now();
    log::open_all();
    let signals = Signals::open();
    if let Err(errno) = signals {
        problem!("cannot receive signals: {errno}; reboot and power-off will not work");
    }
    let settings = settings::set_all(&CommandLine::read());
    let marks = [("start", first), ("mounts", mounted), ("settings", Moment::now())];
    (Early { marks, mounts, settings }, signals.ok())
}

impl Early {
    /// Memory can be allocated now: adds the steps so far to the record.
    fn tell(&self, init: &mut Init) {
        let [start, mounted, set] = self.marks;
        notice!("starting, {} after the kernel", seconds(start.1.since_kernel()));
        let refused = |count: usize| if count == 0 { String::new() } else { format!("{count} refused") };
        init.step_until(mounted.0, (start.1, mounted.1), refused(self.mounts.len()));
        init.step_until(set.0, (mounted.1, set.1), refused(self.settings.len()));
        for refused in &self.mounts {
            init.note(format!("cannot mount {}: {}", refused.kind.to_string_lossy(), refused.errno));
        }
        for refused in &self.settings {
            init.note(format!("cannot set {}: {}", refused.name.to_string_lossy(), refused.errno));
        }
    }
}

/// Starts the watchdog first, then the drivers of all present devices.
fn start_drivers(init: &mut Init) {
    // A built-in driver needs no module.
    init.open_watchdog();
    if let Err(error) = modules::modprobe::install() {
        init.note(format!("the kernel cannot load modules on demand: /sbin/modprobe: {error}"));
    }
    init.start(Service::Devices);
}

/// Waits for the NICs' drivers.
fn drivers(init: &mut Init, from: Moment) {
    let settled = init.wait_until(DRIVERS, |init| init.settled);
    init.step("drivers", from, if settled { "" } else { "not done" });
    if !settled {
        init.note(format!("a driver has not finished after {} s; the boot continues without it", DRIVERS.as_secs()));
    }
}

/// Waits for the configuration and for the disk that this system was started from.
fn disks(init: &mut Init, (from, looking): (Moment, Result<Task<Storage>, Lost>), said: Started) -> (Sources, Home) {
    let found = looking.and_then(|task| init.wait(task, DISKS));
    let storage = found.unwrap_or_else(|error| {
        init.note(format!("disks: {error}; the box boots without them"));
        Storage { started: said, ..Storage::default() }
    });
    init.boot.slot.clone_from(&storage.started.slot);
    let result = storage.found.unwrap_or_else(|| "none".to_owned());
    init.step("disks", from, result);
    for line in storage.problems {
        init.note(line);
    }
    (storage.sources, Home { esp: storage.started.esp, disk: storage.home })
}

/// Tries one configuration after another until one succeeds.
fn configure(init: &mut Init, sources: &Sources, failsafe: bool) {
    if failsafe {
        init.note(
            "started with segbox.failsafe: the configuration of this box is not applied; use `apply` to apply it"
                .to_owned(),
        );
    }
    if let Some(wanted) = sources.wanted.as_ref().filter(|wanted| wanted.is_passed_over() && !failsafe) {
        init.note(format!(
            "the file of the {} is passed over: {} boots in a row failed with it. Fix it with `edit`, then `apply`",
            wanted.source, wanted.attempts
        ));
    }
    let mut first_try = true;
    for candidate in candidates(sources, failsafe) {
        if try_one(init, sources, &candidate, std::mem::take(&mut first_try)) {
            return;
        }
    }
    init.note("even the built-in configuration could not be applied; only the console works".to_owned());
}

/// Tries one configuration; false if it fails.
fn try_one(init: &mut Init, sources: &Sources, candidate: &Candidate, first_try: bool) -> bool {
    let from = Moment::now();
    let outcome = task::start(c"segbox-configure", || attempt(candidate, sources, first_try))
        .and_then(|task| init.wait(task, ATTEMPT));
    match outcome {
        Ok(Outcome::Holds { file, at, steps, parts, dropped, remarks }) => {
            init.step_until("configuration", (from, at), format!("{}: {steps} steps", candidate.name()));
            for (name, begin, end) in parts {
                init.step_until(&format!("  {name}"), (begin, end), "");
            }
            init.boot.share_ms = Some(milliseconds(at.since(init.first)));
            let wanted = matches!(candidate, Candidate::Wanted(_)) || sources.wanted.is_none();
            init.boot.good = wanted && dropped.is_empty();
            // A missing interface is not a problem of the boot: its line goes when the interface appears.
            dropped.iter().for_each(|line| problem!("{line}"));
            remarks.into_iter().for_each(|line| init.note(line));
            let in_part = if dropped.is_empty() { "" } else { " in part" };
            notice!(
                "configured from {}{in_part}: {} from PID 1's first instruction to the last SID",
                candidate.name(),
                seconds(at.since(init.first)),
            );
            init.boot.configuration = Some(Configured { source: candidate.name(), file, dropped });
            true
        }
        Ok(Outcome::Fails(lines)) => {
            init.step("configuration", from, format!("{}: failed", candidate.name()));
            for line in lines {
                init.note(format!("{}: {line}", candidate.name()));
            }
            false
        }
        Err(error) => {
            init.step("configuration", from, format!("{}: {error}", candidate.name()));
            init.note(format!("{}: {error}", candidate.name()));
            false
        }
    }
}

/// The steps that the traffic does not wait for: the state partition, crash records, the seed, the boot loader's slot.
fn afterwards(init: &mut Init, home: Home) {
    let state = state(init, home.disk.as_deref());
    let writable = state.as_ref().is_some_and(|state| state.writable);
    let by_watchdog = init.watchdog.as_ref().is_some_and(|watchdog| watchdog.it_rebooted);
    // Its driver is a module in most kernels; firmware without variables has nothing to mount.
    mounts::mount_efivars();
    run_afterwards(
        init,
        ("last boot", AFTERWARDS),
        c"segbox-crash",
        move || crash::collect(writable, by_watchdog),
        |init, (ended, problems)| {
            problems.into_iter().for_each(|line| init.note(line));
            if let Some(ended) = ended.filter(|ended| !ended.is_clean()) {
                init.note(format!("the last boot ended badly: {ended}"));
            }
            init.boot.last_end = ended;
            ended.map(|ended| ended.to_string()).unwrap_or_default()
        },
    );
    if writable {
        let stir = || entropy::stir().map(str::to_owned).map_err(|error| error.to_string());
        run_afterwards(init, ("entropy", AFTERWARDS), c"segbox-seed", stir, |_, result| {
            result.unwrap_or_else(|error| error)
        });
    }
    // A degraded boot is not the slot's fault. A boot that fell back may be, and the loader counts it.
    let fell_back = !init.boot.good && init.boot.configuration.as_ref().is_none_or(|run| run.dropped.is_empty());
    if let Some(slot) = init.boot.slot.clone().filter(|_| !fell_back) {
        let mark = move || {
            slot::mark_good(&slot, &home, &modules::load_fat).map(str::to_owned).map_err(|error| error.to_string())
        };
        run_afterwards(init, ("slot", AFTERWARDS), c"segbox-slot", mark, |init, result: Result<String, String>| {
            match result {
                Ok(done) => done,
                Err(error) => {
                    init.note(format!("cannot reset the boot loader's try count: {error}"));
                    "not marked".to_owned()
                }
            }
        });
    }
    if let Some(state) = state.filter(|state| state.writable) {
        grow(init, state);
    }
    init.write_record();
}

/// Mounts the state partition.
fn state(init: &mut Init, home: Option<&str>) -> Option<State> {
    let mut found = None;
    let work = || storage::state(home);
    run_afterwards(
        init,
        ("state", AFTERWARDS),
        c"segbox-state",
        work,
        |init, (state, problems): (Option<State>, Vec<_>)| {
            problems.into_iter().for_each(|line| init.note(line));
            let result = match &state {
                None => "none".to_owned(),
                Some(State { block, writable: true }) => block.name.clone(),
                Some(State { block, writable: false }) => format!("{}, read-only", block.name),
            };
            found = state;
            result
        },
    );
    found
}

/// Grows the state partition's file system. This comes last: the first boot from a large disk takes time for it, and is marked
/// good before.
fn grow(init: &mut Init, State { block, .. }: State) {
    // The screen and `status` need not wait for it.
    init.write_record();
    let mib = |bytes: u64| bytes >> 20;
    run_afterwards(
        init,
        ("state size", GROWING),
        c"segbox-grow",
        move || (storage::grow(&block), mib(block.size)),
        |init, (grown, size)| match grown {
            Ok(None) => format!("{size} MiB"),
            Ok(Some(grown)) => format!("grown from {} to {} MiB", mib(grown.from), mib(grown.to)),
            Err(error) => {
                init.note(error);
                "not grown".to_owned()
            }
        },
    );
}

/// Runs one step in a child, and records its time and result.
fn run_afterwards<T: serde::Serialize + serde::de::DeserializeOwned>(
    init: &mut Init,
    (step, limit): (&str, Duration),
    name: &'static std::ffi::CStr,
    work: impl FnOnce() -> T,
    then: impl FnOnce(&mut Init, T) -> String,
) {
    let from = Moment::now();
    let result = match task::start(name, work).and_then(|task| init.wait(task, limit)) {
        Ok(done) => then(init, done),
        Err(error) => {
            init.note(format!("{step}: {error}"));
            "not done".to_owned()
        }
    };
    init.step(step, from, result);
}

fn consoles(init: &mut Init) {
    let from = Moment::now();
    let mut buffer = [0; 128];
    let names: Vec<String> = log::active_consoles(&mut buffer).map(str::to_owned).collect();
    for name in &names {
        init.start(Service::Console(console::terminal_of(name)));
    }
    init.step("consoles", from, names.join(" "));
}
