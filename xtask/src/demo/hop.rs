//! Describes a router's treatment of a packet in a few words: the SID or policy, which the router itself names, and the effect,
//! which shows in the packet before and after. Does not read the demo's files.

use std::net::IpAddr;

use ipnet::IpNet;
use segbox_lab::expect::{Packet, Srh, protocol};

use super::network::Network;
use super::screen::count;

/// Type of a TLV that only aligns (RFC 8754 section 2.1.1.2).
const PADN: u8 = 4;

/// The SID or policy that a packet met, as the router's status names it: `SID fc00:0:2:100::  End.BPF stamp`.
pub(super) fn met(network: &Network, router: &str, packet: &[u8]) -> String {
    let output = network.segbox(router).args(["status", "--json"]).output();
    let status: serde_json::Value =
        output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or_default();
    let Some(destination) = destination(packet) else { return "no IP packet".to_owned() };
    let entries = |list: &str, key: &str, noun: &str| -> Vec<(u8, String)> {
        let rows = status[list].as_array().map(Vec::as_slice).unwrap_or_default();
        let fits = |row: &serde_json::Value| {
            let text = row[key].as_str()?;
            // A table or metric may stand behind the prefix.
            let prefix: IpNet = text.split(' ').next()?.parse().ok()?;
            let shown = if prefix.prefix_len() == 128 { prefix.addr().to_string() } else { prefix.to_string() };
            let behavior = behavior(row["behavior"].as_str()?);
            prefix.contains(&destination).then(|| (prefix.prefix_len(), format!("{noun} {shown}  {behavior}")))
        };
        rows.iter().filter_map(fits).collect()
    };
    let mut all = entries("sids", "sid", "SID");
    all.extend(entries("policies", "destination", "policy"));
    // The longest prefix wins, as in the kernel.
    all.into_iter().max().map_or_else(|| "plain forwarding".to_owned(), |(_, text)| text)
}

/// Without the hash of a program's name, and without the segments: they stand in the packet.
fn behavior(text: &str) -> String {
    let mut words = text.split(' ');
    let name = words.next().unwrap_or_default();
    let rest: Vec<_> = words.map(|word| word.split('@').next().unwrap_or(word)).collect();
    if name.starts_with("H.") && name != "H.BPF" { name.to_owned() } else { [&[name][..], &rest].concat().join(" ") }
}

fn destination(packet: &[u8]) -> Option<IpAddr> {
    match Packet::parse(packet) {
        Some(packet) => Some(packet.destination.into()),
        None => Some(<[u8; 4]>::try_from(packet.get(16..20)?).ok()?.into()),
    }
}

/// The difference between a packet on one link and on the next.
pub(super) fn effect(before: &[u8], after: &[u8]) -> String {
    let (outer, inner) = (Packet::parse(before), Packet::parse(after));
    if let Some(packet) = &outer
        && is_inside(packet, after)
    {
        return "took the outer header and the SRH off".to_owned();
    }
    let Some(out) = inner else { return "forwarded it".to_owned() };
    if is_inside(&out, before) {
        return match out.srhs.first() {
            Some(srh) => format!("wrapped it in an IPv6 header and an SRH, {}", count(srh.segments.len(), "segment")),
            None => "wrapped it in an IPv6 header".to_owned(),
        };
    }
    match outer {
        Some(before) => changes(&before, &out),
        None => "forwarded it".to_owned(),
    }
}

/// Whether a packet carries this one. Their hop limits may differ by the hop between them.
fn is_inside(outer: &Packet, inner: &[u8]) -> bool {
    let same = |a: &[u8], b: &[u8]| a.len() == b.len() && a.last_chunk::<8>() == b.last_chunk::<8>();
    matches!(outer.protocol, protocol::IPV6 | protocol::IPV4) && same(&outer.payload, inner)
}

fn changes(before: &Packet, after: &Packet) -> String {
    let mut words = Vec::new();
    if after.srhs.len() > before.srhs.len() {
        words.push("inserted an SRH".to_owned());
    } else if let (Some(old), Some(new)) = (before.srhs.first(), after.srhs.first()) {
        if new.segments_left < old.segments_left {
            words.push("went on to the next segment".to_owned());
        }
        words.extend(tlvs(old, new));
        if old.tag != new.tag {
            words.push(format!("set the tag to {}", new.tag));
        }
        if old.flags != new.flags {
            words.push(format!("set the flags to {:#04x}", new.flags));
        }
    } else if !before.srhs.is_empty() {
        words.push("went on to the last segment and took the SRH off".to_owned());
    }
    if words.is_empty() { "forwarded it".to_owned() } else { words.join(", ") }
}

fn tlvs(old: &Srh, new: &Srh) -> Vec<String> {
    let (old, new) = (old.tlvs(), new.tlvs());
    let only_in = |some: &[(u8, &[u8])], other: &[(u8, &[u8])], did: &str| -> Vec<String> {
        let mine = some.iter().filter(|tlv| tlv.0 != PADN && !other.contains(tlv));
        mine.map(|(kind, _)| format!("{did} TLV {kind}")).collect()
    };
    [only_in(&new, &old, "added"), only_in(&old, &new, "took off")].concat()
}
