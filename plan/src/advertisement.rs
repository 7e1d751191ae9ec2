//! Router advertisements (RFC 4861): the kernel makes addresses and routes of them, and here DNS servers are read (RFC 8106), and what a false
//! router would draw away. Pure: bytes and times in. Not here: the socket (`linux`).

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::Duration;

use ipnet::Ipv6Net;
use segbox_config::{Config, IfName, Mac};
use serde::{Deserialize, Serialize};

use crate::dhcp::{Bounds, name};
use crate::state::MAIN_TABLE;

/// How often a router is asked for, and the time from one question to the next (RFC 4861, section 10).
const SOLICITATIONS: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(4);
/// The most servers, domains, routers and prefixes that are remembered of a port.
const MOST: usize = 8;

/// Types of ICMPv6 and of its options.
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const SOURCE_LINK_ADDRESS: u8 = 1;
const PREFIX: u8 = 3;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;
/// The prefix is on the link.
const ON_LINK: u8 = 0x80;

/// The message that asks for routers.
pub fn solicitation(mac: Mac) -> [u8; 16] {
    let mut message = [0; 16];
    message[0] = SOLICITATION;
    (message[8], message[9]) = (SOURCE_LINK_ADDRESS, 1);
    message[10..].copy_from_slice(&mac.0);
    message
}

/// What a router says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// How long it is a default router.
    lifetime: Duration,
    dns: Vec<(Ipv6Addr, Duration)>,
    search: Vec<(String, Duration)>,
    /// Networks that it says are on the link.
    nets: Vec<(Ipv6Net, Duration)>,
}

/// Reads a message, from its type on; None for one that a host must ignore (RFC 4861, 6.1.2).
pub fn read(message: &[u8], from: Ipv6Addr, hop_limit: u8) -> Option<Advertisement> {
    let (head, mut rest) = message.split_first_chunk::<16>()?;
    if head[..2] != [ADVERTISEMENT, 0] || hop_limit != 255 || !from.is_unicast_link_local() {
        return None;
    }
    let mut said = Advertisement {
        lifetime: Duration::from_secs(u16::from_be_bytes([head[6], head[7]]).into()),
        ..Advertisement::default()
    };
    while let &[kind, length, ..] = rest {
        let length = usize::from(length) * 8;
        let option = rest.get(..length).filter(|_| length > 0)?;
        said.option(kind, option);
        rest = &rest[length..];
    }
    rest.is_empty().then_some(said)
}

impl Advertisement {
    /// Takes an option; one that is too short is nothing.
    fn option(&mut self, kind: u8, option: &[u8]) {
        let time = |at: usize| -> Option<Duration> {
            let bytes = option.get(at..)?.first_chunk::<4>()?;
            Some(Duration::from_secs(u32::from_be_bytes(*bytes).into()))
        };
        let Some(lifetime) = time(4) else { return };
        match kind {
            RDNSS => {
                let (servers, _) = option[8..].as_chunks::<16>();
                self.dns.extend(servers.iter().map(|one| (Ipv6Addr::from(*one), lifetime)));
            }
            DNSSL => self.search.extend(name::list(&option[8..]).into_iter().map(|name| (name, lifetime))),
            PREFIX if option.len() == 32 && option[3] & ON_LINK != 0 => {
                let prefix: [u8; 16] = option[16..].try_into().expect("it has 32 bytes");
                self.nets.extend(Ipv6Net::new(prefix.into(), option[2]).ok().map(|net| (net.trunc(), lifetime)));
            }
            _ => {}
        }
    }
}

/// What a port has heard of routers.
#[derive(Debug, Default)]
pub struct Listener {
    /// When the next question is due, and how many are left.
    asks: Option<(Duration, u32)>,
    routers: BTreeMap<Ipv6Addr, Duration>,
    dns: BTreeMap<Ipv6Addr, Duration>,
    search: BTreeMap<String, Duration>,
    nets: BTreeMap<Ipv6Net, Duration>,
}

/// What `status` shows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Heard {
    /// Default routers.
    pub routers: Vec<Ipv6Addr>,
    /// Servers of names.
    pub dns: Vec<Ipv6Addr>,
    /// Domains that names are looked up in.
    pub search: Vec<String>,
    /// Networks that lie in the SR domain: packets for it would go to the link.
    pub drawn: Vec<String>,
}

impl Listener {
    /// The port can carry packets: routers are asked for.
    pub fn up(&mut self, now: Duration) {
        self.asks = Some((now, SOLICITATIONS));
    }

    /// It no longer can.
    pub fn down(&mut self) {
        self.asks = None;
    }

    /// Whether routers are to be asked for now.
    pub fn asks(&mut self, now: Duration) -> bool {
        let Some((due, left)) = self.asks.filter(|(due, _)| *due <= now) else { return false };
        self.asks = (left > 1).then_some((due + INTERVAL, left - 1));
        true
    }

    /// When time matters next.
    pub fn due(&self) -> Option<Duration> {
        let ends = self.routers.values().chain(self.dns.values()).chain(self.search.values()).chain(self.nets.values());
        ends.copied().chain(self.asks.map(|(due, _)| due)).min()
    }

