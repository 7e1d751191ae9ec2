//! Routes that hang on a device which does not matter to their packets. Not here: making the device (`desired`).

use std::net::IpAddr;

use segbox_config::IfName;

use crate::hop::{Encap, Hop};
use crate::route::Route;
use crate::state::ANCHOR;

/// The device of SIDs and policies for which the file names none.
pub(crate) fn anchor() -> IfName {
    ANCHOR.parse().expect("a name")
}

/// A route with a tunnel: on the device the file names, else on the anchor.
pub(crate) fn hanging(interface: Option<IfName>, via: Option<IpAddr>, encap: Encap) -> Route {
    Hop { interface: Some(interface.unwrap_or_else(anchor)), via, encap, ..Hop::default() }.into()
}
