//! Faults of measured packets, and how they are found: counts that do not agree, and samples that differ from the model.
//! Pure.

use std::fmt;
use std::ops::Range;

use segbox_bench_ebpf::{MAGIC, PROBE_LEN, Probe, SinkCounts};
use segbox_lab::{Frame, outline};

use crate::counters::Counters;
use crate::sink::Sampled;
use crate::traffic::Stream;

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Packets did not arrive.
    Lost { sent: u64, received: u64 },
    /// More arrived than were sent.
    Doubled { sent: u64, received: u64 },
    /// Packets arrived after later packets of their flow.
    Reordered(u64),
    /// All packets arrived, but their total length is wrong.
    Bytes { expected: u64, received: u64 },
    /// A packet differs from the model.
    Wrong(String),
    /// There is no sample to compare.
    NoSample,
    /// A SID has not counted the packets that were sent to it.
    Sid { sid: String, sent: u64, counted: u64, errors: u64 },
    /// A SID has no counters.
    NoCounter(String),
    /// A link has not counted the packets that passed it.
    Link { link: String, passed: u64, counted: u64 },
    /// The box has sent packets that did not arrive: the cable or the tester lost them, not the box.
    Behind { link: String, went_out: u64, received: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { sent, received } => write!(f, "loss: {} of {sent} packets did not arrive", sent - received),
            Self::Doubled { sent, received } => write!(f, "{received} packets arrived, and only {sent} were sent"),
            Self::Reordered(packets) => write!(f, "reordering: {packets} packets arrived after later ones"),
            Self::Bytes { expected, received } => {
                write!(f, "length: {received} bytes arrived, but correct packets have {expected}")
            }
            Self::Wrong(difference) => write!(f, "wrong packet: {difference}"),
            Self::NoSample => write!(f, "no packet could be compared"),
            Self::Sid { sid, sent, counted, errors } => {
                write!(f, "counter: {sent} packets were sent to {sid}, which counted {counted} and {errors} errors")
            }
            Self::NoCounter(sid) => write!(f, "counter: {sid} has no counters"),
            Self::Link { link, passed, counted } => {
                write!(f, "link: {passed} packets passed {link}, which counted {counted}")
            }
            Self::Behind { link, went_out, received } => write!(
                f,
                "behind the box: {went_out} packets left the box's {link} and {received} arrived: the cable or the tester lost \
                 most of the missing packets"
            ),
        }
    }
}

impl Fault {
    /// Number of packets that did not arrive, according to this fault.
    pub(crate) fn lost(&self) -> u64 {
        if let Self::Lost { sent, received } = self { sent - received } else { 0 }
    }

    /// By how many packets a counter is wrong, errors included. The maximum if it has not counted at all.
    pub(crate) fn off_by(&self) -> u64 {
        match self {
            Self::Sid { sent, counted, errors, .. } => sent.abs_diff(*counted).max(*errors),
            Self::Link { passed, counted, .. } => passed.abs_diff(*counted),
            _ => u64::MAX,
        }
    }
}

/// Compares generator and sink.
pub(crate) fn counts(sent: u64, counts: &SinkCounts, bytes: u64) -> Vec<Fault> {
    let received = counts.packets;
    let mut faults = Vec::new();
    match received.cmp(&sent) {
        std::cmp::Ordering::Less => faults.push(Fault::Lost { sent, received }),
        std::cmp::Ordering::Greater => faults.push(Fault::Doubled { sent, received }),
        std::cmp::Ordering::Equal if counts.bytes != bytes => {
            faults.push(Fault::Bytes { expected: bytes, received: counts.bytes });
        }
        std::cmp::Ordering::Equal => {}
    }
    if counts.reordered > 0 {
        faults.push(Fault::Reordered(counts.reordered));
    }
    faults
}

/// Compares a SID's counters with the packets that were sent to it.
pub(crate) fn sid(sid: &str, sent: u64, before: &Counters, after: &Counters) -> Option<Fault> {
    let (Some(before), Some(after)) = (before.of_sids(sid), after.of_sids(sid)) else {
        return Some(Fault::NoCounter(sid.to_owned()));
    };
    let (counted, errors) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    (counted != sent || errors != 0).then(|| Fault::Sid { sid: sid.to_owned(), sent, counted, errors })
}

/// Most packets that a router itself sends while it is measured: multicast reports and neighbour solicitations. The sink
/// counts them too, except those between two measurements.
const KERNEL_TALK: u64 = 16;

