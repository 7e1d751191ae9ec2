//! What can go wrong in the laboratory: nearly always a missing right, or a kernel without the part asked for.

use std::io;
use std::net::IpAddr;

/// Why a part of the laboratory could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A network namespace could not be made or entered.
    #[error("network namespace {name}: {doing} (is this root?)")]
    Namespace {
        /// Its name.
        name: String,
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a link, an address or a route.
    #[error("{doing}: {source}")]
    Netlink {
        /// What was tried, on what.
        doing: String,
        /// What the kernel said.
        source: rtnetlink::Error,
    },
    /// A packet socket failed.
    #[error("packet socket on {interface}: {doing}")]
    Wire {
        /// The interface it is on.
        interface: String,
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A host's own socket failed.
    #[error("UDP socket on {address} of {namespace}: {doing}")]
    Socket {
        /// The host.
        namespace: String,
        /// The address it is bound to.
        address: IpAddr,
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A sysctl could not be written.
    #[error("sysctl {name} = {value}")]
    Sysctl {
        /// Its dotted name.
        name: String,
        /// The value it should have got.
        value: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// An offload of an interface could not be switched.
    #[error("offload of {interface}")]
    Offload {
        /// The interface.
        interface: String,
        /// What the driver said.
        source: io::Error,
    },
    /// There is no such interface in the namespace.
    #[error("{namespace} has no interface {interface}")]
    NoInterface {
        /// Where it was looked for.
        namespace: String,
        /// Its name.
        interface: String,
    },
}
