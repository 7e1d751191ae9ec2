//! A client of DHCP for IPv4 (RFC 2131): messages ([`wire`]), what a server may say ([`Lease`]), and the states of a port ([`Client`]).
//!
//! Everything is pure: bytes and times in, bytes and a wanted lease out. A server's word changes nothing but the port's address, its routes and
//! its DNS servers, and each lie has its own words ([`Lie`]). Not here: sockets (`linux`), and what the kernel has (`services`).

mod client;
#[cfg(test)]
mod client_tests;
mod lease;
#[cfg(test)]
mod lease_tests;
mod lie;
pub(crate) mod name;
mod options;
/// What a lease puts on its port.
pub mod port;
mod report;
/// Messages as bytes.
pub mod wire;

pub use client::{Action, Client, Event};
pub use lease::{Bounds, Lease, Route};
pub use lie::{Lie, Remark};
pub use report::{Report, State};

/// The metric of a lease's routes. It lets each route of the file and of routing daemons to the same destination go first: without a metric
/// IPv6 has 1024 and IPv4 has 0, and FRR has 20.
pub const METRIC: u32 = 4096;

/// RTPROT_DHCP (include/uapi/linux/rtnetlink.h): the protocol of a lease's routes, and the IFA_PROTO of its address.
pub const PROTOCOL: u8 = 16;

/// The longest packet that is read, in bytes: no server sends more than the client says that it takes (option 57).
pub const LONGEST: usize = 1500;

/// The shortest lease that is taken, in seconds: looking for another station with its address takes one.
const LEAST_TIME: u32 = 5;

/// The most routes of a lease.
const MOST_ROUTES: usize = 32;

/// Reads bytes as everything that a stranger may send to a management port. For the fuzzer, which searches for panics.
#[doc(hidden)]
pub fn read_anything(bytes: &[u8]) {
    let mac = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<6>()).map(|mac| segbox_config::Mac(*mac));
    // The client's hardware address, behind the headers of IPv4 and UDP.
    let own = mac(56).unwrap_or(segbox_config::Mac([0; 6]));
    wire::claims(bytes, own);
    if let Ok(Some(reply)) = wire::read(bytes, own, own, false) {
        let _ = reply.options.said();
        if let Ok(lease) = Lease::read(&reply, std::time::Duration::ZERO, &Bounds::default()) {
            assert!(lease.routes.len() <= MOST_ROUTES + 1 && lease.renews <= lease.rebinds);
        }
    }
    crate::advertisement::read(bytes, std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 255);
}