    /// A router has spoken.
    pub fn hear(&mut self, now: Duration, from: Ipv6Addr, said: &Advertisement) {
        self.asks = None;
        note(&mut self.routers, now, [(from, said.lifetime)]);
        note(&mut self.dns, now, said.dns.iter().copied().filter(|(one, _)| is_host(*one)));
        note(&mut self.search, now, said.search.iter().cloned());
        note(&mut self.nets, now, said.nets.iter().copied());
    }

    /// Forgets what is over.
    pub fn expire(&mut self, now: Duration) {
        self.routers.retain(|_, until| *until > now);
        self.dns.retain(|_, until| *until > now);
        self.search.retain(|_, until| *until > now);
        self.nets.retain(|_, until| *until > now);
    }

    /// What was heard and is good. `domain` are the SR domain's networks in the port's table.
    pub fn report(&self, domain: &[Ipv6Net]) -> Heard {
        let of =
            |net: &Ipv6Net| domain.iter().find(|one| one.contains(net) || net.contains(*one)).map(|one| (*net, *one));
        let drawn = self.nets.keys().filter_map(of);
        Heard {
            routers: self.routers.keys().copied().collect(),
            dns: self.dns.keys().copied().collect(),
            search: self.search.keys().cloned().collect(),
            drawn: drawn
                .map(|(net, one)| format!("{net} is announced as on the link, and overlaps {one} of the SR domain"))
                .collect(),
        }
    }
}

/// Takes note of what was said; a lifetime of 0 takes it back.
fn note<K: Ord>(known: &mut BTreeMap<K, Duration>, now: Duration, said: impl IntoIterator<Item = (K, Duration)>) {
    for (key, lifetime) in said {
        if lifetime.is_zero() {
            known.remove(&key);
        } else if known.len() < MOST || known.contains_key(&key) {
            known.insert(key, now + lifetime);
        }
    }
}

fn is_host(address: Ipv6Addr) -> bool {
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
}

/// The SR domain's networks that a port's routers could draw packets away from: none where the port is in a VRF.
pub fn domain(config: &Config, port: IfName) -> Vec<Ipv6Net> {
    if Bounds::table(config, port) != MAIN_TABLE {
        return Vec::new();
    }
    config.domain.blocks.iter().copied().chain(config.domain.locator).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn message(lifetime: u16, options: &[u8]) -> Vec<u8> {
        let mut message = vec![134, 0, 0, 0, 64, 0];
        message.extend(lifetime.to_be_bytes());
        message.extend([0; 8]);
        message.extend(options);
        message
    }

    fn server(last: u8, lifetime: u8) -> Vec<u8> {
        let mut option = vec![25, 3, 0, 0, 0, 0, 0, lifetime];
        option.extend(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).octets());
        option
    }

    #[test]
    fn servers_come_stay_for_their_time_and_are_taken_back() {
        let search = [&[31, 3, 0, 0, 0, 0, 0, 20][..], b"\x03lab\x07example\x00\x00\x00\x00"].concat();
        let prefix = [&[3, 4, 64, 0xc0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0xfc][..], &[0; 15]].concat();
        let whole = message(1800, &[server(53, 10), server(54, 30), search, prefix].concat());
        let mut port = Listener::default();
        port.up(at(1));
        assert!(port.asks(at(1)) && !port.asks(at(2)));
        port.hear(at(2), ROUTER, &read(&whole, ROUTER, 255).expect("sound"));
        assert!(!port.asks(at(100)), "a router has answered");
        let heard = port.report(&["fc00::/16".parse().expect("a prefix")]);
        assert_eq!((heard.routers, heard.dns.len(), heard.search), (vec![ROUTER], 2, vec!["lab.example".to_owned()]));
        assert_eq!(heard.drawn, ["fc00::/64 is announced as on the link, and overlaps fc00::/16 of the SR domain"]);
        assert_eq!(port.due(), Some(at(12)));
        port.expire(at(12));
        assert_eq!(port.report(&[]).dns.len(), 1);
        port.hear(at(13), ROUTER, &read(&message(0, &server(54, 0)), ROUTER, 255).expect("sound"));
        let heard = port.report(&[]);
        assert_eq!((heard.routers.len(), heard.dns.len(), heard.drawn.len()), (0, 0, 0));
    }

    #[test]
    fn three_questions_are_asked_and_no_more() {
        let mut port = Listener::default();
        port.up(at(1));
        let asked = (1..100).filter(|second| port.asks(at(*second))).collect::<Vec<_>>();
        assert_eq!(asked, [1, 5, 9]);
    }

    #[test]
    fn what_a_host_must_ignore_is_nothing_and_no_message_stumbles() {
        let whole = message(1800, &server(53, 10));
        assert!(read(&whole, ROUTER, 255).is_some());
        assert_eq!(read(&whole, ROUTER, 254), None);
        assert_eq!(read(&whole, "2001:db8::1".parse().expect("an address"), 255), None);
        assert_eq!(read(&message(1800, &[25, 0, 0, 0, 0, 0, 0, 9]), ROUTER, 255), None, "an option without a length");
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length], ROUTER, 255).is_some(), length == 16, "{length}");
        }
        let mut many = Listener::default();
        for last in 0..100 {
            many.hear(at(1), ROUTER, &read(&message(9, &server(last, 10)), ROUTER, 255).expect("sound"));
        }
        assert_eq!(many.report(&[]).dns.len(), MOST);
    }
}
