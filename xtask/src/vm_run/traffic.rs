//! Packets from host A through the machine to host B, fifty per second, from each flow in turn. Counts packets that are sent and that
//! arrive, with any headers. Does not judge: tests do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use segbox_lab::{Namespace, Wire};

use super::scenario::{Flow, MARK};

/// Time between two packets.
const PACE: Duration = Duration::from_millis(20);
/// A packet that has not arrived after this time is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Traffic until the process ends.
pub(super) struct Traffic {
    counts: Arc<Vec<Count>>,
    abouts: Vec<String>,
    /// Counts of sent and arrived packets at some moments of the last seconds.
    moments: Vec<(Instant, Vec<(u64, u64)>)>,
}

#[derive(Default)]
struct Count {
    sent: AtomicU64,
    arrived: AtomicU64,
    /// Packets that were sent before the first one arrived: while the machine booted.
    before: AtomicU64,
}

/// The counts of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fare {
    pub(super) about: String,
    /// Since the first one passed.
    pub(super) sent: u64,
    pub(super) arrived: u64,
    pub(super) lost: u64,
    /// Arrivals per second, lately.
    pub(super) rate: u64,
}

impl Traffic {
    /// Starts it, from host A's `eth0` to the interfaces of host B.
    pub(super) fn start(hosts: &[Namespace; 2], far: &[String], flows: &[Flow]) -> Result<Self, segbox_lab::Error> {
        let counts: Arc<Vec<Count>> = Arc::new(flows.iter().map(|_| Count::default()).collect());
        if !flows.is_empty() {
            let (near, sending) = (Wire::open(&hosts[0], "eth0")?, Arc::clone(&counts));
            let frames: Vec<_> = flows.iter().map(|flow| flow.frame.clone()).collect();
            std::thread::spawn(move || {
                for (frame, count) in frames.iter().zip(sending.iter()).cycle() {
                    // The machine is not ready yet, or has ended.
                    if near.send(frame).is_ok() {
                        count.sent.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::sleep(PACE);
                }
            });
        }
        for interface in far {
            let (wire, receiving) = (Wire::open(&hosts[1], interface)?, Arc::clone(&counts));
            std::thread::spawn(move || {
                while let Ok(captured) = wire.next(PATIENCE) {
                    let captured = captured.filter(|captured| !captured.outgoing);
                    let flow = captured.and_then(|captured| number(captured.frame.packet()));
                    if let Some(count) = flow.and_then(|flow| receiving.get(flow)) {
                        count.arrive();
                    }
                }
            });
        }
        let abouts = flows.iter().map(|flow| flow.about.clone()).collect();
        Ok(Self { counts, abouts, moments: Vec::new() })
    }

    /// Whether packets of every flow have passed.
    pub(super) fn flows(&self) -> bool {
        self.counts.iter().all(|count| count.arrived.load(Ordering::Relaxed) > 3)
    }

    /// Reads the counters; twice per second gives good rates.
    pub(super) fn fares(&mut self, now: Instant) -> Vec<Fare> {
        let counts: Vec<_> = self.counts.iter().map(Count::since_first).collect();
        self.moments.retain(|(at, _)| now - *at < 3 * PATIENCE);
        self.moments.push((now, counts));
        fares(&self.abouts, &self.moments)
    }

    /// All flows in one line.
    pub(super) fn summary(&mut self) -> String {
        let fares = self.fares(Instant::now());
        let one = |fare: &Fare| match fare.arrived {
            0 => format!("none {}", fare.about),
            _ => format!("{} {}, {} lost", fare.arrived, fare.about, fare.lost),
        };
        match &*fares {
            [] => "no packets were sent".to_owned(),
            fares => format!("host B received: {}", fares.iter().map(one).collect::<Vec<_>>().join("; ")),
        }
    }
}

impl Count {
    fn arrive(&self) {
        if self.arrived.fetch_add(1, Ordering::Relaxed) == 0 {
            self.before.store(self.sent.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
    }

    /// Packets sent since the first one arrived, and packets that arrived.
    fn since_first(&self) -> (u64, u64) {
        // In this order a packet that arrives between the two reads is not counted as lost.
        let sent = self.sent.load(Ordering::Relaxed);
        let arrived = self.arrived.load(Ordering::Relaxed);
        let before = if arrived == 0 { sent } else { self.before.load(Ordering::Relaxed) };
        (sent.saturating_sub(before), arrived)
    }
}

/// Rate and loss from the moments of the last seconds; the last moment is now.
fn fares(abouts: &[String], moments: &[(Instant, Vec<(u64, u64)>)]) -> Vec<Fare> {
    let Some((now, counts)) = moments.last() else { return Vec::new() };
    let (first, of_first) = &moments[0];
    // The last moment whose packets have all arrived or are lost by now.
    let settled = moments.iter().rev().find(|(at, _)| *now - *at >= PATIENCE);
    let seconds = (*now - *first).as_secs_f64().max(0.1);
    let each = abouts.iter().zip(counts).enumerate();
    each.map(|(at, (about, (sent, arrived)))| Fare {
        about: about.clone(),
        sent: *sent,
        arrived: *arrived,
        lost: settled.map_or(0, |(_, then)| then[at].0.saturating_sub(*arrived)),
        rate: ((arrived - of_first[at].1) as f64 / seconds).round() as u64,
    })
    .collect()
}

/// The flow of a packet, behind any headers.
fn number(packet: &[u8]) -> Option<usize> {
    let at = packet.windows(MARK.len()).rposition(|window| window == MARK)?;
    std::str::from_utf8(&packet[at + MARK.len()..]).ok()?.trim_end_matches('\0').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_had_its_time_to_arrive_is_lost() {
        let begin = Instant::now();
        let at =
            |milliseconds: u64, sent, arrived| (begin + Duration::from_millis(milliseconds), vec![(sent, arrived)]);
        let abouts = ["plain".to_owned()];
        let moments = [at(0, 100, 98), at(500, 125, 123), at(1000, 150, 148), at(2000, 200, 195)];
        let fare = &fares(&abouts, &moments)[0];
        assert_eq!((fare.sent, fare.arrived, fare.lost, fare.rate), (200, 195, 0, 49));
        let stuck = [at(0, 100, 98), at(1000, 150, 98), at(2000, 200, 98)];
        let fare = &fares(&abouts, &stuck)[0];
        assert_eq!((fare.lost, fare.rate), (52, 0));
        assert!(fares(&[], &[]).is_empty());
    }

    #[test]
    fn a_packet_is_known_by_its_payload() {
        assert_eq!(number(b"\x60 headers segbox flow 2"), Some(2));
        assert_eq!(number(b"\x60 headers"), None);
        assert_eq!(number(b"segbox flow "), None);
    }
}