/// Compares the counters of the router's links with generator and sink: sent packets went in, and arrived packets came out.
pub(crate) fn links(sent: u64, arrived: u64, before: &Counters, after: &Counters) -> Vec<Fault> {
    let grown = |link: &str| {
        let ((rx, tx), (rx_after, tx_after)) = (before.of_link(link), after.of_link(link));
        (rx_after.saturating_sub(rx), tx_after.saturating_sub(tx))
    };
    let ((rx, _), (_, tx)) = (grown("eth0"), grown("eth1"));
    let mut faults = Vec::new();
    if rx != sent {
        faults.push(Fault::Link { link: "eth0".to_owned(), passed: sent, counted: rx });
    }
    if !(arrived..=arrived + KERNEL_TALK).contains(&tx) {
        faults.push(Fault::Link { link: "eth1".to_owned(), passed: arrived, counted: tx });
    }
    faults
}

/// Offset of a frame's probe in bytes.
pub(crate) fn probe_place(frame: &[u8], run: u16) -> Option<u32> {
    let magic = (MAGIC | u32::from(run)).to_be_bytes();
    frame.windows(4).position(|bytes| bytes == magic).map(|place| place as u32)
}

/// Compares a sample with the model, except for the bytes that the model does not know.
pub(crate) fn sample(
    sample: &Sampled,
    probe_at: u32,
    stream: &Stream,
    unknown: &Range<usize>,
    expect: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), Fault> {
    let got = || outline(&Frame(sample.frame.clone()));
    let Some(probe) = probe(&sample.frame, probe_at) else {
        return Err(Fault::Wrong(format!("it has no probe where one must be: {}", got())));
    };
    let expected = expect(&stream.frame(probe.sequence.into(), probe.time.into()));
    match expected {
        Some(expected)
            if known(&expected, unknown) == known(&sample.frame, unknown) && expected.len() == sample.len as usize =>
        {
            Ok(())
        }
        Some(expected) => {
            let expected = outline(&Frame(expected));
            Err(Fault::Wrong(format!("number {} must be {expected}, but is {}", probe.sequence, got())))
        }
        None => Err(Fault::Wrong(format!("number {} must be dropped, but is {}", probe.sequence, got()))),
    }
}

/// A frame's bytes before and after the unknown ones, and its length.
fn known<'a>(frame: &'a [u8], unknown: &Range<usize>) -> (&'a [u8], &'a [u8], usize) {
    let (start, end) = (unknown.start.min(frame.len()), unknown.end.min(frame.len()));
    (&frame[..start], &frame[end..], frame.len())
}

/// Whether a sample has a probe at this offset.
pub(crate) fn has_probe(sample: &Sampled, at: u32) -> bool {
    probe(&sample.frame, at).is_some()
}

/// Whether a kernel sent this frame to its neighbours: ARP, or IPv6 that no router forwards, because it goes to a link-local
/// group or has a hop limit of 255 (RFC 4861, section 7.1).
pub(crate) fn is_talk(frame: &[u8]) -> bool {
    const ARP: &[u8] = &[0x08, 0x06];
    const IPV6: &[u8] = &[0x86, 0xdd];
    match frame.get(12..14) {
        Some(ARP) => true,
        Some(IPV6) => frame.get(21) == Some(&255) || frame.get(38..40) == Some(&[0xff, 0x02]),
        _ => false,
    }
}

