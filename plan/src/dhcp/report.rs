//! How the client of a port is, for `status`. Not here: the states themselves (`client`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lease::Lease;

/// The state of a client, by RFC 2131's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The port cannot carry packets.
    NoCarrier,
    /// It waits before it asks anew.
    Pausing,
    /// It asks for offers.
    Selecting,
    /// It has asked for the address of an offer.
    Requesting,
    /// It asks whether the lease from before is still good.
    Rebooting,
    /// It looks whether another station has the address.
    Probing,
    /// The lease is good.
    Bound,
    /// It asks the server for more time.
    Renewing,
    /// It asks any server for more time.
    Rebinding,
}

/// How the client of a port is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Its state.
    pub state: State,
    /// Since when it looks for a lease, since the boot; None where it has one, or has no carrier.
    pub seeks: Option<Duration>,
    /// Why the last message or attempt was no use.
    pub trouble: Option<String>,
    /// Its lease.
    pub lease: Option<Lease>,
}

impl Report {
    /// What is wrong; None where there is a lease that somebody renews.
    pub fn deviation(&self, port: &str, now: Duration) -> Option<String> {
        match (&self.lease, &self.trouble) {
            (Some(lease), Some(trouble)) if self.state == State::Rebinding => {
                let left = lease.left(now).unwrap_or_default().as_secs();
                Some(format!("{port}: the lease of {} ends in {left} s: {trouble}", lease.address))
            }
            (Some(_), _) => None,
            (None, _) if self.state == State::NoCarrier => Some(format!("{port} has no lease: it has no carrier")),
            (None, _) if self.state == State::Probing => {
                Some(format!("{port} has no lease yet: it looks whether another station has the address"))
            }
            (None, Some(trouble)) => Some(format!("{port} has no lease: {trouble}")),
            (None, None) => {
                let seconds = now.saturating_sub(self.seeks.unwrap_or(now)).as_secs();
                Some(format!("{port} has no lease: no server answered in {seconds} s"))
            }
        }
    }
}
