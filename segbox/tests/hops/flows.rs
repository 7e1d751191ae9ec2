//! Flows through the router under test, and the way that each of them takes. Not here: which ways there should be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use segbox_lab::udp;

use crate::support::through::{Port, Through};
use crate::support::v6;

/// The longest time that packets take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// Far fewer than the kernel queues per CPU (1,000).
const BURST: usize = 50;

/// A packet of a flow: flows differ by their source addresses, which is what the kernel spreads by (fib_multipath_hash_policy 0).
pub(crate) fn packet(to: IpAddr, flow: u32) -> Vec<u8> {
    let from = match to {
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(v6("2001:db8:a::").to_bits() | u128::from(flow + 1))),
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::new(10, 1, 0, 0).to_bits() | (flow + 1))),
    };
    udp((from, 9), (to, 9), &flow.to_be_bytes())
}

/// Where a packet left the router: its port, and the destination of its outermost IPv6 header (None for IPv4).
pub(crate) type Way = (Port, Option<Ipv6Addr>);

/// The way of each of the flows to an address; None for one that was lost.
pub(crate) fn ways(through: &Through, to: IpAddr, flows: u32) -> Vec<Option<Way>> {
    let ports = [Port::Eth1, Port::Eth2];
    ports.iter().for_each(|port| drop(through.tap(*port).drain().expect("readable")));
    let mut ways = vec![None; flows as usize];
    let all: Vec<u32> = (0..flows).collect();
    for burst in all.chunks(BURST) {
        burst.iter().for_each(|flow| through.send(&packet(to, *flow)));
        let end = Instant::now() + PATIENCE;
        while burst.iter().any(|flow| ways[*flow as usize].is_none()) && Instant::now() < end {
            for port in ports {
                while let Some(captured) = through.tap(port).next(Duration::from_millis(1)).expect("readable") {
                    let packet = captured.frame.packet();
                    let flow = packet.last_chunk().map(|number| u32::from_be_bytes(*number));
                    if let Some(way) = flow.filter(|_| !captured.outgoing).and_then(|flow| ways.get_mut(flow as usize))
                    {
                        *way = Some((port, outer(packet)));
                    }
                }
            }
        }
    }
    ways
}

/// The destination of an IPv6 packet.
fn outer(packet: &[u8]) -> Option<Ipv6Addr> {
    let address: &[u8; 16] = packet.get(24..)?.first_chunk().filter(|_| packet[0] >> 4 == 6)?;
    Some(Ipv6Addr::from(*address))
}

/// How many flows took a way.
pub(crate) fn count(ways: &[Option<Way>], of: impl Fn(Way) -> bool) -> usize {
    ways.iter().filter(|way| way.is_some_and(&of)).count()
}
