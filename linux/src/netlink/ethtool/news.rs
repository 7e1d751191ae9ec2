//! News of cards: a link that comes, goes or changes, a knob that another turned. Not here: what the news mean; whoever hears
//! some looks at everything again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};

use super::super::generic;
use super::super::socket::{Socket, listen};

/// RTNLGRP_LINK (include/uapi/linux/rtnetlink.h).
const LINKS: u32 = 1;
/// Where the family tells what was turned (ETHTOOL_MCGRP_MONITOR_NAME).
const MONITOR: &str = "monitor";

/// Two sockets that become readable when there is news.
pub struct News {
    links: netlink_sys::Socket,
    knobs: Option<netlink_sys::Socket>,
}

impl News {
    /// From now on.
    ///
    /// # Errors
    /// The kernel has no rtnetlink, or no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let group = Socket::open(NETLINK_GENERIC).ok().and_then(|mut socket| {
            let family = generic::family(&mut socket, "ethtool").ok()?;
            family.groups.into_iter().find(|(name, _)| name == MONITOR).map(|(_, group)| group)
        });
        // Without the family there still are the links.
        let knobs = group.map(|group| listen(NETLINK_GENERIC, group)).transpose()?;
        Ok(Self { links: listen(NETLINK_ROUTE, LINKS)?, knobs })
    }

    /// What to wait for.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(&self.links).chain(&self.knobs).map(AsFd::as_fd)
    }

    /// Forgets all news so far; true if there was any. What was lost to a full queue (ENOBUFS) was news as well.
    pub fn hear(&self) -> bool {
        let mut buffer = [0_u8; 8192];
        let mut any = false;
        for socket in std::iter::once(&self.links).chain(&self.knobs) {
            loop {
                match socket.recv(&mut &mut buffer[..], 0) {
                    Ok(_) => any = true,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        any = true;
                        break;
                    }
                }
            }
        }
        any
    }
}
