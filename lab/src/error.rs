//! Errors of the laboratory. Nearly all are a missing right, or a kernel without a part that is needed.

use std::io;
use std::net::IpAddr;

/// Why a part of the laboratory cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A network namespace could not be made or entered.
    #[error("network namespace {name}: {doing} (is this root?)")]
    Namespace {
        /// Its name.
        name: String,
        /// The attempted action.
        doing: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
    /// The kernel refused a link, an address or a route.
    #[error("{doing}: {source}")]
    Netlink {
        /// The attempted action and its link.
        doing: String,
        /// The kernel's error.
        source: rtnetlink::Error,
    },
    /// A packet socket failed.
    #[error("packet socket on {interface}: {doing}")]
    Wire {
        /// The interface it is on.
        interface: String,
        /// The attempted action.
        doing: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
    /// A host's socket failed.
    #[error("UDP socket on {address} of {namespace}: {doing}")]
    Socket {
        /// The host.
        namespace: String,
        /// The address it is bound to.
        address: IpAddr,
        /// The attempted action.
        doing: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
    /// A sysctl could not be written.
    #[error("sysctl {name} = {value}")]
    Sysctl {
        /// Its dotted name.
        name: String,
        /// The value that was written.
        value: String,
        /// The kernel's error.
        source: io::Error,
    },
    /// An offload of an interface could not be switched.
    #[error("offload of {interface}")]
    Offload {
        /// The interface.
        interface: String,
        /// The driver's error.
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
