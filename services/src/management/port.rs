//! One port: its DHCP client with its sockets, and the routers that it hears. Not here: which ports, and the other processes of the router (`super`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use ipnet::Ipv4Net;
use segbox_config::{IfName, Mac};
use segbox_linux::advertisement::AdvertisementSocket;
use segbox_linux::netlink::{self, Ports, TalkError};
use segbox_linux::packet::DhcpSockets;
use segbox_plan::advertisement::{self, Listener};
use segbox_plan::dhcp::port::changes;
use segbox_plan::dhcp::{Action, Bounds, Client, Event, Lease, wire};
use segbox_plan::resolver::Learned;
use segbox_router::leases::Noted;
use segbox_router::management::{Live, ManagementPort};
use segbox_router::with_causes;

/// Packets that are read before time is looked at again: a flood does not stop the clock.
const BATCH: usize = 64;

/// A port.
pub(super) struct Port {
    wanted: ManagementPort,
    seen: netlink::Port,
    dhcp: Option<Dhcp>,
    routers: Option<Routers>,
    /// Why no server can be asked.
    trouble: Option<String>,
    /// What of the lease the kernel refuses.
    refused: Option<String>,
}

struct Dhcp {
    name: IfName,
    mac: Mac,
    client: Client,
    /// None until they can be opened.
    sockets: Option<DhcpSockets>,
    /// What is on the port may not be what the client has.
    unsettled: bool,
    said: Vec<String>,
}

struct Routers {
    name: IfName,
    mac: Mac,
    listener: Listener,
    socket: Option<AdvertisementSocket>,
}

impl Port {
    /// A port that is not looked at yet. `known` is the lease that an earlier service left.
    pub(super) fn new(
        name: IfName,
        seen: netlink::Port,
        wanted: ManagementPort,
        (hostname, known): (Option<String>, Option<Noted>),
    ) -> Self {
        let mut port = Self { wanted, seen, dhcp: None, routers: None, trouble: None, refused: None };
        let Some(mac) = seen.mac else {
            port.trouble = Some("the port has no hardware address, so no server can answer it".to_owned());
            return port;
        };
        // Nothing is known of the carrier: the first look tells.
        port.seen.running = false;
        let known = known.filter(|noted| noted.mac == mac).map(|noted| noted.lease);
        port.dhcp = port.wanted.learns.dhcp.then(|| Dhcp {
            name,
            mac,
            client: Client::new(mac, hostname, known),
            sockets: None,
            unsettled: true,
            said: Vec::new(),
        });
        port.routers =
            port.wanted.learns.accept_ra.then(|| Routers { name, mac, listener: Listener::default(), socket: None });
        port
    }

    pub(super) fn is_of(&self, wanted: &ManagementPort) -> bool {
        self.wanted == *wanted
    }

    pub(super) fn is_on(&self, seen: &netlink::Port) -> bool {
        (self.seen.index, self.seen.mac) == (seen.index, seen.mac)
    }

    /// Sees how the port is now.
    pub(super) fn see(&mut self, now: Duration, seen: netlink::Port) {
        let (was, is) = (self.seen.running, seen.running);
        self.seen = seen;
        if let Some(dhcp) = &mut self.dhcp {
            dhcp.unsettled = true;
            // The next look tries again, and tells of it.
            let _ = dhcp.open(seen.index);
            if was != is {
                dhcp.step(now, if is { Event::Up } else { Event::Down });
            }
        }
        if let Some(routers) = self.routers.as_mut().filter(|_| was != is) {
            if is { routers.listener.up(now) } else { routers.listener.down() }
        }
    }

    /// Reads what has come, and does what is due. `beside` gives the addresses of other interfaces.
    pub(super) fn attend(
        &mut self,
        now: Duration,
        beside: impl FnOnce() -> Result<BTreeSet<(Ipv4Net, IfName)>, TalkError>,
    ) -> Result<(), TalkError> {
        if let Some(routers) = &mut self.routers {
            routers.attend(now, self.seen.index);
        }
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        let opened = dhcp.open(self.seen.index);
        self.trouble = opened.err().map(|error| format!("no packet socket: {error}"));
        let bounds = || {
            let mut bounds = self.wanted.bounds.clone();
            bounds.others.extend(beside()?);
            Ok(bounds)
        };
        dhcp.attend(now, bounds)
    }

    pub(super) fn take_said(&mut self) -> Vec<String> {
        self.dhcp.as_mut().map(|dhcp| std::mem::take(&mut dhcp.said)).unwrap_or_default()
    }

