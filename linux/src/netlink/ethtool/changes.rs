//! Notices that cards changed: a link came, went or changed, or another program turned a knob. Not here: what changed. The caller reads
//! everything again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};

use super::super::generic;
use super::super::socket::{Socket, drain, listen};

/// RTNLGRP_LINK (include/uapi/linux/rtnetlink.h).
const LINKS: u32 = 1;
/// The group in which the family reports each knob that is turned (ETHTOOL_MCGRP_MONITOR_NAME).
const MONITOR: &str = "monitor";

/// Two sockets that become readable when something changed.
pub struct Changes {
    links: netlink_sys::Socket,
    knobs: Option<netlink_sys::Socket>,
}

impl Changes {
    /// Hears of changes from now on.
    ///
    /// # Errors
    /// The kernel has no rtnetlink, or no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let group = Socket::open(NETLINK_GENERIC).ok().and_then(|mut socket| {
            let family = generic::family(&mut socket, "ethtool").ok()?;
            family.groups.into_iter().find(|(name, _)| name == MONITOR).map(|(_, group)| group)
        });
        // A kernel without the family still reports the links.
        let knobs = group.map(|group| listen(NETLINK_GENERIC, &[group])).transpose()?;
        Ok(Self { links: listen(NETLINK_ROUTE, &[LINKS])?, knobs })
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(&self.links).chain(&self.knobs).map(AsFd::as_fd)
    }

    /// Forgets all changes so far; true if there were any. A full queue (ENOBUFS) loses some: it counts as a change too.
    pub fn drain(&self) -> bool {
        let mut any = false;
        for socket in std::iter::once(&self.links).chain(&self.knobs) {
            let mut some = false;
            let lost = drain(socket, |_| some = true);
            any |= some || lost;
        }
        any
    }
}
