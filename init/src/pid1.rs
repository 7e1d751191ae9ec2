//! PID 1's main loop: it waits for children, feeds the watchdog, handles signals and device events, and restarts services. One
//! thread, one loop. Not here: the order of a boot (`sequence`).

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use segbox_linux::netlink::PowerButton;
use segbox_router::run::boot::{Boot, Step};
use segbox_services::Names;
use segbox_services::supervisor::Supervisor;
use serde::de::DeserializeOwned;

use super::clock::{Moment, milliseconds};
use super::console;
use super::log::{detail, notice, problem};
use super::modules::{self, News};
use super::signals::{Asked, End, Signals};
use super::task::{self, Lost, Task};
use super::watchdog::Watchdog;

/// Without events PID 1 still checks everything at this interval, which repairs a lost wake-up.
const LOOK: Duration = Duration::from_secs(10);

/// Takes the box down, and never returns.
pub(crate) type GoDown = fn(&mut Init, End) -> !;

/// PID 1.
pub(crate) struct Init {
    /// The time of its first instruction.
    pub(crate) first: Moment,
    pub(crate) boot: Boot,
    pub(crate) watchdog: Option<Watchdog>,
    /// Silence after which the watchdog reboots.
    pub(crate) silence: Duration,
    /// The boot loader has named a slot, so the box was started from a disk.
    pub(crate) from_disk: bool,
    /// The drivers of all NICs that were present are loaded.
    pub(crate) settled: bool,
    /// When the last network interface appeared that was not handled yet.
    pub(crate) interface_came: Option<Moment>,
    signals: Option<Signals>,
    go_down: GoDown,
    /// A kernel without ACPI has none.
    power: Option<PowerButton>,
    /// Bytes of [`News`] from the child that handles devices.
    news: Option<OwnedFd>,
    supervisor: Supervisor<Service>,
    /// Children that have ended and whose result is awaited.
    ended: HashMap<Pid, WaitStatus>,
}

/// A child that must always run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Service {
    /// Loads the modules of devices.
    Devices,
    /// Keeps the router and the tuning of the box.
    Keeper,
    /// Status screen and command line on a terminal, by the console's name.
    Console(String),
}

impl Init {
    pub(crate) fn new(first: Moment, signals: Option<Signals>, go_down: GoDown) -> Self {
        Self {
            first,
            boot: Boot::default(),
            watchdog: None,
            silence: Duration::ZERO,
            from_disk: false,
            settled: false,
            interface_came: None,
            signals,
            go_down,
            power: None,
            news: None,
            supervisor: Supervisor::default(),
            ended: HashMap::new(),
        }
    }

    /// Starts a service that must always run.
    pub(crate) fn start(&mut self, what: Service) {
        let pid = self.launch(&what);
        self.supervisor.add(what, pid, Instant::now());
    }

