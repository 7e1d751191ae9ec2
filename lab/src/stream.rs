//! Numbered packets through a router while something else is done to it, and which of them came out. Not here: what is done.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{Port, Tester, outline};

/// Size of the number at a packet's end, and of the UDP checksum before it. Packets of one kind differ only in these.
const NUMBER: usize = 4;
const CHECKSUM: usize = 2;
/// Packets per burst: one timer tick apart, and far fewer than the kernel queues per CPU (1,000).
const BURST: u32 = 20;
/// The longest time that a packet takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// A kind of packets: a packet with this number as it is sent, and as it has to leave `eth1`. The number is the last four bytes of both.
pub type Kind = fn(u32) -> (Vec<u8>, Vec<u8>);

/// What became of the packets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Passed {
    /// How many were sent.
    pub sent: u32,
    /// Numbers of those that did not come out.
    pub lost: Vec<u32>,
    /// How many came out more than once.
    pub repeated: usize,
    /// The first one that came out with other bytes.
    pub wrong: Option<String>,
}

impl Passed {
    /// Whether each came out once, as it has to.
    ///
    /// # Errors
    /// What became of them.
    pub fn is_whole(&self) -> Result<(), String> {
        match &self.wrong {
            None if self.lost.is_empty() && self.repeated == 0 => Ok(()),
            wrong => Err(format!(
                "of {} packets {} were lost (the first is number {:?}), {} repeated; wrong: {wrong:?}",
                self.sent,
                self.lost.len(),
                self.lost.first(),
                self.repeated
            )),
        }
    }
}

impl Tester {
    /// Sends packets of these kinds in turn, at most so many per second, while `work` runs. Gives its result, and what became of the
    /// packets.
    ///
    /// # Panics
    /// A tap cannot be read or written.
    pub fn during<T>(&self, kinds: &[Kind], rate: u32, work: impl FnOnce() -> T) -> (T, Passed) {
        drop(self.tap(Port::Eth1).drain());
        let (enough, all) = (AtomicBool::new(false), OnceLock::new());
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| self.send_numbered(kinds, rate, &enough));
            let receiver = scope.spawn(|| self.receive_numbered(kinds, &all));
            // A panic of the work ends both threads too.
            let result = catch_unwind(AssertUnwindSafe(work));
            enough.store(true, Ordering::Relaxed);
            let sent = sender.join().expect("the link is up");
            all.get_or_init(|| sent);
            let (seen, wrong) = receiver.join().expect("the tap is read in time");
            let result = result.unwrap_or_else(|panic| resume_unwind(panic));
            (result, passed(sent, &seen, wrong))
        })
    }

    /// Sends until told to stop; returns the count.
    fn send_numbered(&self, kinds: &[Kind], rate: u32, enough: &AtomicBool) -> u32 {
        let start = Instant::now();
        let mut sent: u32 = 0;
        while !enough.load(Ordering::Relaxed) {
            for _ in 0..BURST {
                self.send(&kinds[sent as usize % kinds.len()](sent).0);
                sent += 1;
            }
            let due = start + Duration::from_secs(1) * sent / rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        sent
    }

    /// The numbers that came out, until all have or the last is overdue; and the first packet with other bytes.
    fn receive_numbered(&self, kinds: &[Kind], all: &OnceLock<u32>) -> (Vec<u32>, Option<String>) {
        let expected: Vec<Vec<u8>> = kinds.iter().zip(0..).map(|(kind, number)| kind(number).1).collect();
        let tap = self.tap(Port::Eth1);
        let (mut seen, mut wrong, mut end) = (Vec::new(), None, None);
        loop {
            while let Some(captured) = tap.next(Duration::from_millis(5)).expect("readable") {
                let packet = captured.frame.packet();
                let Some(number) = packet.last_chunk().map(|number| u32::from_be_bytes(*number)) else { continue };
                let same = packet.len() - NUMBER - CHECKSUM.min(packet.len() - NUMBER);
                if packet.get(..same) == expected[number as usize % kinds.len()].get(..same) {
                    seen.push(number);
                } else if !captured.outgoing && wrong.is_none() {
                    wrong = Some(outline(&captured.frame));
                }
            }
            let Some(sent) = all.get() else { continue };
            let end = *end.get_or_insert_with(|| Instant::now() + PATIENCE);
            if seen.len() >= *sent as usize || Instant::now() > end {
                return (seen, wrong);
            }
        }
    }
}

fn passed(sent: u32, seen: &[u32], wrong: Option<String>) -> Passed {
    let mut times = vec![0_u32; sent as usize];
    for number in seen {
        if let Some(times) = times.get_mut(*number as usize) {
            *times += 1;
        }
    }
    let lost = (0..sent).filter(|number| times[*number as usize] == 0).collect();
    Passed { sent, lost, repeated: times.iter().filter(|times| **times > 1).count(), wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_lost_or_repeated() {
        let whole = passed(3, &[2, 0, 1], None);
        assert_eq!((whole.is_whole(), whole.sent), (Ok(()), 3));
        let some = passed(4, &[0, 2, 2], None);
        assert_eq!((some.lost.as_slice(), some.repeated), (&[1, 3][..], 1));
        assert!(some.is_whole().is_err() && passed(1, &[0], Some("odd".into())).is_whole().is_err());
    }
}
