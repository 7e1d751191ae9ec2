//! What the fast path depends on, read from the kernel: the XDP features of links, and what it would go past. Not here: what follows from it
//! (`segbox_plan::fast_path`), and the program's maps (bpf).

mod aside;
mod freshness;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::rule::RuleMessage;
use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_XFRM};
use segbox_config::IfName;
use segbox_plan::fast_path::{Ground, PortSeen};
use segbox_plan::state::{PROTOCOL, XdpSeen};
use segbox_plan::sysctl::of_a_link;

use super::frame::{attributes, text_of, u32_of, u64_of};
use super::generic::{self, family, message};
use super::links::Links;
use super::nft::is_in_use;
use super::nft::uapi::{
    HEADER as NFT_HEADER, NFT_MSG_GETCHAIN, NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_TABLE, NFTA_HOOK_HOOKNUM,
};
use super::reply::TalkError;
use super::socket::{Raw, Socket};
use super::uapi;
use crate::sysctl;

pub use aside::aside;
pub use freshness::{Freshness, News};

/// The family of generic netlink, its command and attributes (include/uapi/linux/netdev.h, Linux 6.3).
const NETDEV: &str = "netdev";
const DEV_GET: u8 = 1;
const DEV_IFINDEX: u16 = 1;
const DEV_XDP_FEATURES: u16 = 3;
/// NETDEV_XDP_ACT_BASIC, _REDIRECT and _NDO_XMIT.
const RUNS: u64 = 1 | 2;
const SENDS: u64 = 4;
/// struct tcmsg and TCA_KIND (include/uapi/linux/rtnetlink.h).
const TC_HEADER: usize = 20;
const TCA_KIND: u16 = 1;
/// XFRM_MSG_GETPOLICY and struct xfrm_userpolicy_id (include/uapi/linux/xfrm.h).
const GET_POLICY: u16 = 0x15;
const POLICY_ID: usize = 64;
/// RTPROT_KERNEL.
const KERNELS_OWN: u8 = 2;
/// NFPROTO_INET, _NETDEV and _IPV6: the families of nf_tables that IPv6 packets meet; NF_INET_LOCAL_IN and _LOCAL_OUT, which forwarded ones do not.
const INET: u8 = 1;
const AT_DEVICES: u8 = 5;
const IPV6: u8 = 10;
const ONLY_LOCAL: [u32; 2] = [1, 3];
const OWN_TABLE: &str = "segbox";
/// What legacy ip6tables has in use here.
const LEGACY: &str = "/proc/thread-self/net/ip6_tables_names";

/// What interfaces can do with XDP, and whose programs they have. `own` are the ids of segbox's. Without the family (before Linux 6.3) none can.
pub(super) fn xdp(links: &Links, own: &BTreeMap<u32, String>) -> BTreeMap<IfName, XdpSeen> {
    let features = features().unwrap_or_default();
    let seen = |id: u32, program: Option<u32>| XdpSeen {
        native: features.get(&id).is_some_and(|features| features & RUNS == RUNS),
        foreign: program.filter(|id| *id != 0 && !own.contains_key(id)),
    };
    let all = links.iter().map(|link| (link.name, seen(link.index, link.xdp)));
    all.filter(|(_, seen)| *seen != XdpSeen::default()).collect()
}

/// The XDP features of each link, by its index.
fn features() -> Result<BTreeMap<u32, u64>, TalkError> {
    let mut socket = Socket::open(NETLINK_GENERIC).map_err(TalkError::Send)?;
    let id = family(&mut socket, NETDEV)?.id;
    let rows = socket.dump(id, &Raw(&message(DEV_GET, [])), |payload| {
        let (mut index, mut features) = (None, 0);
        for (kind, value) in attributes(payload.get(generic::HEADER..)?) {
            match kind {
                DEV_IFINDEX => index = u32_of(value),
                DEV_XDP_FEATURES => features = u64_of(value)?,
                _ => {}
            }
        }
        Some((index?, features))
    })?;
    Ok(rows.into_iter().collect())
}

/// What the ports of the fast path stand on. `attached` are the indexes of those that have its program.
///
/// # Errors
/// The kernel has no netlink, or does not answer.
pub fn ground(attached: &BTreeSet<u32>) -> io::Result<Ground> {
    let mut socket = Socket::open(NETLINK_ROUTE)?;
    let links = Links::read(&mut socket).map_err(io::Error::other)?;
    let features = features().unwrap_or_default();
    let queueing = queueing(&mut socket).map_err(io::Error::other)?;
    let uppers: BTreeSet<u32> = links.iter().map(|link| link.lower).collect();
    let seen = |link: &super::links::LinkRow| PortSeen {
        name: Some(link.name),
        index: link.index,
        mac: link.current.map(|mac| mac.0),
        up: link.up,
        master: link.master,
        has_upper: uppers.contains(&link.index) && !is_peer(&links, link.index),
        attached: attached.contains(&link.index),
        sends: features.get(&link.index).is_some_and(|features| features & SENDS != 0),
        takes_sids: is(link.name, "seg6_enabled", "1"),
        wants_hmac: is(link.name, "seg6_require_hmac", "1"),
        queueing: queueing.get(&link.index).cloned(),
    };
    Ok(Ground {
        links: links.iter().map(seen).collect(),
        other_rules: other_rules(&mut socket).map_err(io::Error::other)?,
        filters: filters().ok(),
        flow_label: sysctl::read("net.ipv6.seg6_flowlabel")?,
    })
}

