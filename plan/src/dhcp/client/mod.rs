//! The states of a client (RFC 2131, figure 5): events and times in, messages and a wanted lease out. Not here: sockets, clocks, random numbers.

mod answers;
mod exchange;

use std::net::Ipv4Addr;
use std::time::Duration;

use segbox_config::Mac;

use super::lease::{Bounds, Lease};
use super::lie::Lie;
use super::report::{Report, State};
use super::wire::{Kind, Reply, Request};

pub use exchange::Action;
use exchange::{Asked, Exchange};

/// How often a request is sent before the client begins anew.
const REQUESTS: u32 = 4;
/// The same after a link has come back: the lease is still good.
const REBOOTS: u32 = 2;
/// The least time between two requests for more time (4.4.5).
const LEAST_WAIT: Duration = Duration::from_secs(60);
/// Questions whether somebody has the address, and the time for an answer to each. RFC 5227 waits some seconds longer, and the box has no way in
/// meanwhile.
const PROBES: u32 = 2;
const PROBE: Duration = Duration::from_millis(500);

/// What happens to a client.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The port can carry packets.
    Up,
    /// It no longer can.
    Down,
    /// A server's message.
    Reply(&'a Reply, &'a Bounds),
    /// A message for this client that is damaged.
    Damaged(&'a Lie),
    /// Another station has this address.
    Claimed(Ipv4Addr),
    /// Time has passed.
    Tick,
}

/// The client of one port.
#[derive(Debug)]
pub struct Client {
    mac: Mac,
    hostname: Option<String>,
    phase: Phase,
    /// The lease whose address is on the port.
    held: Option<Lease>,
    /// Since when there is none although the port can carry packets.
    seeks: Option<Duration>,
    /// Attempts in a row that came to nothing.
    failures: u32,
    /// Why the last message or attempt was no use.
    trouble: Option<String>,
    said: Vec<String>,
}

#[derive(Debug)]
enum Phase {
    /// The port cannot carry packets.
    Idle,
    /// Before it begins anew.
    Pausing(Duration),
    Selecting(Exchange),
    Requesting(Exchange, Asked),
    Rebooting(Exchange, Asked),
    Probing {
        lease: Box<Lease>,
        sent: u32,
        next: Duration,
    },
    Bound(Duration),
    Renewing(Exchange),
    Rebinding(Exchange),
}

impl Client {
    /// A client that knows of no carrier yet. `known` is a lease that an earlier client left.
    pub fn new(mac: Mac, hostname: Option<String>, known: Option<Lease>) -> Self {
        let (said, trouble) = Default::default();
        Self { mac, hostname, phase: Phase::Idle, held: known, seeks: None, failures: 0, trouble, said }
    }

    /// The lease whose address is to be on the port.
    pub fn lease(&self) -> Option<&Lease> {
        self.held.as_ref()
    }

