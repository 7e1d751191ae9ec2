//! What a server said that cannot be taken: of a whole message ([`Lie`]), or of a part of a lease ([`Remark`]). Each has its own words.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use segbox_config::IfName;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// Longer than the client takes.
    Huge,
    /// An option is longer than the rest of the message, or there is no end.
    CutOff,
    /// No kind, or one that no server sends.
    NoKind,
    /// Another transaction's.
    Transaction,
    /// No server identifier, or 0.0.0.0.
    NoServer,
    /// An answer of another server than the one that was asked.
    OtherServer(Ipv4Addr),
    /// No lease time.
    NoTime,
    /// A lease of no time.
    ZeroTime,
    /// A lease that would be asked for again all the time.
    ShortTime(u32),
    /// An address that no host has.
    Unusable(Ipv4Addr, &'static str),
    /// No subnet mask.
    NoMask,
    /// Ones behind zeroes.
    NotAPrefix(Ipv4Addr),
    /// So short that other networks are in it.
    TooWide(u8),
    /// The network's own address, or its broadcast address.
    OfTheNet(Ipv4Net, &'static str),
    /// Another interface has it.
    Taken(Ipv4Addr, IfName),
    /// Its network overlaps another interface's.
    Overlaps(Ipv4Net, Ipv4Net, IfName),
    /// Its network is in what the file steers.
    Steered(Ipv4Net, Ipv4Net),
    /// The acknowledged address is not the one that was asked for.
    OtherAddress(Ipv4Addr),
}

impl std::fmt::Display for Lie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Huge => write!(f, "it is longer than the {} bytes that were asked for at most", super::LONGEST),
            Self::CutOff => write!(f, "its options are cut off"),
            Self::NoKind => write!(f, "it does not say which kind of message it is"),
            Self::Transaction => write!(f, "it answers another request (a wrong transaction id)"),
            Self::NoServer => write!(f, "it does not say which server it is from (no server identifier)"),
            Self::OtherServer(server) => write!(f, "it is from {server}, and another server was asked"),
            Self::NoTime => write!(f, "it does not say how long the lease is good"),
            Self::ZeroTime => write!(f, "its lease is good for 0 s"),
            Self::ShortTime(seconds) => {
                write!(f, "its lease is good for {seconds} s, and {} s are the least", super::LEAST_TIME)
            }
            Self::Unusable(address, what) => write!(f, "its address {address} is {what}"),
            Self::NoMask => write!(f, "it has no subnet mask"),
            Self::NotAPrefix(mask) => write!(f, "its subnet mask {mask} is no prefix"),
            Self::TooWide(length) => write!(f, "its subnet mask has {length} bits, and 8 are the least"),
            Self::OfTheNet(net, what) => write!(f, "its address {} is the {what} of its network", net.addr()),
            Self::Taken(address, port) => write!(f, "its address {address} is that of {port}"),
            Self::Overlaps(net, other, port) => {
                write!(f, "its network {} overlaps {other} of {port}", net.trunc())
            }
            Self::Steered(net, other) => {
                write!(f, "its network {} would draw packets away from the policy for {other}", net.trunc())
            }
            Self::OtherAddress(address) => write!(f, "it gives {address}, and another address was asked for"),
        }
    }
}

/// A part of a lease that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A router that is not on the link.
    RouterOutside(Ipv4Addr),
    /// A route by a gateway that is not on the link.
    GatewayOutside(Ipv4Net, Ipv4Addr),
    /// A route to an address that no packet is forwarded to.
    NoDestination(Ipv4Net),
    /// A route that would draw packets away from another interface.
    RouteOverlaps(Ipv4Net, Ipv4Net, IfName),
    /// A route that would draw packets away from a policy.
    RouteSteered(Ipv4Net, Ipv4Net),
    /// More than a lease needs.
    TooManyRoutes(usize),
    /// Routes that cannot be read.
    RoutesCutOff,
    /// An MTU that IPv6 does not run over, or that is longer than the link's.
    Mtu(u32),
    /// A server of names that is no host.
    NotAServer(Ipv4Addr),
    /// Times of renewal that are not in their order.
    Times,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RouterOutside(router) => write!(f, "the router {router} is left out: it is not on the link"),
            Self::GatewayOutside(net, via) => {
                write!(f, "the route to {net} is left out: its gateway {via} is not on the link")
            }
            Self::NoDestination(net) => write!(f, "the route to {net} is left out: no packet is forwarded there"),
            Self::RouteOverlaps(net, other, port) => {
                write!(f, "the route to {net} is left out: it would draw packets away from {other} of {port}")
            }
            Self::RouteSteered(net, other) => {
                write!(f, "the route to {net} is left out: it would draw packets away from the policy for {other}")
            }
            Self::TooManyRoutes(count) => write!(f, "{count} routes are left out: {} are the most", super::MOST_ROUTES),
            Self::RoutesCutOff => write!(f, "the classless routes are left out: they cannot be read"),
            Self::Mtu(mtu) => write!(f, "the MTU of {mtu} is left out: it is below 1280"),
            Self::NotAServer(server) => write!(f, "the server {server} is left out: it is no host"),
            Self::Times => write!(f, "the times of renewal are left out: they are not in their order"),
        }
    }
}