fn is(link: IfName, name: &str, wanted: &str) -> bool {
    sysctl::read(&of_a_link("ipv6", link, name)).ok().flatten().as_deref() == Some(wanted)
}

/// The ends of a veth pair name each other as what they lie on.
fn is_peer(links: &Links, index: u32) -> bool {
    let lower = |of: u32| links.iter().find(|link| link.index == of).map_or(0, |link| link.lower);
    let uppers = || links.iter().filter(|link| link.lower == index);
    uppers().all(|upper| lower(index) == upper.index)
}

/// Queueing disciplines that somebody has set, by link. Those that the kernel gives by itself have no handle (net/sched/sch_generic.c).
fn queueing(socket: &mut Socket) -> Result<BTreeMap<u32, String>, TalkError> {
    let rows = socket.dump(libc::RTM_GETQDISC, &Raw(&[0; TC_HEADER]), |payload| {
        let (index, handle) = (u32_of(payload.get(4..)?)?, u32_of(payload.get(8..)?)?);
        let (_, kind) = attributes(payload.get(TC_HEADER..)?).find(|(kind, _)| *kind == TCA_KIND)?;
        (handle != 0).then_some((index, text_of(kind)?.to_owned()))
    })?;
    Ok(rows.into_iter().collect())
}

/// How many rules of IPv6 are neither the kernel's nor segbox's.
fn other_rules(socket: &mut Socket) -> Result<usize, TalkError> {
    let mut request = RuleMessage::default();
    request.header.family = AddressFamily::Inet6;
    let of_others = |payload: &[u8]| {
        let protocol = attributes(payload.get(12..)?).find(|(kind, _)| *kind == uapi::FRA_PROTOCOL);
        let protocol = protocol.and_then(|(_, value)| value.first().copied());
        (![Some(KERNELS_OWN), Some(PROTOCOL)].contains(&protocol)).then_some(())
    };
    Ok(socket.dump(libc::RTM_GETRULE, &request, of_others)?.len())
}

/// The hooks of other programs' packet filters that forwarded IPv6 meets, by name.
fn filters() -> Result<Vec<String>, TalkError> {
    let legacy = std::fs::read_to_string(LEGACY).unwrap_or_default();
    let mut found: Vec<String> = legacy.lines().map(|table| format!("ip6tables {table}")).collect();
    found.extend(has_ipsec().then(|| "IPsec, ip xfrm policy".to_owned()));
    // Asking would load the modules.
    if is_in_use() {
        let mut socket = Socket::open(NETLINK_NETFILTER).map_err(TalkError::Send)?;
        found.extend(socket.dump(NFT_MSG_GETCHAIN, &Raw(&[0; NFT_HEADER]), hook)?);
    }
    Ok(found)
}

/// Whether there are policies of IPsec. A kernel without it has no such socket.
fn has_ipsec() -> bool {
    let policies = Socket::open(NETLINK_XFRM).map_err(TalkError::Send);
    let policies = policies.and_then(|mut socket| socket.dump(GET_POLICY, &Raw(&[0; POLICY_ID]), |_| Some(())));
    policies.is_ok_and(|policies| !policies.is_empty())
}

/// A base chain that forwarded IPv6 meets and that is not segbox's.
fn hook(payload: &[u8]) -> Option<String> {
    let (family, rest) = (*payload.first()?, payload.get(NFT_HEADER..)?);
    let find = |wanted| attributes(rest).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let (table, name) = (text_of(find(NFTA_CHAIN_TABLE)?)?, text_of(find(NFTA_CHAIN_NAME)?)?);
    let number = attributes(find(NFTA_CHAIN_HOOK)?).find(|(kind, _)| *kind == NFTA_HOOK_HOOKNUM)?.1;
    let number = u32::from_be_bytes(*number.first_chunk()?);
    let family = match family {
        INET => "inet",
        IPV6 => "ip6",
        AT_DEVICES => "netdev",
        _ => return None,
    };
    let is_met = family == "netdev" || !ONLY_LOCAL.contains(&number);
    (is_met && table != OWN_TABLE).then(|| format!("{family} {table} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::generic::{attributes_of, nest};

    fn chain(family: u8, table: &str, hook: Option<u32>) -> Vec<u8> {
        let text = |text: &str| [text.as_bytes(), b"\0"].concat();
        let mut parts = vec![(NFTA_CHAIN_TABLE, text(table)), (NFTA_CHAIN_NAME, text("forward"))];
        let number = |number: u32| (NFTA_HOOK_HOOKNUM, number.to_be_bytes().to_vec());
        parts.extend(hook.map(|hook| nest(NFTA_CHAIN_HOOK, [number(hook)])));
        [vec![family, 0, 0, 0], attributes_of(parts)].concat()
    }

    #[test]
    fn only_hooks_of_others_that_forwarded_ipv6_meets_count() {
        assert_eq!(hook(&chain(INET, "filter", Some(2))).as_deref(), Some("inet filter forward"));
        assert_eq!(hook(&chain(IPV6, "raw", Some(0))).as_deref(), Some("ip6 raw forward"));
        assert_eq!(hook(&chain(AT_DEVICES, "x", Some(0))).as_deref(), Some("netdev x forward"));
        for none in [
            chain(INET, "filter", None),
            chain(INET, "filter", Some(1)),
            chain(IPV6, "segbox", Some(2)),
            chain(2, "filter", Some(2)),
            Vec::new(),
        ] {
            assert_eq!(hook(&none), None);
        }
    }
}
