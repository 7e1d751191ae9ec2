//! Filters from what a dump says. A filter counts as segbox's only if its chains are exactly as segbox writes them. Not here: asking the
//! kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::IfName;
use segbox_plan::filter::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, OutsideLink, Span};

use super::decode::{Row, Said, operand, written};
use super::layout::{self, layout};
use super::set::Element;
use crate::netlink::frame::text_of;

/// Everything in one of segbox's tables.
#[derive(Default)]
pub(super) struct Contents {
    /// By chain, in order.
    pub(super) rules: BTreeMap<String, Vec<Row>>,
    pub(super) sets: BTreeMap<String, BTreeSet<Element>>,
}

/// The filter of this name, if it is there as segbox writes it.
pub(super) fn filter(name: FilterName, contents: &Contents) -> Option<Filter> {
    let (_, chains) = layout::chains(name);
    let first = contents.rules.get(chains[0])?;
    let candidate = match name {
        FilterName::Edge => Filter::Edge(edge(contents, first)?),
        FilterName::Hmac => Filter::Hmac(HmacGuard {
            ports: names(contents, layout::HMAC_PORTS),
            sids: spans(contents, layout::HMAC_SIDS),
        }),
        FilterName::Mss4 | FilterName::Mss6 => Filter::Mss(mss(contents)),
        FilterName::Dscp => Filter::Dscp(dscp(&first.first()?.said)),
    };
    let as_written = layout(name, &candidate).chains.iter().all(|chain| {
        let found = contents.rules.get(chain.name).map(Vec::as_slice).unwrap_or_default();
        let same = |(row, rule): (&Row, &layout::Rule)| row.said == written(&rule.expressions);
        found.len() == chain.rules.len() && found.iter().zip(&chain.rules).all(same)
    });
    as_written.then_some(candidate)
}

fn edge(contents: &Contents, rules: &[Row]) -> Option<Edge> {
    let sids = spans(contents, layout::SIDS);
    let to = spans(contents, layout::TO);
    // Each link has a rule for its address, and one for the world outside where something is guarded.
    let step = if to.is_empty() { 1 } else { 2 };
    let links =
        rules.iter().skip(layout::before_links(!sids.is_empty())).step_by(step).map_while(|row| link(&row.said));
    Some(Edge {
        inside: names(contents, layout::INSIDE),
        links: links.collect(),
        from: spans(contents, layout::FROM),
        sources: spans(contents, layout::SOURCES),
        to,
        sids,
    })
}

/// `iifname NAME, saddr & MASK == PREFIX, daddr == ADDRESS`, in the order of `layout::link_rules`.
fn link(said: &Said) -> Option<OutsideLink> {
    let interface = text_of(&operand::<16>(said, 1)?)?.parse().ok()?;
    let (_, mask) = said.get(3)?;
    // Registers, length and operation, then the mask and what is xored.
    let mask: [u8; 16] = mask.get(12..28)?.try_into().ok()?;
    let length = u8::try_from(u128::from_be_bytes(mask).leading_ones()).ok()?;
    let net = Ipv6Net::new(Ipv6Addr::from(operand::<16>(said, 4)?), length).ok()?;
    Some(OutsideLink { interface, address: operand::<16>(said, 6)?.into(), prefix: IpNet::V6(net) })
}

fn mss(contents: &Contents) -> Mss {
    let elements = contents.sets.get(layout::MSS).into_iter().flatten();
    Mss { most: elements.filter_map(|element| element.as_span().and_then(|(span, mss)| Some((span, mss?)))).collect() }
}

/// The source that the first rule compares, which the comparison of all rules then confirms.
fn dscp(said: &Said) -> Dscp {
    let source = said.iter().position(|(name, _)| name == "fib").is_none().then(|| operand::<16>(said, 7)).flatten();
    Dscp { source: source.map(Ipv6Addr::from) }
}

fn names(contents: &Contents, set: &str) -> BTreeSet<IfName> {
    contents.sets.get(set).into_iter().flatten().filter_map(Element::as_name).collect()
}

