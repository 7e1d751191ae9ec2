//! Percentiles and the distribution of latencies, from the sink's buckets.

use std::collections::HashMap;

use segbox_bench_ebpf::{SinkCounts, bucket_bounds};
use serde::{Deserialize, Serialize};

use crate::units::Ns;

/// Times from the generator to the sink.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// Packets that carried a timestamp.
    pub(crate) packets: u64,
    /// The mean.
    pub(crate) mean: Ns,
    /// Median: half of the packets took no longer.
    pub(crate) p50: Ns,
    /// 99 % of the packets took no longer.
    pub(crate) p99: Ns,
    /// 99.9 % of the packets took no longer.
    #[serde(rename = "p99.9")]
    pub(crate) p999: Ns,
    /// The longest.
    pub(crate) max: Ns,
    /// The distribution: latency in ns, and the share of packets that took no longer. At most a few hundred points.
    pub(crate) cdf: Vec<(u64, f64)>,
}

impl Latency {
    /// Computes them from the number of packets in each bucket.
    pub(crate) fn new(buckets: HashMap<u32, u64>, counts: &SinkCounts) -> Self {
        let mut buckets: Vec<_> = buckets.into_iter().collect();
        buckets.sort_unstable();
        let packets: u64 = buckets.iter().map(|(_, count)| count).sum();
        let mut below = 0;
        let cdf: Vec<_> = buckets
            .iter()
            .map(|(bucket, count)| {
                below += count;
                // The last bucket ends at the longest latency.
                (bucket_bounds(*bucket).1.min(counts.latency_max.max(1)), below as f64 / packets as f64)
            })
            .collect();
        let at = |share: f64| {
            let reached = cdf.iter().find(|(_, up_to)| *up_to >= share);
            Ns(reached.map_or(0, |(ns, _)| *ns) as f64)
        };
        Self {
            packets,
            mean: Ns(if packets == 0 { 0.0 } else { counts.latency_sum as f64 / packets as f64 }),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: Ns(counts.latency_max as f64),
            cdf,
        }
    }
}

#[cfg(test)]
mod tests {
    use segbox_bench_ebpf::bucket;

    use super::*;

    #[test]
    fn percentiles_are_within_a_bucket_of_the_truth() {
        let mut buckets = HashMap::new();
        for ns in 1..=100_000_u64 {
            *buckets.entry(bucket(ns)).or_default() += 1;
        }
        let counts = SinkCounts { latency_sum: (1..=100_000).sum(), latency_max: 100_000, ..SinkCounts::default() };
        let latency = Latency::new(buckets, &counts);
        assert_eq!((latency.packets, latency.mean, latency.max), (100_000, Ns(50_000.5), Ns(100_000.0)));
        for (found, truth) in [(latency.p50, 50_000.0), (latency.p99, 99_000.0), (latency.p999, 99_900.0)] {
            assert!(found.0 >= truth && found.0 < truth * 1.04, "{found} and {truth}");
        }
        assert_eq!(latency.cdf.last(), Some(&(100_000, 1.0)));
    }

    #[test]
    fn no_packets_have_no_latency() {
        let latency = Latency::new(HashMap::new(), &SinkCounts::default());
        assert_eq!((latency.packets, latency.p50, latency.max), (0, Ns(0.0), Ns(0.0)));
    }
}
