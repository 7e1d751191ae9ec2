//! The leases that are on ports: they outlive the service that asked for them, in a file of the namespace's folder. Not here: asking for them
//! (`segbox-services`), and what a lease may be (`segbox_plan::dhcp`).

use std::collections::BTreeMap;
use std::io;

use segbox_config::{IfName, Mac};
use segbox_linux::netlink::{Ports, TalkError};
use segbox_linux::packet;
use segbox_plan::dhcp::Lease;
use segbox_plan::dhcp::port::changes;
use serde::{Deserialize, Serialize};

use crate::run::folder::Folder;
use crate::run::pending::now;

/// Their file.
pub(crate) const LEASES: &str = "leases.json";

/// A lease that is on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The lease.
    pub lease: Lease,
    /// The hardware address that it was given to.
    pub mac: Mac,
}

/// The leases of a folder. A damaged file is as good as none: the kernel ends the addresses.
pub(crate) fn leases(folder: &Folder) -> BTreeMap<IfName, Noted> {
    folder.read_json(LEASES).ok().flatten().unwrap_or_default()
}

/// Gives back a lease: the server is told, and its address and routes go.
pub(crate) fn end(name: IfName, noted: &Noted) -> Result<(), EndError> {
    let mut ports = Ports::open()?;
    let Some(port) = ports.named(name)? else { return Ok(()) };
    let lease = &noted.lease;
    if port.running && port.mac == Some(noted.mac) && lease.left(now()).is_none_or(|left| !left.is_zero()) {
        let (packet, to) = lease.release(noted.mac, std::process::id()).packet(noted.mac);
        // The server need not hear it: the lease ends there too.
        let _ = packet::send_once(port.index, &packet, to.unwrap_or(lease.server_mac));
    }
    let found = ports.on_port(port.index)?;
    for change in changes(None, 0, now(), &found, &[lease.address]) {
        ports.change(port.index, &change)?;
    }
    Ok(())
}

/// A lease's address or routes could not be removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot take a lease's address and routes away")]
pub(crate) enum EndError {
    /// No socket.
    Socket(#[from] io::Error),
    /// The kernel's answer.
    Talk(#[from] TalkError),
}