fn spans(contents: &Contents, set: &str) -> Vec<Span> {
    let elements = contents.sets.get(set).into_iter().flatten();
    elements.filter_map(|element| element.as_span().map(|(span, _)| span)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::decode::rule;
    use super::super::message::{body, text};
    use super::super::uapi::*;
    use super::*;
    use crate::netlink::generic::nest;

    fn net(text: &str) -> Span {
        Span::of(text.parse().expect("a prefix"))
    }

    /// What the kernel has after a filter was written.
    fn contents(name: FilterName, filter: &Filter) -> Contents {
        let mut contents = Contents::default();
        let layout = layout(name, filter);
        for chain in layout.chains {
            let rows = chain.rules.into_iter().map(|one| {
                let parts = [
                    (NFTA_RULE_CHAIN, text(chain.name)),
                    (NFTA_RULE_HANDLE, vec![0; 8]),
                    nest(NFTA_RULE_EXPRESSIONS, one.expressions),
                ];
                rule(&body(layout.family, 0, parts)).expect("a rule")
            });
            contents.rules.insert(chain.name.to_owned(), rows.collect());
        }
        contents.sets = layout.sets.into_iter().map(|set| (set.name.to_owned(), set.elements)).collect();
        contents
    }

    fn samples() -> Vec<(FilterName, Filter)> {
        let ports = || ["eth0".parse().expect("a name")].into();
        let link = |address: &str, prefix: &str| OutsideLink {
            interface: "eth2".parse().expect("a name"),
            address: address.parse().expect("an address"),
            prefix: prefix.parse().expect("a prefix"),
        };
        let open = Edge {
            inside: ports(),
            to: vec![net("fc00:0:2::/48"), net("fc00:0:9::7/128")],
            from: vec![net("fc00::/16")],
            ..Edge::default()
        };
        let links = [link("fc00:0:2:a::1", "fc00:0:2:a::/64"), link("fc00:0:2:b::1", "fc00:0:2:b::/65")];
        let sids = vec![net("fc00:0:2::/48")];
        let closed = Edge { sids: sids.clone(), sources: vec![net("fc00::/16")], links: links.into(), ..open.clone() };
        let only_from = Edge { to: Vec::new(), ..closed.clone() };
        let mss = |prefix: &str| Mss { most: [(net(prefix), 1380)].into() };
        let source = Dscp { source: Some("fc00:0:2::1".parse().expect("an address")) };
        vec![
            (FilterName::Edge, Filter::Edge(open)),
            (FilterName::Edge, Filter::Edge(closed)),
            (FilterName::Edge, Filter::Edge(only_from)),
            (FilterName::Hmac, Filter::Hmac(HmacGuard { ports: ports(), sids })),
            (FilterName::Mss4, Filter::Mss(mss("10.0.0.0/8"))),
            (FilterName::Mss6, Filter::Mss(mss("2001:db8::/32"))),
            (FilterName::Dscp, Filter::Dscp(source)),
            (FilterName::Dscp, Filter::Dscp(Dscp { source: None })),
        ]
    }

    #[test]
    fn a_filter_is_read_as_it_was_written() {
        for (name, filter) in samples() {
            assert_eq!(super::filter(name, &contents(name, &filter)), Some(filter));
        }
    }

    #[test]
    fn a_filter_is_ours_only_as_segbox_writes_it() {
        for (name, filter) in samples() {
            let chains = contents(name, &filter).rules;
            for (chain, rules) in &chains {
                for at in 0..rules.len() {
                    let mut less = contents(name, &filter);
                    less.rules.get_mut(chain).expect("the chain").remove(at);
                    assert_ne!(super::filter(name, &less), Some(filter.clone()), "{name} without rule {at} of {chain}");
                    let mut more = contents(name, &filter);
                    let rule = &mut more.rules.get_mut(chain).expect("the chain")[at];
                    rule.said.insert(0, ("limit".to_owned(), Vec::new()));
                    assert_ne!(
                        super::filter(name, &more),
                        Some(filter.clone()),
                        "{name} with another rule {at} of {chain}"
                    );
                }
            }
        }
    }
}
