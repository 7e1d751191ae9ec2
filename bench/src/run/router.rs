//! The router under test, as its user has it: the segbox command, and what its status says.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use ipnet::Ipv6Net;
use segbox_lab::Namespace;
use serde::Deserialize;

/// Why the router is not what its file says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegboxError {
    /// There is no segbox to be measured.
    #[error("there is no segbox beside segbench ({beside}) nor on the PATH; build it, or name it with --segbox", beside = beside.display())]
    Missing {
        /// Where it was looked for first.
        beside: PathBuf,
    },
    /// It does not start.
    #[error("{path} does not start", path = path.display())]
    Start {
        /// The command.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It refuses the file.
    #[error("segbox {command} fails:\n{said}")]
    Refused {
        /// Which command.
        command: String,
        /// What it says.
        said: String,
    },
    /// Its status is none.
    #[error("segbox status --json is not what segbench understands")]
    Status(#[source] serde_json::Error),
    /// The namespace.
    #[error(transparent)]
    Lab(#[from] segbox_lab::Error),
}

/// The segbox command.
#[derive(Debug, Clone)]
pub(crate) struct Segbox(PathBuf);

impl Segbox {
    /// The one named; else the one beside segbench, else the one on the PATH.
    ///
    /// # Errors
    /// [`SegboxError::Missing`].
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, SegboxError> {
        if let Some(path) = named {
            return Ok(Self(path.to_owned()));
        }
        let beside = std::env::current_exe().unwrap_or_default().with_file_name("segbox");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places =
            std::iter::once(beside.clone()).chain(std::env::split_paths(&path).map(|one| one.join("segbox")));
        places.find(|place| place.is_file()).map(Self).ok_or(SegboxError::Missing { beside })
    }

    /// What `segbox --version` says.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.0).arg("--version").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    }

    /// Makes a namespace the router that a file says.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn apply(&self, router: &Namespace, file: &Path) -> Result<(), SegboxError> {
        self.run(router, [OsStr::new("apply"), file.as_os_str()]).map(drop)
    }

    /// What the router has counted.
    ///
    /// # Errors
    /// [`SegboxError`].
    pub(crate) fn counters(&self, router: &Namespace) -> Result<Counters, SegboxError> {
        let text = self.run(router, ["status".as_ref(), "--json".as_ref()])?;
        Counters::read(&text).map_err(SegboxError::Status)
    }

    fn run<const N: usize>(&self, router: &Namespace, arguments: [&OsStr; N]) -> Result<String, SegboxError> {
        let start = |source| SegboxError::Start { path: self.0.clone(), source };
        let output = router.command(&self.0)?.args(arguments).output().map_err(start)?;
        // 3: something deviates, which the counts will show.
        if matches!(output.status.code(), Some(0 | 3)) {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Err(SegboxError::Refused { command: arguments[0].to_string_lossy().into_owned(), said })
    }
}

/// As much of the status as is needed.
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

/// Counts of a router at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// By SID: packets and errors; None where the kernel does not count.
    sids: BTreeMap<Ipv6Net, Option<(u64, u64)>>,
    /// By link: packets received and sent.
    links: BTreeMap<String, (u64, u64)>,
    /// By link: packets received and dropped before anything was made of them.
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

/// A prefix, or an address as the prefix of itself.
fn prefix(text: &str) -> Option<Ipv6Net> {
    text.parse().ok().or_else(|| text.parse::<Ipv6Addr>().ok().map(Ipv6Net::from))
}

impl Counters {
    /// From what `segbox status --json` prints.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Status>(text).map(Self::from)
    }

    /// Packets and errors of the SIDs within a prefix; None if there are none or they do not count.
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
    /// Counts by hand: SIDs with packets and errors, links with packets received and sent.
    pub(super) fn of<const S: usize, const L: usize>(
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
