//! Faults of ports that take their addresses from the network. Not here: finding them (the reader).

use miette::Diagnostic;

use crate::names::IfName;

/// A fault of `dhcp` or `accept-ra`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ManagementFault {
    /// Nobody answers there.
    #[error("`lo` is the loopback interface, and has `{key} = true`")]
    #[diagnostic(
        code(segbox::learns_on_loopback),
        help("no server and no router is behind it: remove `{key}`, or move it to the port of the management network")
    )]
    OnLoopback {
        /// `dhcp` or `accept-ra`.
        key: &'static str,
    },
    /// Addresses and routes of a stranger beside SIDs and policies.
    #[error(
        "`{interface}` has {keys} and is in no VRF, so the routes that it learns are beside those of SIDs and policies"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::learns_beside_srv6),
        help(
            "packets for which this file has no route leave by `{interface}`, and a false router there can draw more of them: add `[vrf.mgmt]` \
             with `table = 1000` and `interfaces = [\"{interface}\"]`"
        )
    )]
    BesideSrv6 {
        /// The port.
        interface: IfName,
        /// `` `dhcp` and `accept-ra` ``.
        keys: String,
    },
}
