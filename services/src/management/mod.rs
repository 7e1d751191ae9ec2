//! Holds the leases of ports with `dhcp`, and hears the routers of ports with `accept-ra` for DNS servers. It has a thread of its own: a repair of a
//! large router may take seconds. Not here: a single port (`port`), and the states of a client (`segbox_plan::dhcp`).

mod port;
mod resolver;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use segbox_config::IfName;
use segbox_linux::netlink::{Ports, TalkError};
use segbox_router::desk::{Desk, Service};
use segbox_router::leases::Noted;
use segbox_router::management::{Live, LivePorts, Management as Files, Stamp, Wanted};
use segbox_router::with_causes;

use crate::repairs::Names;
use port::Port;
use resolver::Resolver;

/// From one look for another applied file to the next, and from a failure to the next try.
const LOOK: Duration = Duration::from_secs(1);
/// From one look at what the ports have to the next, where nothing tells of a change: the kernel's own notifications may be lost.
const CHECK: Duration = Duration::from_secs(60);
/// A change seldom comes alone.
const GATHER: Duration = Duration::from_millis(50);

/// The service.
pub(crate) struct Management {
    desk: Desk,
    files: Files,
    kernel: Ports,
    /// The applied file that `ports` are of.
    stamp: Option<Stamp>,
    wanted: Wanted,
    ports: BTreeMap<IfName, Port>,
    /// Ports of the file that are not there.
    missing: BTreeSet<IfName>,
    /// None: the box's resolver is another program's.
    resolver: Option<Resolver>,
    /// When what the ports have is looked at next.
    check: Instant,
    /// What went wrong and was said.
    told: BTreeSet<String>,
}

impl Management {
    /// Opens it in the network namespace of the calling thread; None if another process does it there.
    ///
    /// # Errors
    /// A socket cannot be opened.
    pub(crate) fn open(names: Names) -> io::Result<Option<Self>> {
        let Some(desk) = Desk::open(Service::Management)? else { return Ok(None) };
        let (wanted, ports, missing, told) = Default::default();
        Ok(Some(Self {
            desk,
            files: Files::open()?,
            kernel: Ports::open()?,
            stamp: None,
            wanted,
            ports,
            missing,
            // On a machine with other programs one of them has the file.
            resolver: (names == Names::OfSegbox).then(Resolver::default),
            check: Instant::now(),
            told,
        }))
    }

    /// Works until the process ends. `say` receives a line for each lease that comes or goes, and for each lie of a server.
    pub(crate) fn run(mut self, say: &impl Fn(&str)) {
        loop {
            let mut wrong = BTreeSet::new();
            self.look(say, &mut wrong);
            // What goes on is said once.
            wrong.difference(&self.told).for_each(|line| say(line));
            self.told = wrong;
            self.wait();
        }
    }

    /// Does everything that is due, and then tells who asks. What goes `wrong` with one thing keeps no other from being done.
    fn look(&mut self, say: &impl Fn(&str), wrong: &mut BTreeSet<String>) {
        let cannot = |what: &str, error: &dyn std::error::Error| format!("cannot {what}: {}", with_causes(error));
        let another = self.files.stamp() != self.stamp;
        if another {
            wrong.extend(self.read().err().map(|error| cannot("read the applied file", &error)));
        }
        if self.kernel.drain() || another || Instant::now() >= self.check {
            self.check = Instant::now() + CHECK;
            wrong.extend(self.find().err().map(|error| cannot("find management ports", &error)));
        }
        let now = now();
        for (name, port) in &mut self.ports {
            let done = port.attend(now, || self.kernel.beside(*name));
            wrong.extend(done.err().map(|error| cannot("list addresses", &error)));
        }
        wrong.extend(self.settle().err().map(|line| format!("cannot hold a lease: {line}")));
        for (name, port) in &mut self.ports {
            port.take_said().iter().for_each(|line| say(&format!("{name}: {line}")));
        }
        if let Some(resolver) = &mut self.resolver {
            let learned: Vec<_> = self.ports.iter().map(|(name, port)| (*name, port.learned())).collect();
            wrong.extend(resolver.write(learned.iter().map(|(name, learned)| (*name, learned))).err());
        }
        self.desk.serve(&self.live());
    }