    fn launch(&mut self, what: &Service) -> Option<Pid> {
        let started = match what {
            Service::Devices => {
                let pipe =
                    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK);
                pipe.map_err(Into::into).and_then(|(read, write)| {
                    let from_disk = self.from_disk;
                    let pid = task::start_forever(c"segbox-devices", || modules::hotplug(&write, from_disk))?;
                    self.news = Some(read);
                    Ok(pid)
                })
            }
            Service::Keeper => task::start_forever(c"segbox-keeper", || {
                if let Err(error) = segbox_services::keep(Names::OfSegbox, |line| detail!("{line}")) {
                    problem!("the router is not kept, and the box not tuned: {error}");
                }
            }),
            Service::Console(name) => task::start_forever(c"segbox-console", || console::run(name)),
        };
        started.map_err(|error| problem!("{what:?} could not be started: {error}")).ok()
    }

    /// Waits for a child's result up to a time limit. PID 1 waits only in this way, so the box stays responsive.
    pub(crate) fn wait<T: DeserializeOwned>(&mut self, task: Task<T>, limit: Duration) -> Result<T, Lost> {
        let end = Moment::now().plus(limit);
        loop {
            if let Some(status) = self.ended.remove(&task.pid) {
                return task.result(status);
            }
            if Moment::now() >= end {
                // A child that hangs in the kernel does not end, and is not waited for.
                let _ = nix::sys::signal::kill(task.pid, nix::sys::signal::Signal::SIGKILL);
                return Err(Lost::TooSlow { name: task.name, limit });
            }
            self.attend(end);
        }
    }

    /// Waits until `done`, up to a time limit.
    pub(crate) fn wait_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = Moment::now().plus(limit);
        while !done(self) {
            if Moment::now() >= end {
                return false;
            }
            self.attend(end);
        }
        true
    }

    /// Waits for the next event, or until a given moment, and handles it.
    pub(crate) fn attend(&mut self, until: Moment) {
        let hungry = self.watchdog.as_ref().map_or(LOOK, Watchdog::hungry_in);
        let wait = until.since(Moment::now()).min(LOOK).min(hungry).min(self.supervisor.next_start(Instant::now()));
        let timeout = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut ready = false;
        {
            let sources = [
                self.signals.as_ref().map(AsFd::as_fd),
                self.power.as_ref().map(AsFd::as_fd),
                self.news.as_ref().map(AsFd::as_fd),
            ];
            let mut waiting: Vec<PollFd<'_>> =
                sources.into_iter().flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            if poll(&mut waiting, Some(&timeout)).is_ok() {
                // Reading finds out which descriptor is ready: no read blocks.
                ready = waiting.iter().any(|fd| !fd.revents().is_empty());
            }
        }
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.feed_in_time();
        }
        if ready {
            self.hear_news();
        }
        self.hear_signals();
        if self.power.as_ref().is_some_and(PowerButton::pressed) {
            notice!("the power button was pressed");
            (self.go_down)(self, End::PowerOff);
        }
        self.start_again();
    }

    fn hear_signals(&mut self) {
        while let Some(asked) = self.signals.as_ref().and_then(Signals::next) {
            match asked {
                // Several children may share one signal, so all are checked below.
                Asked::Reap | Asked::Nothing => {}
                Asked::End(end) => (self.go_down)(self, end),
            }
        }
        self.reap();
    }

    /// Reaps every child that has ended, including orphans.
    pub(crate) fn reap(&mut self) {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let Some(pid) = status.pid() else { return };
            if let Some(service) = self.supervisor.ended(pid) {
                detail!("{service:?} ended: {status:?}");
                continue;
            }
            self.ended.insert(pid, status);
            // Results of children that are no longer awaited would pile up over the years.
            if self.ended.len() > 64 {
                self.ended.clear();
            }
        }
    }

    fn hear_news(&mut self) {
        let mut bytes = [0; 64];
        let Some(news) = &self.news else { return };
        let length = match rustix::io::read(news, &mut bytes) {
            // The other end is closed: the child has ended, and a new one gets a new pipe.
            Ok(0) => {
                self.news = None;
                return;
            }
            Ok(length) => length,
            Err(_) => return,
        };
        for news in bytes[..length].iter().copied().filter_map(News::of) {
            match news {
                News::Watchdog => self.open_watchdog(),
                News::Settled => self.settled = true,
                News::Interface => self.interface_came = Some(Moment::now()),
            }
        }
    }

    /// Listens for the power button, before its driver is loaded.
    pub(crate) fn hear_power_button(&mut self) {
        match PowerButton::open() {
            Ok(button) => self.power = Some(button),
            Err(error) => detail!("cannot listen for the power button: {error}"),
        }
    }

    /// Opens the watchdog if it is not open yet.
    pub(crate) fn open_watchdog(&mut self) {
        if self.watchdog.is_some() {
            return;
        }
        let from = Moment::now();
        self.watchdog = Watchdog::open(self.silence);
        if let Some(watchdog) = &self.watchdog {
            let result = format!("reboots after {} s of silence", watchdog.timeout);
            self.step("watchdog", from, result);
        }
    }

    fn start_again(&mut self) {
        let now = Instant::now();
        for service in self.supervisor.due(now) {
            let pid = self.launch(&service);
            self.supervisor.started(&service, pid, now);
        }
    }

    /// Stops restarting services.
    pub(crate) fn stop_starting(&mut self) {
        self.supervisor.stop();
    }

    /// Adds a step to the record that began at `from` and has just ended.
    pub(crate) fn step(&mut self, name: &str, from: Moment, result: impl Into<String>) {
        self.step_until(name, (from, Moment::now()), result);
    }

    /// Adds a step to the record with its start and end.
    pub(crate) fn step_until(&mut self, name: &str, (from, to): (Moment, Moment), result: impl Into<String>) {
        self.boot.steps.push(Step {
            name: name.to_owned(),
            at_ms: milliseconds(from.since(self.first)),
            took_ms: milliseconds(to.since(from)),
            result: result.into(),
        });
    }

    /// Writes the record for the commands. A failed write does not fail the boot.
    pub(crate) fn write_record(&self) {
        if let Err(error) = self.boot.write() {
            problem!("cannot write the record of this boot: {error}");
        }
    }

    /// Logs a problem, and keeps it for `status`.
    pub(crate) fn note(&mut self, line: String) {
        problem!("{line}");
        self.boot.problems.push(line);
    }
}
