//! Tries out which attributes of a policy's tunnel the kernel takes: older kernels take any, ignore what they do not know, and say nothing. A route
//! with them is made in a network namespace of its own and read back, so nothing else sees it. Not here: what follows (`segbox_config::kernel`).

use std::net::Ipv6Addr;
use std::thread;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::LinkUnspec;
use rustix::thread::{UnshareFlags, unshare_unsafe};
use segbox_config::{HeadendMode, IfName};
use segbox_plan::route::{Encap, Hop, Route, RouteKey};
use segbox_plan::state::MAIN_TABLE;

use super::encap::Lookup;
use super::socket::Socket;
use super::{device, route};

/// What a policy's tunnel can have beside its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelAttributes {
    /// An outer source address (SEG6_IPTUNNEL_SRC).
    pub source: bool,
    /// A table for the lookup of the encapsulated packet (SEG6_IPTUNNEL_TABLE).
    pub table: bool,
}

/// None where it cannot be tried out: without root's rights, or without SRv6.
pub fn tunnel_attributes() -> Option<TunnelAttributes> {
    // The namespace is that of a thread, and ends with it.
    thread::spawn(in_a_namespace).join().ok().flatten()
}

/// The index of lo: the kernel gives it first.
const LOOPBACK: u32 = 1;

/// The only link of a new namespace.
struct Loopback;

impl Lookup for Loopback {
    fn index(&self, _: IfName) -> Option<u32> {
        Some(LOOPBACK)
    }

    fn program(&self, _: &str) -> Option<std::os::fd::RawFd> {
        None
    }
}

fn in_a_namespace() -> Option<TunnelAttributes> {
    // SAFETY: only the network namespace of this thread changes; no file descriptor table is unshared.
    #[expect(unsafe_code, reason = "rustix marks unshare unsafe for its flag FILES")]
    unsafe {
        unshare_unsafe(UnshareFlags::NEWNET).ok()?;
    }
    let mut socket = Socket::open(netlink_sys::protocols::NETLINK_ROUTE).ok()?;
    device::set(&mut socket, LinkUnspec::new_with_index(LOOPBACK).up()).ok()?;
    let lo = |_: u32| -> IfName { "lo".parse().expect("a name") };
    let own = "fc00::1".parse::<Ipv6Addr>().expect("an address");
    let encap = Encap::Seg6 {
        mode: HeadendMode::Encaps,
        segments: vec![own].into(),
        hmac_key: 0,
        source: Some(own),
        table: Some(MAIN_TABLE),
    };
    let key = RouteKey::of(MAIN_TABLE, "2001:db8::/64".parse().expect("a prefix"), None);
    let tried = Route::from(Hop { interface: Some(lo(LOOPBACK)), encap, ..Hop::default() });
    let message = route::put(&key, &tried, &Loopback).ok()?;
    socket.ask(libc::RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &message).ok()?;
    let found = route::read(&mut socket, &lo).ok()?.remove(&key)?;
    let Encap::Seg6 { source, table, .. } = &found.hops.first()?.encap else { return None };
    Some(TunnelAttributes { source: source.is_some(), table: table.is_some() })
}
