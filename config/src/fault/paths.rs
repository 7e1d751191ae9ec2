//! Faults of whole paths: packets that do not fit, and lists that lead nowhere. Not here: finding them ([`crate::resolve`]).

use miette::Diagnostic;

/// A fault of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum PathFault {
    /// The encapsulated packet is longer than the link.
    #[error("packets of more than {inner} bytes are lost: {adds}, {port}, and {need}")]
    #[diagnostic(severity(Warning), code(segbox::no_room), help("{fix}; the routers behind it need as much"))]
    NoRoom {
        /// Bytes that fit.
        inner: u32,
        /// `H.Encaps of 2 segments adds 40 + 8 + 16 * 2 = 80 bytes`
        adds: String,
        /// `eth0 has an MTU of 1500`
        port: String,
        /// `eth1 takes packets of 1500`
        need: String,
        /// `write mtu = 1580 or more under [interface.eth0]`
        fix: String,
    },
    /// Less than IPv6's minimum is left.
    #[error("IPv6 does not work with the {inner} bytes that are left for a packet: {adds}, and {port}")]
    #[diagnostic(
        code(segbox::inner_mtu),
        help(
            "{fix}, so that 1280 are left (RFC 8200 section 5); the routers behind it need as much; or shorten the list"
        )
    )]
    InnerMtu {
        /// Bytes that fit.
        inner: u32,
        /// `H.Encaps of 2 segments adds 40 + 8 + 16 * 2 = 80 bytes`
        adds: String,
        /// `eth0 has an MTU of 1300`
        port: String,
        /// `write mtu = 1360 or more under [interface.eth0]`
        fix: String,
    },
}
