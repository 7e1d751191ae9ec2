//! Hands ICMP errors about encapsulated packets back to the hosts that sent them (RFC 2473, section 8). The kernel sends these errors to the
//! outer source, which is this box, and they end there. Not here: reading and writing them (`segbox_plan::icmp_errors`), and sockets
//! (`segbox-linux`).

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use segbox_linux::icmp::{ErrorSender, ErrorSocket, Received};
use segbox_linux::netlink::Steering;
use segbox_plan::icmp_errors::{Arrived, Counts, Limits, Quote, Refused, Unanswered, read};
use segbox_router::desk::{Desk, Service};

/// How long a list of VRFs is good.
const FRESH: Duration = Duration::from_secs(1);
/// Errors that are read before the desk is looked at again.
const BATCH: usize = 64;

/// The service.
pub(crate) struct IcmpErrors {
    socket: ErrorSocket,
    desk: Desk,
    office: Office,
}

/// All but where errors come from.
struct Office {
    steering: Steering,
    sender: ErrorSender,
    limits: Limits,
    counts: Counts,
    /// The devices of the VRFs, and when they were listed.
    vrfs: Option<(Instant, Vec<u32>)>,
}

impl IcmpErrors {
    /// Opens it in the network namespace of the calling thread; None if another process does it there.
    ///
    /// # Errors
    /// A socket cannot be opened.
    pub(crate) fn open() -> io::Result<Option<Self>> {
        let Some(desk) = Desk::open(Service::IcmpErrors)? else { return Ok(None) };
        let office = Office {
            steering: Steering::open()?,
            sender: ErrorSender::open()?,
            limits: Limits::new(Instant::now()),
            counts: Counts::default(),
            vrfs: None,
        };
        Ok(Some(Self { socket: ErrorSocket::open()?, desk, office }))
    }

    /// Works until the process ends. `say` receives a line for the first of each kind of packets that are lost without an answer.
    pub(crate) fn run(mut self, say: &impl Fn(&str)) {
        loop {
            let waiting = [self.socket.as_fd(), self.desk.as_fd()];
            let _ = poll(&mut waiting.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)), None);
            self.desk.serve(&self.office.counts);
            for _ in 0..BATCH {
                match self.socket.receive() {
                    Ok(Some(received)) => self.office.handle(&received, Instant::now(), say),
                    // An error of the socket is about one message (no memory): the next one may be fine.
                    Ok(None) | Err(_) => break,
                }
            }
        }
    }
}

impl Office {
    fn handle(&mut self, received: &Received<'_>, now: Instant, say: &impl Fn(&str)) {
        let Received { from, to, own, message } = *received;
        let quote = match read(Arrived { from, to, own, message }) {
            Ok(Some(quote)) => quote,
            Ok(None) => return,
            Err(why) => return self.counts.refused(why),
        };
        if !self.limits.may_look_up(now) {
            self.counts.rate_limited += 1;
            return;
        }
        let Some(vrf) = self.policy(&quote, now) else { return self.counts.refused(Refused::NoPolicy) };
        let answer = match quote.answer() {
            Ok(answer) => answer,
            Err(why) => {
                self.warn(why, &quote, say);
                return self.counts.unanswered(why);
            }
        };
        if !self.limits.may_send(answer.to, now) {
            self.counts.rate_limited += 1;
            return;
        }
        match self.sender.send(answer.to, answer.from, vrf, &answer.message) {
            Ok(()) => self.counts.handed_back(quote.cause),
            Err(_) => self.counts.not_sent += 1,
        }
    }

    /// Where the policy is that made a packet: the device of a VRF, or None for the main table. None if there is no such policy, or several
    /// VRFs have one, so that the sender's is unknown.
    fn policy(&mut self, quote: &Quote<'_>, now: Instant) -> Option<Option<u32>> {
        if self.steers(quote, None) {
            return Some(None);
        }
        if self.vrfs.as_ref().is_none_or(|(listed, _)| now.duration_since(*listed) > FRESH) {
            self.vrfs = Some((now, self.steering.vrfs().unwrap_or_default()));
        }
        let vrfs = self.vrfs.as_ref().map(|(_, vrfs)| vrfs.clone()).unwrap_or_default();
        let mut fitting = vrfs.into_iter().filter(|vrf| self.steers(quote, Some(*vrf)));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(Some(first))
    }

    /// Whether a policy of this table makes such packets.
    fn steers(&mut self, quote: &Quote<'_>, vrf: Option<u32>) -> bool {
        let source: Option<Ipv6Addr> = match quote.inner.source() {
            IpAddr::V6(source) => Some(source),
            IpAddr::V4(_) => None,
        };
        quote.steered().any(|destination| {
            let tunnels = self.steering.tunnels(destination, source, vrf).unwrap_or_default();
            tunnels.iter().any(|tunnel| quote.fits(tunnel))
        })
    }

    /// Reports the first packet that is lost, whatever its sender does. The counters tell of all others.
    fn warn(&self, why: Unanswered, quote: &Quote<'_>, say: &impl Fn(&str)) {
        let Counts { ipv4_without_df, path_too_narrow, .. } = self.counts;
        let (source, destination) = (quote.inner.source(), quote.inner.destination());
        match why {
            Unanswered::MayFragment if ipv4_without_df == 0 => say(&format!(
                "lost: a packet from {source} to {destination} is too long for its policy, and its sender lets routers cut it \
                 (IPv4 without DF), which Linux cannot do here; give the links of the core a larger MTU"
            )),
            Unanswered::PathTooNarrow if path_too_narrow == 0 => say(&format!(
                "lost: a packet from {source} to {destination} does not fit, and it is as short as it can be; give the links of the \
                 core a larger MTU: 1280 bytes and the headers of the policy"
            )),
            _ => {}
        }
    }
}
