//! A filter as a line of text, for plans. Not here: the rest of a step's line (`describe`).

use std::fmt;

use super::spans::Span;
use super::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, VrfGuard};

impl fmt::Display for FilterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vrf => "vrf",
            Self::Edge => "edge",
            Self::Hmac => "hmac",
            Self::Mss4 => "mss-ipv4",
            Self::Mss6 => "mss-ipv6",
            Self::Dscp => "dscp",
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vrf(VrfGuard { sources }) => {
                let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
                write!(f, "in every VRF: drop from {}", few(&sources))
            }
            Self::Edge(edge) => edge.fmt(f),
            Self::Hmac(HmacGuard { ports, sids }) => {
                write!(f, "on {}: to {} only with an SRH that has an HMAC", listed(ports), spans(sids))
            }
            Self::Mss(Mss { most }) => {
                let shown: Vec<String> = most.iter().map(|(span, most)| format!("{span} {most}")).collect();
                write!(f, "MSS at most: {}", few(&shown))
            }
            Self::Dscp(Dscp { source: Some(source) }) => write!(f, "copy that of IPv4 in packets from {source}"),
            Self::Dscp(Dscp { source: None }) => f.write_str("copy that of IPv4 in packets from this box"),
            Self::Other => f.write_str("not as this segbox writes it"),
        }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inside, to, from, sids, sources, links: _ } = self;
        match inside.len() {
            0 => f.write_str("on every port: drop")?,
            _ => write!(f, "on all ports but {}: drop", listed(inside))?,
        }
        if !to.is_empty() {
            write!(f, " to {}", spans(to))?;
        }
        if !from.is_empty() {
            write!(f, "{}from {}", if to.is_empty() { " " } else { ", " }, spans(from))?;
        }
        if !sids.is_empty() {
            write!(f, "; on these: to {} only from {}", spans(sids), spans(sources))?;
        }
        Ok(())
    }
}

fn listed(names: &std::collections::BTreeSet<segbox_config::IfName>) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn spans(spans: &[Span]) -> String {
    few(&spans.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// The first three, and how many more.
fn few(shown: &[String]) -> String {
    match shown.len() {
        0..=4 => shown.join(" "),
        all => format!("{} and {} more", shown[..3].join(" "), all - 3),
    }
}
