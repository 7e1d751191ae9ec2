//! What the fast path does to the packets of a SID or policy, or why it leaves them to the kernel. Not here: which routes there are.

use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::behavior::{Behavior, Endpoint, Lookup};
use segbox_config::model::HopLimit;
use segbox_config::{Config, HeadendMode};
use segbox_fastpath_ebpf::NewSrh;
use segbox_fastpath_ebpf::fast_path::{
    ENCAPS, END, END_DT6, END_DX6, END_X, KERNEL, MOST_SEGMENTS, MOST_SOURCES, Masked, OUTER_WORDS, PSP, Row,
};

use crate::filter::{Filter, FilterName, Span};
use crate::route::{Encap, Route, RouteKey};
use crate::state::{MAIN_TABLE, State};

/// Protocol numbers, and bytes of an IPv6 header.
const IPV6_INSIDE: u8 = 41;
const ROUTING: u8 = 43;
const IPV6: usize = 40;
/// Where the outer headers begin in a row.
const OUTER: usize = 24;

/// What of a file decides it.
pub(super) struct Terms<'a> {
    config: &'a Config,
    steers_by_source: bool,
    /// Where packets from outside of the domain may not go.
    guarded: Vec<Span>,
    /// Sources that may reach SIDs; empty: any.
    pub(super) sources: Vec<Masked>,
    /// Sources that only ports inside may bring.
    pub(super) inside: Vec<Masked>,
    too_many_sources: bool,
    too_many_inside: bool,
}

impl<'a> Terms<'a> {
    pub(super) fn of(config: &'a Config, state: &State) -> Self {
        let edge = match state.filters.get(&FilterName::Edge) {
            Some(Filter::Edge(edge)) => Some(edge),
            _ => None,
        };
        let sources = edge.map_or(Ok(Vec::new()), |edge| masks(&edge.sources));
        let inside = edge.map_or(Ok(Vec::new()), |edge| masks(&edge.from));
        Self {
            config,
            steers_by_source: config.policies.iter().any(|policy| policy.from.is_some()),
            guarded: edge.map(|edge| edge.to.clone()).unwrap_or_default(),
            too_many_sources: sources.is_err(),
            too_many_inside: inside.is_err(),
            sources: sources.unwrap_or_default(),
            inside: inside.unwrap_or_default(),
        }
    }

    /// The row of a route, without its place in the counters.
    pub(super) fn work(&self, key: &RouteKey, route: &Route) -> Result<Row, String> {
        let IpNet::V6(prefix) = key.prefix else { return Err("only IPv6 takes the fast path into policies".into()) };
        if key.table != MAIN_TABLE {
            return Err("only the main table is in the fast path".into());
        }
        if self.steers_by_source {
            return Err("policies with `from` choose by the source, which the kernel's rules do".into());
        }
        let [hop] = &*route.hops else { return Err("the kernel spreads flows over several hops or lists".into()) };
        let row = match &hop.encap {
            Encap::Seg6Local(endpoint) => self.sid(endpoint)?,
            Encap::Seg6 { mode, segments, hmac_key, source, .. } => {
                let source = source.or(self.config.encap_source);
                self.policy(prefix, *mode, segments, *hmac_key, source)?
            }
            Encap::BpfIn(_) => return Err("H.BPF runs in the kernel only".into()),
            Encap::None => return Err("it has no tunnel".into()),
        };
        Ok(Row { length: prefix.prefix_len(), ..row })
    }

    fn sid(&self, endpoint: &Endpoint) -> Result<Row, String> {
        if endpoint.flavors.next_csid.is_some() {
            return Err("NEXT-CSID is not in the fast path".into());
        }
        if self.too_many_sources {
            return Err(format!("the fast path compares {MOST_SOURCES} domain-sources, and the file has more"));
        }
        let row = Row::kernel(0);
        let flags = if endpoint.flavors.psp { PSP } else { 0 };
        match &endpoint.behavior {
            Behavior::End => Ok(Row { action: END, flags, ..row }),
            Behavior::EndX { next_hop, interface: None } => {
                Ok(Row { action: END_X, next_hop: by_address(*next_hop)?, ..row })
            }
            Behavior::EndDx6 { next_hop } => Ok(Row { action: END_DX6, next_hop: by_address(*next_hop)?, ..row }),
            Behavior::EndDt6 { lookup: Lookup::Table(MAIN_TABLE) } => Ok(Row { action: END_DT6, ..row }),
            Behavior::EndDt6 { .. } => Err("End.DT6 takes the fast path with the main table only".into()),
            Behavior::EndX { .. } => Err("the fast path has no link-local next hops".into()),
            other => Err(format!("{} is not in the fast path", other.name())),
        }
    }

