//! The probe at the start of a payload: which packet this is and when it left.

/// First half of the probe's first word. The run's number is the other half.
pub const MAGIC: u32 = 0x5e6b_0000;

/// Length in bytes: magic and run, flow, sequence number, time.
pub const PROBE_LEN: usize = 24;

/// What tells one packet of a stream from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Counts the stream's packets from 0.
    pub sequence: u64,
    /// When it left, in ns of the monotonic clock; 0: not stamped.
    pub time: u64,
    /// Its flow.
    pub flow: u32,
    /// Its target: which of many destinations.
    pub target: u32,
}

/// A probe as read from a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Number of the run that made it.
    pub run: u16,
    /// The packet's flow.
    pub flow: u32,
    /// The packet's number in its stream.
    pub sequence: u64,
    /// When it left, in ns of the monotonic clock; 0: not stamped.
    pub time: u64,
}

impl Probe {
    /// The probe that these six words hold, in the order of the wire; None where there is none.
    #[inline(always)]
    pub fn read(words: &[u32; PROBE_LEN / 4]) -> Option<Self> {
        let word = |place: usize| u32::from_be(words[place]);
        if word(0) & 0xffff_0000 != MAGIC {
            return None;
        }
        Some(Self {
            run: word(0) as u16,
            flow: word(1),
            sequence: u64::from(word(2)) << 32 | u64::from(word(3)),
            time: u64::from(word(4)) << 32 | u64::from(word(5)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_six_words_in_network_order() {
        let words = [MAGIC | 7, 3, 1, 2, 4, 5].map(u32::to_be);
        let probe = Probe { run: 7, flow: 3, sequence: 1 << 32 | 2, time: 4 << 32 | 5 };
        assert_eq!(Probe::read(&words), Some(probe));
        assert_eq!(Probe::read(&[0; 6]), None);
    }
}
