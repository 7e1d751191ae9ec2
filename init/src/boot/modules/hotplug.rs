//! The child that knows of devices: it loads the modules of those that are there, tells PID 1, and then listens for those that
//! come. A driver that hangs or crashes takes this child along, not PID 1.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::boot::clock::Moment;
use crate::boot::say::{detail, problem};

use super::coldplug::{self, Turn};
use super::load::Loader;
use super::uevent::{Uevent, Uevents};

/// Loaded whatever devices there are: a configuration asks for them by netlink, and the kernel would have to start a helper for each.
const ALWAYS: [&str; 2] = ["dummy", "vrf"];

/// What lies on the box's own partitions, and the biggest module of all: it comes while the NICs reset.
const FOR_DISKS: &str = "ext4";

/// What PID 1 is told, a byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// A watchdog can be opened.
    Watchdog,
    /// The devices that were there have their modules.
    Settled,
    /// A network interface has appeared.
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

    /// What a byte of the pipe means.
    pub(crate) fn of(byte: u8) -> Option<Self> {
        [Self::Watchdog, Self::Settled, Self::Interface].into_iter().find(|news| news.byte() == byte)
    }
}

/// The child's work; it returns only if it cannot go on.
pub(crate) fn run(to_pid1: &OwnedFd) {
    let tell = |news: News| {
        // PID 1 reads each byte, or is gone.
        let _ = rustix::io::write(to_pid1, &[news.byte()]);
    };
    // Before the first look at what is there: what comes in between is then heard of twice, and not missed.
    let events = match Uevents::open() {
        Ok(events) => events,
        Err(error) => return problem!("no devices will be noticed when plugged: netlink uevents: {error}"),
    };
    let loader = match Loader::open() {
        Ok(loader) => loader,
        Err(error) => {
            problem!("no modules for this kernel, so only built-in drivers: modules.dep: {error}");
            tell(News::Settled);
            return;
        }
    };
    cold(&loader, &events, &tell);
    listen(&loader, &events, &tell);
}

fn cold(loader: &Loader, events: &Uevents, tell: &impl Fn(News)) {
    let begin = Moment::now();
    let wanted = coldplug::wanted(loader);
    let of = |turn| wanted.iter().filter(move |(its, _)| *its == turn).map(|(_, name)| name.clone());
    let looked = Moment::now();
    let dog = || Path::new("/dev/watchdog0").exists();
    coldplug::load_all(loader, of(Turn::Watchdog).collect());
    if dog() {
        tell(News::Watchdog);
    }
    let guarded = Moment::now();
    let mut first: Vec<String> = of(Turn::First).collect();
    first.extend(ALWAYS.map(str::to_owned));
    if of(Turn::First).any(|name| loader.index().path(&name).is_some_and(coldplug::is_disk)) {
        first.push(FOR_DISKS.to_owned());
    }
    let count = first.len();
    coldplug::load_all(loader, first);
    let loaded = Moment::now();
    // Virtio's, USB's and SCSI's devices appear when their controller's driver is there.
    drain(loader, events, tell);
    tell(News::Settled);
    detail!(
        "{} modules for the devices that are there, looked up in {:.0?}; watchdog's in {:.0?}, {count} of NICs and disks in {:.0?}, their devices in {:.0?}",
        wanted.len(),
        looked.since(begin),
        guarded.since(looked),
        loaded.since(guarded),
        Moment::now().since(loaded),
    );
    coldplug::load_all(loader, of(Turn::Later).collect());
    drain(loader, events, tell);
    if !dog() {
        // Better than none: it ends a PID 1 that hangs, if not a kernel that does. Its event is heard by `listen`.
        coldplug::told("softdog", loader.load("softdog"));
    }
}

fn listen(loader: &Loader, events: &Uevents, tell: &impl Fn(News)) {
    loop {
        drain(loader, events, tell);
        let mut waiting = [PollFd::from_borrowed_fd(events.as_fd(), PollFlags::IN)];
        // An hour is as good as forever, and a lost wake-up mends itself.
        let hour = Timespec { tv_sec: Duration::from_secs(3600).as_secs().cast_signed(), tv_nsec: 0 };
        let _ = poll(&mut waiting, Some(&hour));
    }
}

/// Serves every event that is waiting.
fn drain(loader: &Loader, events: &Uevents, tell: &impl Fn(News)) {
    loop {
        match events.next() {
            Ok(Some(event)) => serve(loader, &event, tell),
            Ok(None) => return,
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                // Some were lost: all devices are looked at again.
                coldplug::load_all(loader, coldplug::wanted(loader).into_iter().map(|(_, name)| name).collect());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return problem!("netlink uevents: {error}");
            }
        }
    }
}

fn serve(loader: &Loader, event: &Uevent, tell: &impl Fn(News)) {
    if event.action != "add" {
        return;
    }
    match event.subsystem.as_str() {
        "net" => tell(News::Interface),
        "watchdog" => tell(News::Watchdog),
        _ => {}
    }
    if !event.modalias.is_empty() {
        for (name, result) in loader.serve(&event.modalias) {
            coldplug::told(&name, result);
        }
    }
}
