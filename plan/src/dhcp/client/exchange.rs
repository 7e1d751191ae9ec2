//! Transactions, when their messages are sent again, and messages on their way. Not here: which message is sent (`super`).

use std::net::Ipv4Addr;
use std::time::Duration;

use segbox_config::Mac;

use crate::dhcp::lease::Lease;
use crate::dhcp::wire::{self, Kind, Request};

/// From one retransmission to the next (RFC 2131, 4.1).
const FIRST_WAIT: u64 = 4;
const LONGEST_WAIT: u64 = 64;

/// What a client wants to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A message to every server, or to one by its hardware and IPv4 address.
    Send(Request, Option<(Mac, Ipv4Addr)>),
    /// An ARP probe for this address.
    Probe(Ipv4Addr),
}

impl Action {
    /// The packet, and the hardware address that it goes to; None for all stations of the link. A probe is a packet of ARP.
    pub fn packet(&self, own: Mac) -> (Vec<u8>, Option<Mac>) {
        match self {
            Self::Send(request, to) => {
                let from = request.client.unwrap_or(Ipv4Addr::UNSPECIFIED);
                let address = to.map_or(Ipv4Addr::BROADCAST, |(_, address)| address);
                (request.packet(from, address), to.map(|(mac, _)| mac))
            }
            Self::Probe(address) => (wire::probe(own, *address), None),
        }
    }
}

/// A transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) xid: u32,
    pub(super) began: Duration,
    /// When its last message was sent: a lease counts from there.
    pub(super) sent: Duration,
    pub(super) tries: u32,
    pub(super) next: Duration,
}

/// The address that is asked for, and of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) address: Ipv4Addr,
    pub(super) server: Option<Ipv4Addr>,
}

impl Exchange {
    pub(super) fn begin(now: Duration, random: u32) -> Self {
        Self { xid: random, began: now, sent: now, tries: 1, next: now + wait(0, random) }
    }

    /// Its message is sent once more.
    pub(super) fn again(&mut self, now: Duration, random: u32) {
        (self.sent, self.next) = (now, now + wait(self.tries, random));
        self.tries += 1;
    }
}

/// The time until a message is sent again: doubled each time, and a second more or less (RFC 2131, 4.1).
pub(super) fn wait(tries: u32, random: u32) -> Duration {
    let seconds = (FIRST_WAIT << tries.min(4)).min(LONGEST_WAIT);
    Duration::from_millis(seconds * 1000 - 1000 + u64::from(random % 2001))
}

impl Lease {
    /// The message that gives it back.
    pub fn release(&self, mac: Mac, xid: u32) -> Action {
        let request = Request {
            kind: Kind::Release,
            xid,
            secs: 0,
            mac,
            client: Some(self.address.addr()),
            address: None,
            server: Some(self.server),
            hostname: None,
        };
        Action::Send(request, Some((self.server_mac, self.server)))
    }
}
