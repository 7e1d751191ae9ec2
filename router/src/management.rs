//! What the service for management ports and the other commands share: the ports of the applied file, and the leases, which outlive the service.
//! Not here: asking for leases (`segbox-services`), and what a lease may be (`segbox_plan::dhcp`).

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;

use ipnet::Ipv6Net;
use segbox_config::model::Learns;
use segbox_config::{Config, IfName};
use segbox_plan::advertisement::{self, Heard};
use segbox_plan::dhcp::{Bounds, Report};
use serde::{Deserialize, Serialize};

use crate::desk::{Service, ask};
use crate::leases::{LEASES, Noted, leases};
use crate::read::Seen;
use crate::run::folder::{Folder, FolderError};
use crate::run::record::{RECORD, Record};

/// A port of the applied file whose addresses come from its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementPort {
    /// How.
    pub learns: Learns,
    /// The table of its routes.
    pub table: u32,
    /// What a lease must leave alone, as far as the file says.
    pub bounds: Bounds,
    /// The SR domain's networks in the same table.
    pub domain: Vec<Ipv6Net>,
}

/// The ports of the applied file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The box's name, for the server.
    pub hostname: Option<String>,
    /// By their names.
    pub ports: BTreeMap<IfName, ManagementPort>,
}

/// How a port is, as the service tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Live {
    /// Its DHCP client.
    pub dhcp: Option<Report>,
    /// What it has heard of routers.
    pub advertisements: Option<Heard>,
    /// What keeps the service from working on it.
    pub trouble: Option<String>,
}

/// All ports, as the service tells them.
pub type LivePorts = BTreeMap<IfName, Live>;

/// Which file was applied last: another one has another stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(u64, i64, i64);

/// The files that the service works with.
#[derive(Debug)]
pub struct Management {
    folder: Folder,
}

impl Management {
    /// Those of the network namespace of the calling thread.
    ///
    /// # Errors
    /// The namespace cannot be told from others.
    pub fn open() -> io::Result<Self> {
        let namespace = segbox_linux::Namespace::current().map_err(io::Error::other)?;
        Ok(Self { folder: Folder::of(namespace) })
    }

    /// The stamp of the last apply; None: nothing is applied.
    pub fn stamp(&self) -> Option<Stamp> {
        let file = std::fs::metadata(self.folder.path(RECORD)).ok()?;
        Some(Stamp(file.ino(), file.mtime(), file.mtime_nsec()))
    }

    /// The ports of the applied file; None where it has faults by now.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn wanted(&self) -> Result<Option<Wanted>, FolderError> {
        let Some(record) = self.folder.read_json::<Record>(RECORD)? else { return Ok(Some(Wanted::default())) };
        // A file of a million policies need not be read where none of it matters here.
        if !["dhcp", "accept-ra"].iter().any(|key| record.text.contains(key)) {
            return Ok(Some(Wanted::default()));
        }
        Ok(record.reading(Seen::default()).ok().map(|reading| Wanted::of(&reading.checked.config)))
    }

    /// The leases that are on ports. A damaged file is as good as none: the kernel ends its addresses.
    pub fn leases(&self) -> BTreeMap<IfName, Noted> {
        leases(&self.folder)
    }

    /// Works on the router while no other process changes it: with the leases, which are written first. None where another process works on it,
    /// or another file was applied since `stamp`.
    ///
    /// # Errors
    /// The leases cannot be written.
    pub fn hold<T>(
        &self,
        stamp: Option<Stamp>,
        leases: &BTreeMap<IfName, Noted>,
        work: impl FnOnce() -> T,
    ) -> Result<Option<T>, FolderError> {
        if stamp.is_none() || self.stamp() != stamp {
            return Ok(None);
        }
        let _lock = match self.folder.lock_within(std::time::Duration::ZERO) {
            Err(FolderError::Busy { .. }) => return Ok(None),
            lock => lock?,
        };
        if self.stamp() != stamp {
            return Ok(None);
        }
        if self.leases() != *leases {
            self.folder.write_json(LEASES, leases)?;
        }
        Ok(Some(work()))
    }
}

impl Wanted {
    /// Those of a file.
    pub(crate) fn of(config: &Config) -> Self {
        let ports = config.interfaces.iter().filter(|(_, port)| port.learns.any());
        let one = |name: IfName, learns: Learns| ManagementPort {
            learns,
            table: Bounds::table(config, name),
            bounds: Bounds::of(config, name),
            domain: advertisement::domain(config, name),
        };
        let ports = ports.map(|(name, port)| (*name, one(*name, port.learns))).collect();
        Self { hostname: config.system.hostname.clone(), ports }
    }
}

/// What nobody does for the ports of a file where no service runs, a line each.
pub(crate) fn unkept(config: &Config) -> Vec<String> {
    let line = |(name, port): (IfName, ManagementPort)| {
        let what = if port.learns.dhcp { "asks for a lease" } else { "reads DNS servers from router advertisements" };
        format!("{name}: nobody {what}, since `segbox keep` does not run here")
    };
    Wanted::of(config).ports.into_iter().map(line).collect()
}

/// What the service tells; None if none runs here.
pub(crate) fn live() -> Option<LivePorts> {
    ask(Service::Management)
}
