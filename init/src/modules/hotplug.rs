//! The child that handles devices: it loads the modules for the present devices, tells PID 1, and then waits for new devices. A
//! driver that hangs or crashes affects this child and not PID 1.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::clock::Moment;
use crate::log::{detail, problem};

use super::coldplug;
use super::load::Loader;
use super::queue::Queue;
use super::turn::Turn;
use super::uevent::{Uevent, Uevents};

/// Events that a boot may wait for, beside NICs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The drivers of all present disks are loaded.
    Disks,
    /// The drivers of the controllers of sticks are loaded.
    Sticks,
}

impl Settled {
    /// A file that exists once this is so, for processes that wait for a disk.
    fn place(self) -> &'static Path {
        Path::new(match self {
            Self::Disks => "/run/segbox/settled-disks",
            Self::Sticks => "/run/segbox/settled-sticks",
        })
    }

    /// Whether it is so.
    pub(crate) fn is_so(self) -> bool {
        self.place().exists()
    }

    fn tell(self) {
        let place = self.place();
        let created = fs::create_dir_all(place.parent().unwrap_or(place)).and_then(|()| fs::write(place, ""));
        if let Err(error) = created {
            problem!("{} cannot be created, so the boot waits longer than needed for disks: {error}", place.display());
        }
    }
}

/// A driver that takes longer than this is logged.
const SLOW: Duration = Duration::from_millis(500);
/// Maximum number of loading threads, whatever the number of processors.
const THREADS: usize = 8;

/// Messages to PID 1, one byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// A watchdog can be opened.
    Watchdog,
    /// The drivers of all present NICs are loaded.
    Settled,
    /// The interface of a NIC has appeared.
    Interface,
}

impl News {
    fn byte(self) -> u8 {
        match self {
            Self::Watchdog => b'w',
            Self::Settled => b's',
            Self::Interface => b'n',
        }
    }

    /// Decodes a byte of the pipe.
    pub(crate) fn of(byte: u8) -> Option<Self> {
        [Self::Watchdog, Self::Settled, Self::Interface].into_iter().find(|news| news.byte() == byte)
    }
}

/// The child's work; returns only on an error. `from_disk`: the box was started from a disk, and the boot waits for it
/// separately.
pub(crate) fn run(to_pid1: &OwnedFd, from_disk: bool) {
    // Opened before the first look at the devices: a device that appears in between is then seen twice and not missed.
    let events = match Uevents::open() {
        Ok(events) => events,
        Err(error) => return problem!("hot-plugged devices will not be noticed: netlink uevents: {error}"),
    };
    let loader = match Loader::open() {
        Ok(loader) => loader,
        Err(error) => {
            problem!("there are no modules for this kernel, so only built-in drivers work: modules.dep: {error}");
            [Settled::Disks, Settled::Sticks].into_iter().for_each(Settled::tell);
            tell(to_pid1, News::Settled);
            return;
        }
    };
    let wake = match eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
        Ok(wake) => wake,
        Err(errno) => return problem!("no modules will be loaded: eventfd: {errno}"),
    };
    let to_pid1 = match to_pid1.try_clone() {
        Ok(to_pid1) => to_pid1,
        Err(error) => return problem!("no modules will be loaded: {error}"),
    };
    let devices = Arc::new(Devices { loader, events, queue: Queue::new(Turn::Library), to_pid1, wake });
    devices.queue.add(coldplug::jobs(&devices.loader, if from_disk { Turn::First } else { Turn::Searched }));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(2, THREADS);
    for _ in 0..threads {
        let devices = Arc::clone(&devices);
        // The threads are not joined: a driver that hangs must not keep this child from ending.
        std::thread::spawn(move || devices.work());
    }
    devices.listen();
}

/// State that the threads share.
struct Devices {
    loader: Loader,
    events: Uevents,
    queue: Queue,
    to_pid1: OwnedFd,
    /// Ends the wait for events when a module is done.
    wake: OwnedFd,
}

impl Devices {
    /// Loads one module after another. Several threads do so, since a driver sleeps while its hardware resets.
    fn work(&self) {
        loop {
            let (turn, name) = self.queue.take();
            let begin = Moment::now();
            let result = if turn == Turn::Library { self.loader.load(&name) } else { self.loader.drive(&name) };
            coldplug::report(&name, result);
            let took = Moment::now().since(begin);
            if took >= SLOW {
                detail!("module {name} took {took:.0?}");
            }
            self.queue.done(turn);
            // A full counter also wakes the listener.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// Handles events of devices, and turns that are complete.
    fn listen(&self) {
        let mut over =
            [Turn::Watchdog, Turn::First, Turn::Searched, Turn::Sticks, Turn::Later].map(|turn| (turn, false));
        loop {
            // A device is announced before its module's load returns. So if all modules of a turn were done before the events
            // were read, the turn gets no more modules.
            let past = over.map(|(turn, _)| self.queue.is_past(turn));
            if !self.drain() {
                return;
            }
            for ((turn, is_over), was_past) in over.iter_mut().zip(past) {
                if was_past && !*is_over && self.queue.is_past(*turn) {
                    *is_over = true;
                    self.is_over(*turn);
                }
            }
            self.wait();
        }
    }

    fn is_over(&self, turn: Turn) {
        match turn {
            Turn::Watchdog => {
                if has_watchdog() {
                    tell(&self.to_pid1, News::Watchdog);
                }
                self.queue.allow(Turn::Later);
            }
            Turn::First => tell(&self.to_pid1, News::Settled),
            Turn::Searched => Settled::Disks.tell(),
            Turn::Sticks => Settled::Sticks.tell(),
            _ => {
                if !has_watchdog() {
                    // Better than no watchdog: softdog reboots if PID 1 hangs, though not if the kernel hangs. Its event is
                    // handled like any other.
                    self.queue.add([(Turn::Later, "softdog".to_owned())]);
                }
            }
        }
    }

    fn wait(&self) {
        let mut waiting = [
            PollFd::from_borrowed_fd(self.events.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN),
        ];
        // An hour is long enough, and repairs a lost wake-up.
        let hour = Timespec { tv_sec: Duration::from_secs(3600).as_secs().cast_signed(), tv_nsec: 0 };
        let _ = poll(&mut waiting, Some(&hour));
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    /// Reads all waiting events; false if no more can arrive.
    fn drain(&self) -> bool {
        loop {
            match self.events.next() {
                Ok(Some(event)) => self.serve(&event),
                Ok(None) => return true,
                // Events were lost: look at all devices again.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.queue.add(coldplug::wanted(&self.loader));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    problem!("netlink uevents: {error}");
                    return false;
                }
            }
        }
    }

    fn serve(&self, event: &Uevent) {
        if event.action != "add" {
            return;
        }
        match event.subsystem.as_str() {
            "net" if event.is_hardware() => tell(&self.to_pid1, News::Interface),
            "watchdog" => tell(&self.to_pid1, News::Watchdog),
            _ => {}
        }
        if !event.modalias.is_empty() {
            self.queue.add(coldplug::serving(&self.loader, &event.modalias));
        }
    }
}

fn tell(to_pid1: &OwnedFd, news: News) {
    // A failed write means that PID 1 is gone.
    let _ = rustix::io::write(to_pid1, &[news.byte()]);
}

fn has_watchdog() -> bool {
    Path::new("/dev/watchdog0").exists()
}
