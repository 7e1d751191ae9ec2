//! Keeps the answers of the fast path fresh: makes them void with everything that may change a next hop, renews the lease each second, and takes
//! it away where the program would go past something. Its death is seen by the lease: then all packets pass to the kernel. Not here: what may
//! be forwarded (`segbox_plan::fast_path`), and the program.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use ipnet::Ipv6Net;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use segbox_config::IfName;
use segbox_linux::bpf::error::FastPathError;
use segbox_linux::bpf::{Aside, FastPath, Programs};
use segbox_linux::netlink::{Freshness, News, aside, ground};
use segbox_linux::realtime;
use segbox_plan::fast_path::{Standing, standing};
use segbox_router::with_causes;

/// How often the lease is renewed, and how long it holds: two renewals may be late.
const RENEW: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(3);
/// The least time between two bumps: each costs every flow a look-up.
const PAUSE: Duration = Duration::from_millis(1);
/// The least time between two looks at the ports, and between two readings of all routes.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
const READ_PAUSE: Duration = Duration::from_secs(1);
/// A route that no longer has several hops is told of as a new one.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// The service.
pub(crate) struct KeepsFresh {
    freshness: Freshness,
    held: Option<Held>,
    looked: Option<Instant>,
    /// A look is due, and a reading of all routes.
    ground: bool,
    routes: bool,
    told: Told,
}

/// The program, and what is in its maps.
struct Held {
    path: FastPath,
    ports: BTreeMap<u32, u64>,
    aside: BTreeMap<Ipv6Net, Aside>,
    read: Instant,
}

/// What was said last.
#[derive(Default, PartialEq)]
struct Told {
    stopped: Option<String>,
    idle: BTreeMap<IfName, String>,
}

impl KeepsFresh {
    /// Opens it in the network namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel has no netlink, or no descriptor is left.
    pub(crate) fn open() -> io::Result<Self> {
        let (freshness, told) = (Freshness::open()?, Told::default());
        Ok(Self { freshness, held: None, looked: None, ground: true, routes: false, told })
    }

    /// Works until the process ends. `say` receives a line when forwarding stops or begins again, and for each port that is left out.
    pub(crate) fn run(mut self, say: &impl Fn(&str)) {
        // Without it a box that is busy forwarding would hear of a change milliseconds later.
        if let Err(error) = realtime::ask() {
            say(&format!("the fast path's service has no real-time priority: {error}"));
        }
        loop {
            self.wait();
            let news = self.freshness.drain();
            if let Err(error) = self.attend(&news, say) {
                self.stop();
                self.tell(Told { stopped: Some(with_causes(&error)), ..Told::default() }, say);
            }
            if news.any {
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn wait(&self) {
        let since = self.looked.map_or(RENEW, |looked| looked.elapsed());
        let all = if self.ground || self.routes { LOOK_PAUSE } else { RENEW };
        let left = all.saturating_sub(since);
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut waiting: Vec<PollFd<'_>> =
            self.freshness.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        // A signal that ends the wait early costs one look.
        let _ = poll(&mut waiting, Some(&timeout));
    }

    fn attend(&mut self, news: &News, say: &impl Fn(&str)) -> Result<(), FastPathError> {
        if let Some(held) = &mut self.held {
            // Before the answers become void: those that follow know of it.
            for (prefix, what) in &news.aside {
                held.add(*prefix, *what)?;
            }
            if news.any {
                held.path.bump();
            }
            self.routes |= news.changed.iter().any(|prefix| held.aside.contains_key(prefix));
        }
        self.ground |= news.ground;
        self.routes |= news.routes;
        let since = self.looked.map_or(RENEW, |looked| looked.elapsed());
        if since >= RENEW || self.ground && since >= LOOK_PAUSE {
            self.look(say)?;
        }
        Ok(())
    }

    /// Looks at the program and its ports, and renews the lease.
    fn look(&mut self, say: &impl Fn(&str)) -> Result<(), FastPathError> {
        self.looked = Some(Instant::now());
        self.ground = false;
        let programs = Programs::open()?;
        let is_current = match &self.held {
            Some(held) => held.path.is_current(&programs)?,
            None => false,
        };
        if !is_current {
            self.stop();
            self.held = FastPath::open(&programs)?.map(Held::of);
            self.routes = true;
        }
        let Some(held) = &mut self.held else {
            self.tell(Told::default(), say);
            return Ok(());
        };
        let attached = programs.ports_of(held.path.name())?;
        let found = ground(&attached).map_err(|source| FastPathError::Kernel { map: "ports", source })?;
        let Standing { ports, idle, stopped } = standing(&found);
        if (self.routes && held.read.elapsed() >= READ_PAUSE) || !is_current || held.read.elapsed() >= READ_AGAIN {
            held.read_routes()?;
            self.routes = false;
        }
        if ports != held.ports {
            held.path.set_ports(&held.ports, &ports)?;
            held.ports = ports;
            held.path.bump();
        }
        held.path.lease(if stopped.is_some() { Duration::ZERO } else { LEASE });
        self.tell(Told { stopped, idle }, say);
        Ok(())
    }

    /// From now on the kernel forwards all packets.
    fn stop(&mut self) {
        if let Some(held) = self.held.take() {
            held.path.lease(Duration::ZERO);
        }
    }

    fn tell(&mut self, now: Told, say: &impl Fn(&str)) {
        if now.stopped != self.told.stopped {
            match &now.stopped {
                Some(why) => say(&format!("the fast path forwards nothing: {why}")),
                None => say("the fast path forwards again"),
            }
        }
        for (name, why) in now.idle.iter().filter(|(name, why)| self.told.idle.get(name) != Some(why)) {
            say(&format!("the fast path leaves {name} to the kernel: {why}"));
        }
        self.told = now;
    }
}

impl Held {
    fn of(path: FastPath) -> Self {
        Self { path, ports: BTreeMap::new(), aside: BTreeMap::new(), read: Instant::now() }
    }

    fn add(&mut self, prefix: Ipv6Net, what: Aside) -> Result<(), FastPathError> {
        let all = self.aside.entry(prefix).or_default();
        *all = Aside { several: all.several.max(what.several), tunnel: all.tunnel.max(what.tunnel) };
        self.path.set_aside(prefix, *all)
    }

    /// Reads all routes, and makes the program's table what they say.
    fn read_routes(&mut self) -> Result<(), FastPathError> {
        self.read = Instant::now();
        let found = aside().map_err(|source| FastPathError::Kernel { map: "aside", source })?;
        for (prefix, what) in &found {
            if self.aside.get(prefix) != Some(what) {
                self.path.set_aside(*prefix, *what)?;
            }
        }
        for prefix in self.aside.keys().filter(|prefix| !found.contains_key(prefix)) {
            self.path.set_aside(*prefix, Aside::default())?;
        }
        if found != self.aside {
            self.aside = found;
            self.path.bump();
        }
        Ok(())
    }
}