    /// How all ports are.
    fn live(&self) -> LivePorts {
        let gone = || Live { trouble: Some("the port is not there".to_owned()), ..Live::default() };
        let missing = self.missing.iter().map(|name| (*name, gone()));
        self.ports.iter().map(|(name, port)| (*name, port.live())).chain(missing).collect()
    }

    /// Reads the ports of another applied file.
    fn read(&mut self) -> Result<(), segbox_router::FolderError> {
        let stamp = self.files.stamp();
        // A file with faults says nothing: what was asked for goes on.
        if let Some(wanted) = self.files.wanted()? {
            self.wanted = wanted;
        }
        self.stamp = stamp;
        Ok(())
    }

    /// Finds the ports, and begins and ends with them.
    fn find(&mut self) -> Result<(), TalkError> {
        let Wanted { hostname, ports } = &self.wanted;
        // An apply has taken away what others had.
        self.ports.retain(|name, port| ports.get(name).is_some_and(|wanted| port.is_of(wanted)));
        self.missing.clear();
        for (name, wanted) in ports {
            let Some(seen) = self.kernel.named(*name)? else {
                self.ports.remove(name);
                self.missing.insert(*name);
                continue;
            };
            if self.ports.get(name).is_some_and(|port| !port.is_on(&seen)) {
                self.ports.remove(name);
            }
            let port = self.ports.entry(*name).or_insert_with(|| {
                let known = self.files.leases().remove(name);
                Port::new(*name, seen, wanted.clone(), (hostname.clone(), known))
            });
            port.see(now(), seen);
        }
        Ok(())
    }

    /// Brings the ports and the file of leases to what the clients have.
    fn settle(&mut self) -> Result<(), String> {
        if self.ports.values().all(|port| !port.is_unsettled()) {
            return Ok(());
        }
        let mut leases = self.files.leases();
        let known = leases.clone();
        leases.retain(|name, _| self.ports.contains_key(name) || self.missing.contains(name));
        for (name, port) in &self.ports {
            match port.lease() {
                Some(noted) => drop(leases.insert(*name, noted)),
                None => drop(leases.remove(name)),
            }
        }
        let Self { files, kernel, ports, .. } = self;
        let known = |name: &IfName| known.get(name).map(|noted: &Noted| noted.lease.address);
        let work = || {
            let unsettled = ports.iter_mut().filter(|(_, port)| port.is_unsettled());
            let failed = unsettled
                .filter_map(|(name, port)| port.settle(now(), kernel, known(name)).err().map(|error| (*name, error)));
            failed.collect::<Vec<_>>()
        };
        match files.hold(self.stamp, &leases, work) {
            // Another process works on the router: later.
            Ok(None) => Ok(()),
            Ok(Some(failed)) => match failed.first() {
                None => Ok(()),
                Some((name, error)) => Err(format!("{name}: {}", with_causes(error))),
            },
            Err(error) => Err(with_causes(&error)),
        }
    }

    /// Waits for the next event, or for the next thing that is due.
    fn wait(&self) {
        let begin = now();
        let unsettled = self.ports.values().any(Port::is_unsettled);
        let due = self.ports.values().filter_map(Port::due).min().map_or(LOOK, |due| due.saturating_sub(begin));
        let wait = due.min(LOOK).max(if unsettled { GATHER * 4 } else { Duration::from_millis(1) });
        let timeout = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: i64::from(wait.subsec_nanos()) };
        let fds = [self.desk.as_fd(), self.kernel.fd()].into_iter().chain(self.ports.values().flat_map(Port::fds));
        let mut waiting: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        // A signal that ends the wait early costs one extra look.
        let _ = poll(&mut waiting, Some(&timeout));
        let of_the_kernel = !waiting[1].revents().is_empty();
        if of_the_kernel {
            std::thread::sleep(GATHER);
        }
    }
}

/// The time since the boot, by a clock that nobody can set: a lease goes on while the box sleeps.
fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
