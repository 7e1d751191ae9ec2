//! A router's counters, read from the output of `segbox status --json`: packets by SID and by link. Runs no command.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use serde::Deserialize;

/// The part of the status that is needed.
#[derive(Debug, Deserialize)]
struct Status {
    sids: Vec<Sid>,
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Sid {
    sid: String,
    packets: Option<u64>,
    errors: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Link {
    name: String,
    rx_packets: u64,
    tx_packets: u64,
    #[serde(default)]
    rx_dropped: u64,
}

/// A router's counters at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// By SID: packets and errors; None if the kernel does not count them.
    sids: BTreeMap<Ipv6Net, Option<(u64, u64)>>,
    /// By link: received and sent packets.
    links: BTreeMap<String, (u64, u64)>,
    /// By link: packets that were received and dropped before they were processed.
    dropped: BTreeMap<String, u64>,
}

impl From<Status> for Counters {
    fn from(status: Status) -> Self {
        let sid = |sid: Sid| Some((prefix(&sid.sid)?, sid.packets.zip(sid.errors)));
        let dropped = status.links.iter().map(|link| (link.name.clone(), link.rx_dropped)).collect();
        let link = |link: Link| (link.name, (link.rx_packets, link.tx_packets));
        Self {
            dropped,
            sids: status.sids.into_iter().filter_map(sid).collect(),
            links: status.links.into_iter().map(link).collect(),
        }
    }
}

/// A prefix, or an address as a prefix of full length.
fn prefix(text: &str) -> Option<Ipv6Net> {
    text.parse().ok().or_else(|| text.parse::<Ipv6Addr>().ok().map(Ipv6Net::from))
}

impl Counters {
    /// Reads the output of `segbox status --json`.
    ///
    /// # Errors
    /// It is not such an output.
    pub(crate) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Status>(text).map(Self::from)
    }

    /// Sum of the packets and of the errors of all SIDs within a prefix; None if there is no such SID, or one does not count.
    pub(crate) fn of_sids(&self, within: &str) -> Option<(u64, u64)> {
        let within = prefix(within)?;
        let mut ours = self.sids.iter().filter(|(sid, _)| within.contains(*sid)).peekable();
        ours.peek()?;
        ours.map(|(_, counted)| *counted)
            .try_fold((0, 0), |(packets, errors), counted| counted.map(|(p, e)| (packets + p, errors + e)))
    }

    /// Whether there is such a link.
    pub(crate) fn has_link(&self, name: &str) -> bool {
        self.links.contains_key(name)
    }

    /// Packets that a link has received and dropped.
    pub(crate) fn dropped(&self, name: &str) -> u64 {
        self.dropped.get(name).copied().unwrap_or_default()
    }

    /// Packets that a link has received and sent.
    pub(crate) fn of_link(&self, name: &str) -> (u64, u64) {
        self.links.get(name).copied().unwrap_or_default()
    }
}

#[cfg(test)]
impl Counters {
    /// Counters of SIDs (packets, errors) and of links (received, sent).
    pub(crate) fn of<const S: usize, const L: usize>(
        sids: [(&str, u64, u64); S],
        links: [(&str, u64, u64); L],
    ) -> Self {
        let sids = sids.map(|(sid, packets, errors)| (prefix(sid).expect("a prefix"), Some((packets, errors))));
        let links = links.map(|(name, received, sent)| (name.to_owned(), (received, sent)));
        Self { sids: sids.into(), links: links.into(), dropped: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_by_sid_and_by_prefix() {
        let text = r#"{"healthy": true, "sids": [
            {"sid": "fc00:0:2:1::/128", "behavior": "End", "packets": 3, "bytes": 9, "errors": 0},
            {"sid": "fc00:0:2:2::/128", "behavior": "End", "packets": 4, "bytes": 9, "errors": 1},
            {"sid": "fc00:1::/128", "behavior": "End", "packets": null, "bytes": null, "errors": null}],
            "links": [{"name": "eth0", "rx-packets": 7, "tx-packets": 1, "mtu": "1500"}]}"#;
        let counters = Counters::read(text).expect("a status");
        assert_eq!(counters.of_sids("fc00:0:2:1::/128"), Some((3, 0)));
        assert_eq!(counters.of_sids("fc00:0:2::/48"), Some((7, 1)));
        assert_eq!(counters.of_sids("fc00:1::/128"), None, "not counted");
        assert_eq!(counters.of_sids("fc00:9::/128"), None, "not there");
        assert_eq!((counters.of_link("eth0"), counters.of_link("eth9")), ((7, 1), (0, 0)));
    }
}
