//! Prefixes as disjoint spans of addresses: an nf_tables set takes no two intervals that overlap. Not here: what is in a set.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Addresses from `first` to `last`, both included, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The lowest address.
    pub first: IpAddr,
    /// The highest address.
    pub last: IpAddr,
}

impl Span {
    /// The addresses of a prefix.
    pub fn of(net: IpNet) -> Self {
        Self { first: net.network(), last: net.broadcast() }
    }

    /// The prefix that it is, if it is one.
    pub fn net(&self) -> Option<IpNet> {
        let (first, last) = (number(self.first), number(self.last));
        let bits: u8 = if self.first.is_ipv4() { 32 } else { 128 };
        let length = bits - u8::try_from((first ^ last).checked_ilog2().map_or(0, |bit| bit + 1)).unwrap_or(bits);
        IpNet::new(self.first, length).ok().filter(|net| Self::of(*net) == *self)
    }

    /// Whether all of `net` is inside.
    pub(super) fn holds(&self, net: IpNet) -> bool {
        self.first.is_ipv4() == net.addr().is_ipv4() && self.first <= net.network() && net.broadcast() <= self.last
    }
}

/// Shown as the prefix that it is, or as its ends.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.net() {
            Some(net) => write!(f, "{net}"),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The spans of prefixes of one family, as few as possible.
pub(super) fn cover(nets: impl IntoIterator<Item = IpNet>) -> Vec<Span> {
    longest(nets.into_iter().map(|net| (net, ()))).into_iter().map(|(span, ())| span).collect()
}

/// Disjoint spans, each with the value of the longest prefix that it lies in. The prefixes are of one family, each at most once.
pub(super) fn longest<V: Copy + PartialEq>(nets: impl IntoIterator<Item = (IpNet, V)>) -> Vec<(Span, V)> {
    let mut nets: Vec<(u128, u128, bool, V)> = nets
        .into_iter()
        .map(|(net, value)| (number(net.network()), number(net.broadcast()), net.addr().is_ipv4(), value))
        .collect();
    // A prefix comes before those inside it.
    nets.sort_by_key(|(first, last, ..)| (*first, std::cmp::Reverse(*last)));
    let is_ipv4 = nets.first().is_some_and(|(.., is_ipv4, _)| *is_ipv4);
    let mut out: Vec<(u128, u128, V)> = Vec::new();
    let mut emit = |first: u128, last: u128, value: V| match out.last_mut() {
        _ if first > last => {}
        Some((_, end, before)) if *before == value && end.checked_add(1) == Some(first) => *end = last,
        _ => out.push((first, last, value)),
    };
    // The prefixes that hold the address `at`, the longest last; all before `at` is emitted.
    let mut open: Vec<(u128, V)> = Vec::new();
    let mut at = 0_u128;
    for (first, last, _, value) in nets {
        while let Some((end, before)) = open.last().copied().filter(|(end, _)| *end < first) {
            emit(at, end, before);
            at = at.max(end + 1);
            open.pop();
        }
        if let Some((_, before)) = open.last()
            && at < first
        {
            emit(at, first - 1, *before);
        }
        at = first;
        open.push((last, value));
    }
    while let Some((end, before)) = open.pop() {
        emit(at, end, before);
        let Some(next) = end.checked_add(1) else { break };
        at = at.max(next);
    }
    out.into_iter()
        .map(|(first, last, value)| (Span { first: address(first, is_ipv4), last: address(last, is_ipv4) }, value))
        .collect()
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn address(number: u128, is_ipv4: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if is_ipv4 => IpAddr::V4(Ipv4Addr::from(number)),
        _ => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().expect("a prefix")).collect()
    }

    fn shown(spans: &[Span]) -> Vec<String> {
        spans.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn prefixes_inside_others_and_neighbours_become_one_span() {
        let all = nets(&["fc00:0:2:1::/64", "fc00:0:2::/48", "fc00:0:3::/48", "fc00:0:9::7/128"]);
        assert_eq!(shown(&cover(all)), ["fc00:0:2::/47", "fc00:0:9::7/128"]);
        assert_eq!(shown(&cover(nets(&["::/0", "fc00::/16"]))), ["::/0"]);
        assert_eq!(shown(&cover(nets(&["0.0.0.0/0", "10.0.0.0/8"]))), ["0.0.0.0/0"]);
        assert!(cover(Vec::new()).is_empty());
    }

    #[test]
    fn the_longest_prefix_decides() {
        let all = nets(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.255.0.0/16", "192.0.2.0/24"]);
        let found = longest(all.into_iter().zip([1_u16, 2, 3, 4, 5]));
        let shown: Vec<String> = found.iter().map(|(span, value)| format!("{span} {value}")).collect();
        let expected = [
            "10.0.0.0/16 1",
            "10.1.0.0/23 2",
            "10.1.2.0/24 3",
            "10.1.3.0-10.1.255.255 2",
            "10.2.0.0-10.254.255.255 1",
            "10.255.0.0/16 4",
            "192.0.2.0/24 5",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn each_address_has_the_value_that_a_routing_table_would_give_it() {
        let all = nets(&["::/0", "8000::/1", "fc00::/7", "fc00:0:2::/48", "ffff::/16", "ffff:ffff::/32"]);
        let found = longest(all.iter().copied().zip(0_u16..));
        assert!(found.windows(2).all(|pair| pair[0].0.last < pair[1].0.first), "{found:?}");
        for address in
            ["::", "7fff::", "8000::1", "fbff:ffff::", "fc00:0:1:ffff::", "fc00:0:2::1", "fe00::", "ffff:ffff::9"]
        {
            let address: IpAddr = address.parse().expect("an address");
            let by_table =
                (0_u16..).zip(&all).filter(|(_, net)| net.contains(&address)).max_by_key(|(_, net)| net.prefix_len());
            let by_span = found.iter().find(|(span, _)| span.first <= address && address <= span.last);
            assert_eq!(by_table.map(|(value, _)| value), by_span.map(|(_, value)| *value), "{address}");
        }
    }
}
