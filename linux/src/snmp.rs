//! The kernel's IPv6 counters of the calling thread's network namespace that tell of lost SRv6 packets (/proc/net/snmp6). Not here:
//! counters of SIDs and links (netlink).

use std::io;

/// A counter: its name in the kernel, and what it tells about SRv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// As in /proc/net/snmp6.
    pub name: &'static str,
    /// The packets that it counts.
    pub counts: &'static str,
}

/// The counters, in the order in which they are shown.
pub const LOSSES: [Counter; 10] = [
    Counter { name: "Ip6InTooBigErrors", counts: "longer than the MTU of the way out, mostly after an encapsulation" },
    Counter {
        name: "Ip6FragFails",
        counts: "longer than a path's MTU, and may not be cut; the same packet may be in Ip6InTooBigErrors",
    },
    Counter { name: "Ip6InNoRoutes", counts: "without a route, such as a first segment that nobody announces" },
    Counter {
        name: "Ip6InAddrErrors",
        counts: "with an address that may not be forwarded, such as a link-local source",
    },
    Counter { name: "Ip6InHdrErrors", counts: "with a hop limit that ended, or a header that the kernel refuses" },
    Counter { name: "Ip6InTruncatedPkts", counts: "shorter than their header says" },
    Counter { name: "Ip6InDiscards", counts: "dropped on the way in, without an error" },
    Counter { name: "Ip6OutNoRoutes", counts: "of this box, without a route" },
    Counter { name: "Ip6OutDiscards", counts: "dropped on the way out, without an error" },
    Counter { name: "Ip6ReasmFails", counts: "fragments to this box that were not put together: no SID does that" },
];

/// The value of each counter of [`LOSSES`]. One that this kernel does not have is left out.
///
/// # Errors
/// There is no /proc.
pub fn losses() -> io::Result<Vec<(Counter, u64)>> {
    Ok(values(&std::fs::read_to_string("/proc/thread-self/net/snmp6")?))
}

fn values(text: &str) -> Vec<(Counter, u64)> {
    let value = |name: &str| {
        let mut rows = text.lines().map(|line| line.split_ascii_whitespace());
        rows.find_map(|mut row| (row.next() == Some(name)).then(|| row.next()?.parse().ok()).flatten())
    };
    LOSSES.iter().filter_map(|counter| Some((*counter, value(counter.name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_rows_that_tell_of_losses() {
        let text = "Ip6InReceives                   \t9\nIp6InTooBigErrors               \t12\nIp6FragFails \t18446744073709551615\nIp6InNoRoutes\n";
        let found: Vec<_> = values(text).iter().map(|(counter, value)| (counter.name, *value)).collect();
        assert_eq!(found, [("Ip6InTooBigErrors", 12), ("Ip6FragFails", u64::MAX)]);
        assert!(values("").is_empty());
    }

    #[test]
    fn this_kernel_has_each_of_them() {
        let found = losses().expect("/proc is there");
        assert_eq!(found.len(), LOSSES.len());
    }
}
