//! What a server's answer does to a client. Not here: what happens without one (`super`).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::exchange::{Action, Asked, Exchange, wait};
use super::{Client, PROBE, Phase};
use crate::dhcp::lease::{Bounds, Lease};
use crate::dhcp::lie::Lie;
use crate::dhcp::wire::{Answer, Kind, Reply};

/// After an address turned out to be another's (3.1).
const AFTER_DECLINE: Duration = Duration::from_secs(10);

impl Client {
    pub(super) fn refuse(&mut self, what: &str, lie: &Lie) {
        let line = format!("{what} was refused: {lie}");
        if self.trouble.as_ref() != Some(&line) {
            self.said.push(line.clone());
        }
        self.trouble = Some(line);
    }

    pub(super) fn reply(
        &mut self,
        now: Duration,
        random: u32,
        (reply, bounds): (&Reply, &Bounds),
        actions: &mut Vec<Action>,
    ) {
        let (exchange, waits_for_offers) = match &self.phase {
            Phase::Selecting(exchange) => (*exchange, true),
            Phase::Requesting(exchange, _) | Phase::Rebooting(exchange, _) => (*exchange, false),
            Phase::Renewing(exchange) | Phase::Rebinding(exchange) => (*exchange, false),
            // The offers of other servers may come late.
            Phase::Idle | Phase::Pausing(_) | Phase::Probing { .. } | Phase::Bound(_) => return,
        };
        let what = || {
            let kind = match reply.answer {
                Answer::Offer => "an offer",
                Answer::Ack => "an acknowledgement",
                Answer::Nak => "a refusal",
            };
            format!("{kind} of {}", reply.options.server().map_or("a server".to_owned(), |server| server.to_string()))
        };
        if reply.xid != exchange.xid {
            return self.refuse(&what(), &Lie::Transaction);
        }
        match (reply.answer, waits_for_offers) {
            (Answer::Offer, true) => match Lease::read(reply, exchange.sent, bounds) {
                Ok(lease) => self.ask(now, random, exchange, &lease, actions),
                Err(lie) => self.refuse(&what(), &lie),
            },
            (Answer::Ack, false) => match self.acknowledged(reply, exchange, bounds) {
                Ok(lease) => self.take(now, lease, actions),
                Err(lie) => {
                    self.refuse(&what(), &lie);
                    // What the server promised it does not keep. A lease that is held goes on.
                    if matches!(self.phase, Phase::Requesting(..)) {
                        self.fail(now, random, Duration::ZERO);
                    }
                }
            },
            (Answer::Nak, false) => self.denied(now, random, reply, &what()),
            _ => {}
        }
    }

    /// Asks the server of an offer for its address, in the same transaction.
    fn ask(&mut self, now: Duration, random: u32, from: Exchange, offer: &Lease, actions: &mut Vec<Action>) {
        let asked = Asked { address: offer.address.addr(), server: Some(offer.server) };
        let exchange = Exchange { sent: now, tries: 1, next: now + wait(0, random), ..from };
        actions.push(self.request(Kind::Request, &exchange, (None, Some(asked)), None));
        self.phase = Phase::Requesting(exchange, asked);
    }

    /// The lease of an acknowledgement, if it is what was asked for.
    fn acknowledged(&self, reply: &Reply, exchange: Exchange, bounds: &Bounds) -> Result<Lease, Lie> {
        self.is_of_the_server(reply)?;
        let lease = Lease::read(reply, exchange.sent, bounds)?;
        let asked = match &self.phase {
            Phase::Requesting(_, asked) | Phase::Rebooting(_, asked) => Some(asked.address),
            _ => self.held.as_ref().map(|held| held.address.addr()),
        };
        if asked.is_some_and(|asked| asked != lease.address.addr()) {
            return Err(Lie::OtherAddress(lease.address.addr()));
        }
        Ok(lease)
    }

    /// Where one server was asked, only that one may answer.
    fn is_of_the_server(&self, reply: &Reply) -> Result<(), Lie> {
        let server = reply.options.server().ok_or(Lie::NoServer)?;
        let asked = match &self.phase {
            Phase::Requesting(_, asked) => asked.server,
            Phase::Renewing(_) => self.held.as_ref().map(|held| held.server),
            _ => None,
        };
        if asked.is_some_and(|asked| asked != server) { Err(Lie::OtherServer(server)) } else { Ok(()) }
    }

    /// Takes an acknowledged lease. Whether somebody has its address already is asked once.
    fn take(&mut self, now: Duration, lease: Lease, actions: &mut Vec<Action>) {
        let has_it = self.held.as_ref().is_some_and(|held| held.address.addr() == lease.address.addr());
        if has_it {
            return self.hold(lease);
        }
        actions.push(Action::Probe(lease.address.addr()));
        self.phase = Phase::Probing { lease: Box::new(lease), sent: 1, next: now + PROBE };
    }

    pub(super) fn hold(&mut self, lease: Lease) {
        let news = self.held.as_ref().is_none_or(|held| (held.address, held.server) != (lease.address, lease.server));
        if news {
            let time = lease.lasts.map_or("for ever".to_owned(), |lasts| format!("for {} s", lasts.as_secs()));
            self.said.push(format!("{} from the server {} {time}", lease.address, lease.server));
            self.said.extend(lease.remarks.iter().cloned());
        }
        self.phase = Phase::Bound(lease.since + lease.renews);
        self.held = Some(lease);
        (self.seeks, self.failures, self.trouble) = (None, 0, None);
    }

    /// A server says that the address is not this client's.
    fn denied(&mut self, now: Duration, random: u32, reply: &Reply, what: &str) {
        if let Err(lie) = self.is_of_the_server(reply) {
            return self.refuse(what, &lie);
        }
        let said = reply.options.said().map(|said| format!(": it says \"{said}\"")).unwrap_or_default();
        let server = reply.options.server().map(|server| server.to_string()).unwrap_or_default();
        let line = format!("the server {server} refuses the address{said}");
        self.said.push(line.clone());
        self.trouble = Some(line);
        self.held = None;
        self.fail(now, random, Duration::ZERO);
    }

    /// Another station has an address that this client is about to take.
    pub(super) fn claimed(&mut self, now: Duration, random: u32, address: Ipv4Addr, actions: &mut Vec<Action>) {
        let Phase::Probing { lease, .. } = &self.phase else { return };
        if lease.address.addr() != address {
            return;
        }
        let asked = Asked { address, server: Some(lease.server) };
        let exchange = Exchange::begin(now, random);
        let line = format!("the address {address} is another station's already: the server {} is told", lease.server);
        actions.push(self.request(Kind::Decline, &exchange, (None, Some(asked)), None));
        self.said.push(line.clone());
        self.trouble = Some(line);
        self.fail(now, random, AFTER_DECLINE);
    }
}