fn probe(frame: &[u8], at: u32) -> Option<Probe> {
    let bytes = frame.get(at as usize..)?.get(..PROBE_LEN)?;
    let mut words = [0; PROBE_LEN / 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    Probe::read(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Inside, Shape, Sizes, Spread};

    fn stream() -> Stream {
        let shape = Shape::Plain {
            from: "2001:db8::1".parse().expect("one"),
            to: "2001:db8::2".parse().expect("one"),
            inside: Inside::Udp,
        };
        let spread = Spread { flows: 2, targets: 1 };
        Stream::new(&shape, ([2; 6], [4; 6]), &Sizes::Payload(64), spread, 3).expect("it fits")
    }

    #[test]
    fn neighbours_talk_is_told_from_packets() {
        let frame = |kind: [u8; 2], hop_limit: u8, to: [u8; 2]| {
            let mut frame = vec![0; 60];
            frame[12..14].copy_from_slice(&kind);
            frame[21] = hop_limit;
            frame[38..40].copy_from_slice(&to);
            frame
        };
        const IPV6: [u8; 2] = [0x86, 0xdd];
        assert!(is_talk(&frame([0x08, 0x06], 0, [0, 0])), "ARP");
        assert!(is_talk(&frame(IPV6, 1, [0xff, 0x02])), "a report of groups (RFC 3810)");
        assert!(is_talk(&frame(IPV6, 255, [0xfe, 0x80])), "a neighbour's advertisement");
        assert!(!is_talk(&frame(IPV6, 63, [0x20, 0x01])));
        assert!(!is_talk(&[0; 10]));
    }

    #[test]
    fn every_difference_of_a_sample_is_seen() {
        let stream = stream();
        let frame = stream.frame(5, 77);
        let at = probe_place(&frame, 3).expect("it has one");
        assert_eq!(at, stream.probe_at);
        let check = |frame: Vec<u8>| {
            sample(&Sampled { len: frame.len() as u32, frame }, at, &stream, &(0..0), |frame| Some(frame.to_vec()))
        };
        assert_eq!(check(frame.clone()), Ok(()));
        for place in 0..frame.len() {
            let mut wrong = frame.clone();
            wrong[place] ^= 1;
            assert!(check(wrong).is_err(), "byte {place}");
        }
        assert!(check(frame[..frame.len() - 1].to_vec()).is_err(), "cut");
        // Unknown bytes may differ, and no others.
        for (place, fine) in [(19, false), (20, true), (21, true), (22, false)] {
            let mut other = frame.clone();
            other[place] ^= 1;
            let other = Sampled { len: other.len() as u32, frame: other };
            let checked = sample(&other, at, &stream, &(20..22), |frame| Some(frame.to_vec()));
            assert_eq!(checked.is_ok(), fine, "byte {place}");
        }
    }

    #[test]
    fn counts_that_do_not_agree_are_named() {
        let fine = SinkCounts { packets: 10, bytes: 100, ..SinkCounts::default() };
        assert_eq!(counts(10, &fine, 100), []);
        assert_eq!(counts(11, &fine, 100), [Fault::Lost { sent: 11, received: 10 }]);
        assert_eq!(counts(9, &fine, 100), [Fault::Doubled { sent: 9, received: 10 }]);
        assert_eq!(counts(10, &fine, 101), [Fault::Bytes { expected: 101, received: 100 }]);
        assert_eq!(counts(10, &SinkCounts { reordered: 2, ..fine }, 100), [Fault::Reordered(2)]);
        assert_eq!(Fault::Lost { sent: 11, received: 10 }.to_string(), "loss: 1 of 11 packets did not arrive");
    }

    const SID: &str = "fc00:0:2:1::/128";

    #[test]
    fn a_sid_must_count_each_packet_and_no_error() {
        let before = Counters::of([(SID, 5, 1)], []);
        let checked = |packets, errors| sid(SID, 10, &before, &Counters::of([(SID, packets, errors)], []));
        let fault = |counted, errors| Some(Fault::Sid { sid: SID.to_owned(), sent: 10, counted, errors });
        assert_eq!(checked(15, 1), None);
        assert_eq!(checked(14, 1), fault(9, 0));
        assert_eq!(checked(16, 1), fault(11, 0));
        assert_eq!(checked(15, 2), fault(10, 1), "an error is a fault even if all packets were counted");
        assert_eq!(checked(3, 0), fault(0, 0), "a counter that has decreased has not counted");
        let gone = sid(SID, 10, &before, &Counters::default());
        assert_eq!(gone, Some(Fault::NoCounter(SID.to_owned())));
    }

    #[test]
    fn links_must_count_what_passed_except_the_routers_own_packets() {
        let before = Counters::of([], [("eth0", 100, 7), ("eth1", 9, 200)]);
        let checked = |received: u64, sent: u64| {
            links(50, 40, &before, &Counters::of([], [("eth0", 100 + received, 7), ("eth1", 9, 200 + sent)]))
        };
        let fault = |link: &str, passed, counted| Fault::Link { link: link.to_owned(), passed, counted };
        assert_eq!(checked(50, 40), []);
        assert_eq!(checked(50, 40 + KERNEL_TALK), []);
        assert_eq!(checked(49, 40), [fault("eth0", 50, 49)]);
        assert_eq!(checked(51, 40), [fault("eth0", 50, 51)], "no other machine sends to it");
        assert_eq!(checked(50, 39), [fault("eth1", 40, 39)]);
        assert_eq!(checked(50, 41 + KERNEL_TALK), [fault("eth1", 40, 41 + KERNEL_TALK)]);
        assert_eq!(checked(0, 0), [fault("eth0", 50, 0), fault("eth1", 40, 0)]);
    }
}