    fn policy(
        &self,
        prefix: Ipv6Net,
        mode: HeadendMode,
        segments: &[Ipv6Addr],
        hmac_key: u32,
        source: Option<Ipv6Addr>,
    ) -> Result<Row, String> {
        let Some(source) = source else {
            return Err("without `source` the kernel chooses the outer source".into());
        };
        if self.config.hop_limit == HopLimit::Rfc {
            return Err("hop-limit = \"rfc\" is done in the kernel".into());
        }
        if hmac_key != 0 {
            return Err("the kernel computes HMACs".into());
        }
        if segments.len() > MOST_SEGMENTS {
            return Err(format!("the fast path pushes {MOST_SEGMENTS} segments, and the list has more"));
        }
        if self.too_many_inside {
            return Err(format!(
                "the fast path compares {MOST_SOURCES} sources with the domain, and the file has more"
            ));
        }
        let net = IpNet::V6(prefix);
        if self.guarded.iter().any(|span| span.first <= net.broadcast() && net.network() <= span.last) {
            return Err("its destination lies in the domain, and the kernel's edge filter guards that".into());
        }
        let headers = match mode {
            HeadendMode::Encaps => outer(source, segments, false),
            HeadendMode::EncapsRed => outer(source, segments, true),
            other => return Err(format!("{other} is not in the fast path")),
        };
        let Some(headers) = headers else { return Err("it has no segment".into()) };
        let mut outer = [0; OUTER_WORDS];
        for (word, bytes) in outer.iter_mut().zip(headers.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let push = u8::try_from(headers.len()).map_err(|_| "its headers are too long".to_owned())?;
        Ok(Row { action: ENCAPS, push, outer, ..Row::kernel(0) })
    }
}

/// The outer headers of a policy, in whole words; the kernel's seg6_do_srh_encap (net/ipv6/seg6_iptunnel.c).
fn outer(source: Ipv6Addr, segments: &[Ipv6Addr], reduced: bool) -> Option<Vec<u8>> {
    let first = segments.first()?;
    let path: Vec<[u8; 16]> = segments.iter().map(Ipv6Addr::octets).collect();
    let srh = match (reduced, path.len()) {
        (true, 1) => None,
        (true, _) => Some(NewSrh::reduced(IPV6_INSIDE, &path)),
        (false, _) => Some(NewSrh::new(IPV6_INSIDE, &path)),
    };
    let mut bytes = vec![0; IPV6];
    bytes[0] = 6 << 4;
    bytes[6] = if srh.is_some() { ROUTING } else { IPV6_INSIDE };
    bytes[8..24].copy_from_slice(&source.octets());
    bytes[24..40].copy_from_slice(&first.octets());
    if let Some(srh) = srh {
        bytes.resize(IPV6 + srh.wire_len(), 0);
        srh.write(&mut bytes[IPV6..]).ok()?;
    }
    Some(bytes)
}

/// A link-local next hop is one of each link.
fn by_address(next_hop: Ipv6Addr) -> Result<[u8; 16], String> {
    match next_hop.is_unicast_link_local() || next_hop.is_unspecified() {
        true => Err("the fast path wants a next hop with a global address".into()),
        false => Ok(next_hop.octets()),
    }
}

/// More prefixes than the program compares.
struct TooMany;

/// The prefixes of a filter. What is no single prefix counts as too many.
fn masks(spans: &[Span]) -> Result<Vec<Masked>, TooMany> {
    if spans.len() > MOST_SOURCES {
        return Err(TooMany);
    }
    let mask = |span: &Span| match span.net() {
        Some(IpNet::V6(net)) => Ok(Masked::new(net.network().octets(), net.prefix_len())),
        _ => Err(TooMany),
    };
    spans.iter().map(mask).collect()
}

/// The row as text: `End PSP  counter 3`, `push 80 bytes: fc00:0:3:1::`. None where it is none of this segbox's.
pub(super) fn describe(row: &[u8]) -> Option<String> {
    let (action, slot) = Row::action_and_slot(row)?;
    let address =
        |at: usize| row.get(at..at + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Ipv6Addr::from);
    let (flags, push) = (row[1], usize::from(row[2]));
    let text = match action {
        KERNEL => return Some("the kernel's".to_owned()),
        END if flags & PSP != 0 => "End PSP".to_owned(),
        END => "End".to_owned(),
        END_X => format!("End.X via {}", address(8)?),
        END_DT6 => "End.DT6".to_owned(),
        END_DX6 => format!("End.DX6 via {}", address(8)?),
        ENCAPS => {
            let outer = row.get(OUTER..OUTER + push)?;
            let segments = outer.get(IPV6 + 8..).unwrap_or_default().chunks_exact(16).rev();
            let segments = segments.filter_map(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Ipv6Addr::from);
            // A reduced SRH lacks the first one.
            let first = address(OUTER + 24)?;
            let path = std::iter::once(first).chain(segments.skip_while(|segment| *segment == first));
            let path: Vec<String> = path.map(|segment| segment.to_string()).collect();
            format!("push {push} bytes from {}: {}", address(OUTER + 8)?, path.join(","))
        }
        _ => return None,
    };
    Some(format!("{text}  counter {slot}"))
}
