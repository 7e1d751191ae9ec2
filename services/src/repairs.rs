//! Brings back what the router loses: a port went down and came up, an address, route, rule, neighbour or device was deleted. Not here: what is
//! lost (`segbox-router`), and when it is left to another (`disputes`).

use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use segbox_linux::netlink::Losses;
use segbox_router::{ChangeError, FolderError, Repaired, Router, with_causes};

use crate::disputes::Disputes;

/// A loss seldom comes alone: a port that goes down takes its routes along.
const GATHER: Duration = Duration::from_millis(50);
/// The least time from one look to the next. A look that took long waits longer, so that a storm of notifications costs a fifth of a CPU at most.
const PAUSE: Duration = Duration::from_millis(200);
const REST: u32 = 4;
/// Another change of the router has precedence.
const LATER: Duration = Duration::from_secs(1);
/// The kernel tells nothing of HMAC keys, of the encapsulation source and of most sysctls.
const LOOK: Duration = Duration::from_secs(60);
/// Lines of one look. A flushed table of 100,000 routes is told of by its number.
const LINES: usize = 20;

/// Whose the names of NICs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// PID 1's, which is segbox: a NIC that comes makes way for one whose name the file binds.
    OfSegbox,
    /// Another program's, such as udev: a repair renames what the file binds, and nothing else.
    OfTheSystem,
}

/// The service.
pub(crate) struct Repairs {
    losses: Losses,
    names: Names,
    /// When the counters of SIDs were noted last.
    noted: Option<Instant>,
    disputes: Disputes,
    due: Instant,
    /// No look before this.
    rested: Instant,
    /// What was told already and has not changed: refused steps, ports that are down.
    told: BTreeSet<String>,
    /// A link has gone down or away and what it took along is not all back.
    disturbed: bool,
}

impl Repairs {
    pub(crate) fn open(names: Names) -> io::Result<Self> {
        let now = Instant::now();
        // The first look is at once: things may have been lost while nothing kept the router.
        let (disputes, told) = Default::default();
        Ok(Self {
            losses: Losses::open()?,
            names,
            noted: None,
            disputes,
            due: now,
            rested: now,
            told,
            disturbed: false,
        })
    }

    /// When the next look is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Readable when something may be lost.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.losses.fds()
    }

    /// Reads what has happened, and looks if it is time.
    pub(crate) fn attend(&mut self, say: &impl Fn(&str)) {
        if self.losses.drain() {
            self.due = self.due.min((Instant::now() + GATHER).max(self.rested));
        }
        let begin = Instant::now();
        if begin >= self.due {
            let next = self.look(say);
            let end = Instant::now();
            self.rested = end + PAUSE.max((end - begin) * REST);
            self.due = end + next;
        }
    }

    /// Looks once and repairs; returns the time until the next look.
    fn look(&mut self, say: &impl Fn(&str)) -> Duration {
        let mut router = match Router::open("keep") {
            Ok(router) => router,
            Err(error) => return self.failed(&error, say),
        };
        self.note_counters(&mut router);
        if self.names == Names::OfSegbox && self.losses.link_came() && router.name_nics_as_applied().unwrap_or(false) {
            self.losses.forget_link_came();
        }
        let leave = self.disputes.leave(Instant::now());
        match router.repair(&leave, self.losses.taken_down()) {
            Ok(done) => {
                self.losses.watch(done.routes.iter(), done.looked_up.iter().copied());
                self.disturbed |= self.losses.take_link_lost();
                let anew = self.disputes.begin(done.of.as_ref());
                self.tell(&done, anew, say);
                self.disturbed &= !(done.applied.is_empty() && done.down.is_empty());
                self.losses.forget_culprits();
                // What was left alone is of the file that is applied now.
                if anew && !done.left.is_empty() { Duration::ZERO } else { LOOK }
            }
            Err(ChangeError::Folder(FolderError::Busy { .. }) | ChangeError::Waiting { .. }) => LATER,
            Err(error) => self.failed(&error, say),
        }
    }

    /// Notes what the SIDs have counted: where another program takes a SID away, nobody can read its counters any more.
    fn note_counters(&mut self, router: &mut Router) {
        // Where the counters cannot be read now, the next look reads them.
        if self.noted.is_none_or(|noted| noted.elapsed() >= LOOK) && router.note_counters().is_ok() {
            self.noted = Some(Instant::now());
        }
    }

    fn failed(&mut self, error: &dyn std::error::Error, say: &impl Fn(&str)) -> Duration {
        self.once(format!("cannot look for losses: {}", with_causes(error)), say);
        LATER
    }

    fn tell(&mut self, done: &Repaired, anew: bool, say: &impl Fn(&str)) {
        let restored: Vec<_> = done.applied.iter().filter(|one| one.result.is_ok()).map(|one| &one.step).collect();
        for step in restored.iter().take(LINES) {
            let by = self.losses.culprit(&step.thing()).map(|culprit| format!(" (lost to {culprit})"));
            say(&format!("restored: {step}{}", by.unwrap_or_default()));
        }
        if restored.len() > LINES {
            say(&format!("restored: {} more", restored.len() - LINES));
        }
        let mut now = BTreeSet::new();
        for one in &done.applied {
            if let Err(error) = &one.result {
                now.insert(format!("cannot restore: {}: {}", one.step, with_causes(error.as_ref())));
            }
        }
        now.extend(done.down.iter().map(|port| {
            format!("{port} is down, and stays so: another took it down. `ip link set {port} up` brings back what the file has there")
        }));
        // What is no longer so may be told again.
        self.told.retain(|line| now.contains(line));
        now.into_iter().for_each(|line| self.once(line, say));
        if anew {
            return;
        }
        let address_lost = restored.iter().any(|step| step.noun() == "address");
        let things = restored.iter().filter(|step| self.is_disputed(step.noun(), &step.thing(), address_lost));
        let things: Vec<String> = things.map(|step| step.thing()).collect();
        for thing in self.disputes.settle(things.into_iter(), &done.left, Instant::now()) {
            let by = self.losses.culprit(&thing).unwrap_or("somebody that the kernel does not name");
            say(&format!(
                "not restored any more: {thing}: three times within a minute it was lost again, to {by}. Only one can own it: leave it out of the file, or stop the other and run `segbox apply`"
            ));
        }
    }

    /// Whether somebody took the thing away, and not the kernel along with something else: a port that flaps fights with nobody. A port takes its
    /// addresses, neighbours and routes along, an address the routes by its subnet.
    fn is_disputed(&self, noun: &str, thing: &str, address_lost: bool) -> bool {
        match noun {
            "address" | "neighbor" => !self.disturbed || self.losses.culprit(thing).is_some(),
            "route" | "sid" | "policy" => !(self.disturbed || address_lost) || self.losses.culprit(thing).is_some(),
            // A cable takes hops along and brings them back, and a hop changes its groups.
            "nexthop" | "group" => self.losses.culprit(thing).is_some(),
            _ => true,
        }
    }

    fn once(&mut self, line: String, say: &impl Fn(&str)) {
        if !self.told.contains(&line) {
            say(&line);
            self.told.insert(line);
        }
    }
}
