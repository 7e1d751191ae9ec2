//! How many errors are handed back: token buckets (RFC 4443, 2.4 (f)), one per sender and one for all. Not here: a clock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A bucket's size, and the tokens that come into it each second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// Errors of one sender. traceroute sends 16 probes at once, three per hop, and a sender needs one Packet Too Big per destination.
const SENDER: Rate = Rate { burst: 50.0, per_second: 20.0 };
/// Errors of all senders.
const ALL: Rate = Rate { burst: 500.0, per_second: 1000.0 };
/// Quotes that are compared with the routing table: each takes some 10 microseconds, so forged ones take 10 % of a CPU at most.
const LOOKUPS: Rate = Rate { burst: 2000.0, per_second: 10_000.0 };
/// Senders that have buckets of their own. All others share one: forged senders use up no memory.
const SENDERS: usize = 4096;
/// Least time between two looks through all senders.
const SWEEP: Duration = Duration::from_secs(1);

/// The buckets.
#[derive(Debug)]
pub struct Limits {
    lookups: Bucket,
    all: Bucket,
    others: Bucket,
    senders: HashMap<IpAddr, Bucket>,
    /// When the senders were looked through for those that no longer need a bucket.
    swept: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limits {
    /// Full buckets.
    pub fn new(now: Instant) -> Self {
        let full = |rate: Rate| Bucket { tokens: rate.burst, at: now };
        Self { lookups: full(LOOKUPS), all: full(ALL), others: full(SENDER), senders: HashMap::new(), swept: now }
    }

    /// Whether another quote may be compared with the routing table.
    pub fn may_look_up(&mut self, now: Instant) -> bool {
        self.lookups.take(LOOKUPS, now)
    }

    /// Whether this sender may get another error.
    pub fn may_send(&mut self, sender: IpAddr, now: Instant) -> bool {
        let sender = block(sender);
        // Not for each forged sender: it takes a while.
        if self.senders.len() >= SENDERS && now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            // A full bucket is as good as none.
            self.senders.retain(|_, bucket| !bucket.is_full(SENDER, now));
        }
        let has_room = self.senders.len() < SENDERS;
        let bucket = match self.senders.get_mut(&sender) {
            Some(bucket) => bucket,
            None if has_room => self.senders.entry(sender).or_insert(Bucket { tokens: SENDER.burst, at: now }),
            None => &mut self.others,
        };
        bucket.take(SENDER, now) && self.all.take(ALL, now)
    }
}

impl Bucket {
    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.tokens = self.filled(rate, now);
        self.at = now;
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }

    fn filled(&self, rate: Rate, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + passed * rate.per_second).min(rate.burst)
    }

    fn is_full(&self, rate: Rate, now: Instant) -> bool {
        self.filled(rate, now) >= rate.burst
    }
}

/// A sender: an IPv4 address, or the /64 of an IPv6 address, all of whose addresses one host may use.
fn block(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_sender_has_a_burst_and_then_its_rate() {
        let begin = Instant::now();
        let mut limits = Limits::new(begin);
        let count = |limits: &mut Limits, at| (0..1000).filter(|_| limits.may_send(sender("2001:db8::1"), at)).count();
        assert_eq!(count(&mut limits, begin), 50);
        assert_eq!(count(&mut limits, begin + Duration::from_secs(1)), 20);
        assert!(!limits.may_send(sender("2001:db8::2"), begin + Duration::from_secs(1)), "the same /64");
        assert!(limits.may_send(sender("2001:db8:0:1::2"), begin + Duration::from_secs(1)), "another /64");
        assert!(limits.may_send(sender("192.0.2.1"), begin + Duration::from_secs(1)));
    }

    #[test]
    fn all_senders_together_have_a_rate_and_forged_ones_take_no_memory() {
        let begin = Instant::now();
        let mut limits = Limits::new(begin);
        let forged = |number: u32| IpAddr::from(number.to_be_bytes());
        let sent = (1..1_000_000).filter(|number| limits.may_send(forged(*number), begin)).count();
        assert_eq!(sent, 500);
        assert!(limits.senders.len() <= SENDERS);
        let later = begin + Duration::from_secs(10);
        assert!(limits.may_send(sender("192.0.2.1"), later), "an honest sender has its turn again");
    }

    #[test]
    fn lookups_are_bounded() {
        let begin = Instant::now();
        let mut limits = Limits::new(begin);
        assert_eq!((0..100_000).filter(|_| limits.may_look_up(begin)).count(), 2000);
        assert!(limits.may_look_up(begin + Duration::from_millis(1)));
    }
}