    /// When time matters next; None: it does not.
    pub fn due(&self) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Idle => None,
            Phase::Pausing(until) | Phase::Bound(until) => Some(*until),
            Phase::Selecting(exchange) | Phase::Renewing(exchange) | Phase::Rebinding(exchange) => Some(exchange.next),
            Phase::Requesting(exchange, _) | Phase::Rebooting(exchange, _) => Some(exchange.next),
            Phase::Probing { next, .. } => Some(*next),
        };
        phase.into_iter().chain(self.held.as_ref().and_then(Lease::ends)).min()
    }

    /// Whether somebody who has the address would matter now.
    pub fn probes(&self) -> bool {
        matches!(self.phase, Phase::Probing { .. })
    }

    /// What has happened since the last call, a line each.
    pub fn take_said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// How it is now.
    pub fn report(&self) -> Report {
        let state = match self.phase {
            Phase::Idle => State::NoCarrier,
            Phase::Pausing(_) => State::Pausing,
            Phase::Selecting(_) => State::Selecting,
            Phase::Requesting(..) => State::Requesting,
            Phase::Rebooting(..) => State::Rebooting,
            Phase::Probing { .. } => State::Probing,
            Phase::Bound(_) => State::Bound,
            Phase::Renewing(_) => State::Renewing,
            Phase::Rebinding(_) => State::Rebinding,
        };
        Report { state, seeks: self.seeks, trouble: self.trouble.clone(), lease: self.held.clone() }
    }

    /// Takes an event at a time since the boot. `random` is a fresh random number.
    pub fn step(&mut self, now: Duration, random: u32, event: Event<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.expire(now, random, &mut actions);
        match event {
            Event::Up => self.up(now, random, &mut actions),
            Event::Down => {
                self.phase = Phase::Idle;
                self.seeks = None;
            }
            Event::Reply(reply, bounds) => self.reply(now, random, (reply, bounds), &mut actions),
            Event::Damaged(lie) => self.refuse("a message of a server", lie),
            Event::Claimed(address) => self.claimed(now, random, address, &mut actions),
            Event::Tick => self.tick(now, random, &mut actions),
        }
        actions
    }

    fn expire(&mut self, now: Duration, random: u32, actions: &mut Vec<Action>) {
        let Some(lease) = self.held.take_if(|lease| lease.ends().is_some_and(|ends| ends <= now)) else { return };
        self.trouble = None;
        self.said.push(format!("the lease of {} has ended: no server has renewed it", lease.address));
        if matches!(self.phase, Phase::Bound(_) | Phase::Renewing(_) | Phase::Rebinding(_) | Phase::Rebooting(..)) {
            self.begin(now, random, actions);
        }
    }

    fn up(&mut self, now: Duration, random: u32, actions: &mut Vec<Action>) {
        self.failures = 0;
        self.trouble = None;
        match &self.held {
            Some(lease) => {
                let asked = Asked { address: lease.address.addr(), server: None };
                let exchange = Exchange::begin(now, random);
                actions.push(self.request(Kind::Request, &exchange, (None, Some(asked)), None));
                self.phase = Phase::Rebooting(exchange, asked);
            }
            None => self.begin(now, random, actions),
        }
    }

    /// Asks for any lease.
    fn begin(&mut self, now: Duration, random: u32, actions: &mut Vec<Action>) {
        self.seeks = self.seeks.or(Some(now));
        let exchange = Exchange::begin(now, random);
        actions.push(self.request(Kind::Discover, &exchange, (None, None), None));
        self.phase = Phase::Selecting(exchange);
    }

    /// Begins anew, later each time.
    fn fail(&mut self, now: Duration, random: u32, least: Duration) {
        let wait = Duration::from_secs(1 << self.failures.min(6)).max(least);
        self.failures += 1;
        self.seeks = self.seeks.or(Some(now));
        self.phase = Phase::Pausing(now + wait + Duration::from_millis(u64::from(random % 500)));
    }

    fn tick(&mut self, now: Duration, random: u32, actions: &mut Vec<Action>) {
        let is_due = |next: &Duration| *next <= now;
        match &mut self.phase {
            Phase::Pausing(until) if is_due(until) => self.begin(now, random, actions),
            Phase::Selecting(exchange) if is_due(&exchange.next) => {
                exchange.again(now, random);
                let exchange = *exchange;
                actions.push(self.request(Kind::Discover, &exchange, (None, None), None));
            }
            Phase::Requesting(exchange, asked) if is_due(&exchange.next) => {
                let asked = *asked;
                if exchange.tries >= REQUESTS {
                    return self.begin(now, random, actions);
                }
                exchange.again(now, random);
                let exchange = *exchange;
                actions.push(self.request(Kind::Request, &exchange, (None, Some(asked)), None));
            }
            Phase::Rebooting(exchange, asked) if is_due(&exchange.next) => {
                let asked = *asked;
                if exchange.tries >= REBOOTS {
                    return self.go_on_without_an_answer(now, random, actions);
                }
                exchange.again(now, random);
                let exchange = *exchange;
                actions.push(self.request(Kind::Request, &exchange, (None, Some(asked)), None));
            }
            Phase::Probing { lease, sent, next } if is_due(next) => {
                if *sent < PROBES {
                    (*sent, *next) = (*sent + 1, now + PROBE);
                    actions.push(Action::Probe(lease.address.addr()));
                } else {
                    let lease = (**lease).clone();
                    self.hold(lease);
                }
            }
            Phase::Bound(renews) if is_due(renews) => self.renew(now, random, actions),
            Phase::Renewing(exchange) | Phase::Rebinding(exchange) if is_due(&exchange.next) => {
                self.renew(now, random, actions);
            }
            _ => {}
        }
    }

    /// No server has answered after the link came back: the lease is good as long as it was (RFC 2131, 3.2).
    fn go_on_without_an_answer(&mut self, now: Duration, random: u32, actions: &mut Vec<Action>) {
        match &self.held {
            Some(lease) => {
                self.phase = Phase::Bound(lease.since + lease.renews);
                self.tick(now, random, actions);
            }
            None => self.begin(now, random, actions),
        }
    }

    /// Asks for more time: the server of the lease, or from T2 on any server.
    fn renew(&mut self, now: Duration, random: u32, actions: &mut Vec<Action>) {
        let Some(lease) = &self.held else { return };
        let rebinds = lease.since + lease.rebinds;
        let of_any = now >= rebinds;
        let until = if of_any { lease.ends() } else { Some(rebinds) };
        let exchange = match &self.phase {
            Phase::Renewing(exchange) if !of_any => *exchange,
            Phase::Rebinding(exchange) => *exchange,
            _ => Exchange::begin(now, random),
        };
        let left = until.map_or(LEAST_WAIT, |until| until.saturating_sub(now));
        let next = now + (left / 2).max(LEAST_WAIT).min(left.max(Duration::from_secs(1)));
        let exchange = Exchange { sent: now, tries: exchange.tries + 1, next, ..exchange };
        let client = Some(lease.address.addr());
        let to = Some((lease.server_mac, lease.server)).filter(|_| !of_any);
        actions.push(self.request(Kind::Request, &exchange, (client, None), to));
        if of_any && !matches!(self.phase, Phase::Rebinding(_)) {
            self.trouble = Some(format!("the server {} does not renew it", lease.server));
        }
        self.phase = if of_any { Phase::Rebinding(exchange) } else { Phase::Renewing(exchange) };
    }

    fn request(
        &self,
        kind: Kind,
        exchange: &Exchange,
        (client, asked): (Option<Ipv4Addr>, Option<Asked>),
        to: Option<(Mac, Ipv4Addr)>,
    ) -> Action {
        let request = Request {
            kind,
            xid: exchange.xid,
            secs: u16::try_from((exchange.sent - exchange.began).as_secs()).unwrap_or(u16::MAX),
            mac: self.mac,
            client,
            address: asked.map(|asked| asked.address),
            server: asked.and_then(|asked| asked.server),
            hostname: self.hostname.clone(),
        };
        Action::Send(request, to)
    }
}
