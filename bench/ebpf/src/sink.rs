//! The sink's counts and samples, and the buckets of its latency histogram. Percentiles are computed by `segbench`.

/// The sink's settings; entry 0 of the map `settings`. User space may change them while the sink runs.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkSettings {
    /// Offset of the probe in bytes, from the start of the Ethernet header. A packet without a probe there is a stray.
    pub probe_at: u32,
    /// Number of the run whose packets count.
    pub run: u32,
    /// A packet is kept as a sample if the hash of its sequence number is below this: 2⁶⁴ / N keeps one in N.
    pub sample_below: u64,
    /// How many strays to keep as samples. The probe's offset is found in them if it is not known.
    pub stray_samples: u64,
}

impl SinkSettings {
    /// Whether the packet with this sequence number is a sample. By hash, so that samples are of all flows.
    #[inline(always)]
    pub fn samples(&self, sequence: u64) -> bool {
        // 2⁶⁴ divided by the golden ratio: consecutive numbers spread evenly.
        sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) < self.sample_below
    }
}

/// The sink's counts on one CPU; entry 0 of the map `counts`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Packets with a probe of this run.
    pub packets: u64,
    /// Their bytes, with the Ethernet header and without the frame check sequence.
    pub bytes: u64,
    /// Packets without one.
    pub strays: u64,
    /// Packets with a smaller sequence number than an earlier packet of the same flow (RFC 4737 section 3).
    pub reordered: u64,
    /// Packets with a timestamp.
    pub stamped: u64,
    /// Sum of their latencies in ns.
    pub latency_sum: u64,
    /// The longest of them in ns.
    pub latency_max: u64,
    /// Samples that found no room in the ring buffer.
    pub samples_lost: u64,
    /// Sequence number of the first packet.
    pub first: u64,
}

impl SinkCounts {
    /// The sum of the counts of two CPUs.
    pub fn merged(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            strays: self.strays + other.strays,
            reordered: self.reordered + other.reordered,
            stamped: self.stamped + other.stamped,
            latency_sum: self.latency_sum + other.latency_sum,
            latency_max: self.latency_max.max(other.latency_max),
            samples_lost: self.samples_lost + other.samples_lost,
            first: match (self.packets, other.packets) {
                (0, _) => other.first,
                (_, 0) => self.first,
                _ => self.first.min(other.first),
            },
        }
    }
}

/// A received packet that the sink has kept.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Length of the frame in bytes.
    pub len: u32,
    /// Length in bytes of what is kept of it: the whole frame, or as much as fits.
    pub kept: u32,
    /// The frame's first bytes.
    pub bytes: [u8; SAMPLE_LEN],
}

/// Longest sample in bytes.
pub const SAMPLE_LEN: usize = 2048;

/// Bits of a latency that count after its first one: 32 buckets for each power of two, so a bucket is 3 % wide.
const FINE: u32 = 5;

/// Buckets of the latency histogram, which covers all 64-bit values.
pub const BUCKETS: usize = ((64 - FINE as usize) + 1) << FINE;

/// The bucket of a latency in ns. Below 32 ns each latency has a bucket for itself.
#[inline(always)]
pub fn bucket(ns: u64) -> u32 {
    if ns < 1 << FINE {
        return ns as u32;
    }
    let power = 63 - ns.leading_zeros() - FINE;
    (power << FINE) + (ns >> power) as u32
}

/// The bounds of a bucket in ns: the lowest latency in it, and the lowest one above it.
pub fn bucket_bounds(bucket: u32) -> (u64, u64) {
    let low = |bucket: u32| {
        let (power, place) = (bucket >> FINE, u64::from(bucket & ((1 << FINE) - 1)));
        match power.checked_sub(1) {
            None => place,
            Some(power) => (place + (1 << FINE)).checked_shl(power).unwrap_or(u64::MAX),
        }
    };
    let end = bucket + 1;
    (low(bucket), if end as usize >= BUCKETS { u64::MAX } else { low(end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_its_bucket_and_buckets_are_narrow() {
        let mut ns = 0_u64;
        while ns < u64::MAX / 3 {
            let bucket = bucket(ns);
            assert!((bucket as usize) < BUCKETS);
            let (low, high) = bucket_bounds(bucket);
            assert!(low <= ns && ns < high, "{ns} in {low}..{high}");
            assert!(high - low <= 1 + low / 32, "{low}..{high}");
            ns += ns / 8 + 1;
        }
        assert_eq!(bucket(u64::MAX) as usize, BUCKETS - 1);
    }

    #[test]
    fn samples_are_as_many_as_asked_for_and_of_all_flows() {
        let settings = SinkSettings { sample_below: u64::MAX / 100, ..SinkSettings::default() };
        let mut flows = [0; 4];
        (0..100_000).filter(|n| settings.samples(*n)).for_each(|n| flows[(n % 4) as usize] += 1);
        assert!(flows.iter().all(|count| (200..300).contains(count)), "{flows:?}");
    }
}