    /// When time matters next, since the boot.
    pub(super) fn due(&self) -> Option<Duration> {
        let dhcp = self.dhcp.iter().filter_map(|dhcp| dhcp.client.due());
        dhcp.chain(self.routers.iter().filter_map(|routers| routers.listener.due())).min()
    }

    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let dhcp = self.dhcp.iter().filter_map(|dhcp| dhcp.sockets.as_ref()).flat_map(DhcpSockets::fds);
        dhcp.chain(self.routers.iter().filter_map(|routers| routers.socket.as_ref()).map(AsFd::as_fd))
    }

    pub(super) fn lease(&self) -> Option<Noted> {
        let dhcp = self.dhcp.as_ref()?;
        Some(Noted { lease: dhcp.client.lease()?.clone(), mac: dhcp.mac })
    }

    /// Whether what is on the port may not be what the client has.
    pub(super) fn is_unsettled(&self) -> bool {
        self.dhcp.as_ref().is_some_and(|dhcp| dhcp.unsettled)
    }

    /// Puts the lease on the port, or takes a former one away. `known` is the address of the former one. What the kernel refuses keeps nothing else
    /// from being tried; it is said once, and tried again when something changes.
    pub(super) fn settle(
        &mut self,
        now: Duration,
        kernel: &mut Ports,
        known: Option<Ipv4Net>,
    ) -> Result<(), TalkError> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        let lease = dhcp.client.lease();
        // Without a carrier nothing is added: the kernel refuses routes of a port that is down. It is settled when the carrier is back.
        if lease.is_some() && !self.seen.running {
            dhcp.unsettled = false;
            return Ok(());
        }
        let found = kernel.on_port(self.seen.index)?;
        dhcp.unsettled = false;
        let known: Vec<Ipv4Net> = known.into_iter().chain(lease.map(|lease| lease.address)).collect();
        let mut refused = None;
        for change in changes(lease, self.wanted.table, now, &found, &known) {
            if let Err(error) = kernel.change(self.seen.index, &change) {
                refused.get_or_insert_with(|| format!("cannot {change}: {}", with_causes(&error)));
            }
        }
        if refused != self.refused {
            dhcp.said.extend(refused.clone());
        }
        self.refused = refused;
        Ok(())
    }

    /// How it is.
    pub(super) fn live(&self) -> Live {
        Live {
            dhcp: self.dhcp.as_ref().map(|dhcp| dhcp.client.report()),
            advertisements: self.routers.as_ref().map(|routers| routers.listener.report(&self.wanted.domain)),
            trouble: self.trouble.clone().or_else(|| self.refused.clone()),
        }
    }

    /// The servers of names that it knows.
    pub(super) fn learned(&self) -> Learned {
        let lease: Option<&Lease> = self.dhcp.as_ref().and_then(|dhcp| dhcp.client.lease());
        let heard = self.routers.as_ref().map(|routers| routers.listener.report(&[])).unwrap_or_default();
        let v4 = lease.iter().flat_map(|lease| lease.dns.iter()).map(|server| IpAddr::V4(*server));
        Learned {
            servers: v4.chain(heard.dns.into_iter().map(IpAddr::V6)).collect(),
            search: lease.iter().flat_map(|lease| lease.search.iter().cloned()).chain(heard.search).collect(),
        }
    }
}

impl Dhcp {
    /// Opens the sockets, before the first message.
    fn open(&mut self, index: u32) -> std::io::Result<()> {
        if self.sockets.is_none() {
            self.sockets = Some(DhcpSockets::open(index, self.name)?);
        }
        Ok(())
    }

    fn attend(&mut self, now: Duration, bounds: impl FnOnce() -> Result<Bounds, TalkError>) -> Result<(), TalkError> {
        let (replies, claims) = self.received();
        if !replies.is_empty() {
            // Read once for all of them, and only where a server has spoken.
            let bounds = bounds()?;
            for reply in replies {
                match &reply {
                    Ok(reply) => self.step(now, Event::Reply(reply, &bounds)),
                    Err(lie) => self.step(now, Event::Damaged(lie)),
                }
            }
        }
        for address in claims {
            self.step(now, Event::Claimed(address));
        }
        if self.client.due().is_some_and(|due| due <= now) {
            self.step(now, Event::Tick);
        }
        Ok(())
    }

    /// The messages that have come, and the addresses of other stations where that matters.
    fn received(&mut self) -> (Vec<Result<wire::Reply, segbox_plan::dhcp::Lie>>, Vec<std::net::Ipv4Addr>) {
        let (mut replies, mut claims) = (Vec::new(), Vec::new());
        let Some(sockets) = &mut self.sockets else { return (replies, claims) };
        for _ in 0..BATCH {
            match sockets.receive() {
                Ok(Some(one)) => {
                    replies.extend(wire::read(one.packet, one.from, self.mac, one.checksummed).transpose())
                }
                // A port that went down says so once; its link tells of it.
                Ok(None) | Err(_) => break,
            }
        }
        for _ in 0..BATCH {
            match sockets.receive_arp() {
                Ok(Some(one)) => claims.extend(wire::claims(one.packet, self.mac).filter(|_| self.client.probes())),
                Ok(None) | Err(_) => break,
            }
        }
        (replies, claims)
    }

    fn step(&mut self, now: Duration, event: Event<'_>) {
        let before = self.client.lease().cloned();
        let actions = self.client.step(now, random(), event);
        self.unsettled |= self.client.lease() != before.as_ref();
        self.said.extend(self.client.take_said());
        for action in actions {
            let (packet, to) = action.packet(self.mac);
            // One that cannot be sent is sent again, as one that is lost.
            let _ = self.sockets.as_ref().map(|sockets| match action {
                Action::Send(..) => sockets.send(&packet, to),
                Action::Probe(_) => sockets.send_arp(&packet),
            });
        }
    }
}

impl Routers {
    fn attend(&mut self, now: Duration, index: u32) {
        if self.socket.is_none() {
            self.socket = AdvertisementSocket::open(index, self.name).ok();
        }
        let Some(socket) = &mut self.socket else { return };
        for _ in 0..BATCH {
            match socket.receive() {
                Ok(Some(one)) => {
                    if let Some(said) = advertisement::read(one.message, one.from, one.hop_limit) {
                        self.listener.hear(now, one.from, &said);
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        self.listener.expire(now);
        if self.listener.asks(now) {
            // Without a link-local address yet it is asked again.
            let _ = socket.ask(&advertisement::solicitation(self.mac));
        }
    }
}

/// A number that others cannot foretell: a transaction is known by it.
fn random() -> u32 {
    let mut bytes = [0; 4];
    // It does not fail once the kernel has its randomness, which it waits for.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u32::from_ne_bytes(bytes)
}
