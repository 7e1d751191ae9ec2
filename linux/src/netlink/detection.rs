//! Waits for duplicate address detection (RFC 4862, 5.4). Until it ends, neighbours cannot resolve an address, and packets that need it
//! are lost. Not here: how long to wait, and for which ports.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use segbox_config::IfName;

use super::frame::{attributes, text_of, u8_of, u32_of};
use super::socket::{drain, listen};
use super::{Netlink, ObserveError, observe::in_table, uapi};

/// RTNLGRP_LINK and RTNLGRP_IPV6_IFADDR (include/uapi/linux/rtnetlink.h).
const GROUPS: [u32; 2] = [1, 9];

/// A link, as far as its addresses wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Port {
    index: u32,
    name: IfName,
    /// The link works (IFF_LOWER_UP).
    carrier: bool,
    /// The kernel has taken note of it: the link-local address comes with that (net/core/link_watch.c).
    noted: bool,
}

impl Netlink {
    /// Waits until no address of these ports is in duplicate address detection. Ports without a link are not waited for. Returns the ports
    /// that still wait when the time is over.
    ///
    /// # Errors
    /// The kernel's tables cannot be read, or its notifications not be heard.
    pub fn wait_for_detection(
        &mut self,
        ports: &BTreeSet<IfName>,
        patience: Duration,
    ) -> Result<BTreeSet<IfName>, ObserveError> {
        let end = Instant::now() + patience;
        let mut news = None;
        loop {
            let waiting = self.in_detection(ports)?;
            let left = end.saturating_duration_since(Instant::now());
            if waiting.is_empty() || left.is_zero() {
                return Ok(waiting);
            }
            match &news {
                // What happened before this is found by another look.
                None => {
                    news =
                        Some(listen(NETLINK_ROUTE, &GROUPS).map_err(|source| ObserveError::Notifications { source })?)
                }
                Some(news) => {
                    pause(news, left).map_err(|source| ObserveError::Notifications { source })?;
                }
            }
        }
    }

    fn in_detection(&mut self, ports: &BTreeSet<IfName>) -> Result<BTreeSet<IfName>, ObserveError> {
        let links = self.first().dump(libc::RTM_GETLINK, &LinkMessage::default(), port);
        let links: Vec<Port> = links.map_err(in_table("links"))?;
        let addresses = self.first().dump(libc::RTM_GETADDR, &AddressMessage::default(), tentative);
        let tentative: BTreeSet<u32> = addresses.map_err(in_table("addresses"))?.into_iter().collect();
        let waits = |port: &&Port| port.carrier && (!port.noted || tentative.contains(&port.index));
        let ours = links.iter().filter(|port| ports.contains(&port.name));
        Ok(ours.filter(waits).map(|port| port.name).collect())
    }
}

/// Waits for the next notification, and takes all that are there.
fn pause(news: &netlink_sys::Socket, time: Duration) -> io::Result<()> {
    let mut waiting = [PollFd::from_borrowed_fd(news.as_fd(), PollFlags::IN)];
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut waiting, Some(&time)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    drain(news, |_| {});
    Ok(())
}

/// Reads an RTM_NEWLINK's payload (struct ifinfomsg and attributes).
fn port(payload: &[u8]) -> Option<Port> {
    let index = u32_of(payload.get(4..)?)?;
    let flags = u32_of(payload.get(8..)?)?;
    let (mut name, mut state) = (None, 0);
    for (attribute, value) in attributes(payload.get(16..)?) {
        match attribute {
            libc::IFLA_IFNAME => name = text_of(value).and_then(|text| text.parse().ok()),
            libc::IFLA_OPERSTATE => state = u8_of(value)?,
            _ => {}
        }
    }
    let is = |flag: libc::c_int| flags & flag.cast_unsigned() != 0;
    // A dormant link (IEEE 802.1X) may wait for ever.
    let noted = is(libc::IFF_RUNNING) || state == uapi::IF_OPER_DORMANT;
    Some(Port { index, name: name?, carrier: is(libc::IFF_UP) && is(uapi::IFF_LOWER_UP), noted })
}

/// Reads an RTM_NEWADDR's payload (struct ifaddrmsg and attributes): the index of its link, if the address is in detection.
fn tentative(payload: &[u8]) -> Option<u32> {
    let &[family, _, short, _, ..] = payload else { return None };
    let index = u32_of(payload.get(4..)?)?;
    let mut flags = u32::from(short);
    for (attribute, value) in attributes(payload.get(8..)?) {
        if attribute == uapi::IFA_FLAGS {
            flags = u32_of(value)?;
        }
    }
    // An optimistic address works during its detection (RFC 4429), a duplicate one never.
    let is = |flag| flags & flag != 0;
    let waits = is(libc::IFA_F_TENTATIVE) && !is(libc::IFA_F_DADFAILED | libc::IFA_F_OPTIMISTIC);
    (i32::from(family) == libc::AF_INET6 && waits).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_in_detection_is_waited_for() {
        let of = |family: i32, flags: u32| {
            let mut payload = vec![u8::try_from(family).expect("small"), 64, 0, 0, 7, 0, 0, 0];
            payload.extend(8_u16.to_ne_bytes());
            payload.extend(uapi::IFA_FLAGS.to_ne_bytes());
            payload.extend(flags.to_ne_bytes());
            tentative(&payload)
        };
        assert_eq!(of(libc::AF_INET6, libc::IFA_F_TENTATIVE | libc::IFA_F_PERMANENT), Some(7));
        for flags in [
            libc::IFA_F_PERMANENT,
            libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED,
            libc::IFA_F_TENTATIVE | libc::IFA_F_OPTIMISTIC,
        ] {
            assert_eq!(of(libc::AF_INET6, flags), None, "{flags:x}");
        }
        assert_eq!(of(libc::AF_INET, libc::IFA_F_TENTATIVE), None);
    }

    #[test]
    fn never_stumbles_over_a_truncated_row() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in 0..whole.len() {
            tentative(&whole[..length]);
            port(&whole[..length]);
        }
    }
}
