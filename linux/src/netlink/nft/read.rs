//! Filters from what a dump says. A filter counts as segbox's only if its chains are exactly as segbox writes them. Not here: asking the
//! kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};
use segbox_config::IfName;
use segbox_plan::filter::{Dscp, Edge, Filter, FilterName, HmacGuard, Mss, OutsideLink, Span, VrfGuard};

use super::decode::{Hook, Row, Said, operand, written};
use super::layout::{self, Base, Layout, Rule, layout};
use super::set::Element;
use crate::netlink::frame::text_of;

/// Everything in one of segbox's tables.
#[derive(Clone, Default)]
pub(super) struct Contents {
    pub(super) chains: BTreeMap<String, Found>,
    pub(super) sets: BTreeMap<String, BTreeSet<Element>>,
}

/// A chain that is there.
#[derive(Clone, Default)]
pub(super) struct Found {
    /// None: packets come to it from other chains only.
    pub(super) hook: Option<Hook>,
    /// In order.
    pub(super) rules: Vec<Row>,
}

impl Found {
    pub(super) fn is<'a>(&self, hook: Option<Hook>, rules: impl ExactSizeIterator<Item = &'a Rule>) -> bool {
        let same = |(row, rule): (&Row, &Rule)| row.said == written(&rule.expressions);
        self.hook == hook && self.rules.len() == rules.len() && self.rules.iter().zip(rules).all(same)
    }
}

impl Contents {
    fn rules(&self, chain: &str) -> &[Row] {
        self.chains.get(chain).map(|found| found.rules.as_slice()).unwrap_or_default()
    }
}

/// Every filter of a table. One that is not as segbox writes it is [`Filter::Other`]: it is there, and is to be replaced or removed. So are all
/// where the chains that they share are not as segbox writes them.
pub(super) fn filters(family: u8, contents: &Contents) -> BTreeMap<FilterName, Filter> {
    let own: Vec<_> = layout::of(family).filter_map(|name| Some((name, own(name, contents)?))).collect();
    let layouts = || own.iter().map(|(_, (_, layout))| layout);
    let whole = Base::ALL.into_iter().all(|base| {
        let rules = layout::shared(base, layouts());
        match contents.chains.get(base.name()) {
            Some(found) => found.is(Some(base.hook()), rules.into_iter()),
            None => rules.is_empty(),
        }
    });
    let has_chain = |name: &FilterName| {
        let mut names = layout::chains(*name).iter().chain(layout::former_chains(*name));
        names.any(|chain| contents.chains.contains_key(*chain))
    };
    let mut found: BTreeMap<_, _> = layout::of(family).filter(has_chain).map(|name| (name, Filter::Other)).collect();
    if whole {
        found.extend(own.into_iter().map(|(name, (filter, _))| (name, filter)));
    }
    found
}

/// The filter of this name, if the chains that it has to itself are as segbox writes them.
pub(super) fn own(name: FilterName, contents: &Contents) -> Option<(Filter, Layout)> {
    let candidate = candidate(name, contents)?;
    let layout = layout(name, &candidate)?;
    let as_written =
        |chain: &layout::Chain| contents.chains.get(chain.name).is_some_and(|found| found.is(None, chain.rules.iter()));
    let more = layout::chains(name)
        .iter()
        .chain(layout::former_chains(name))
        .any(|chain| contents.chains.contains_key(*chain) && layout.chains.iter().all(|own| own.name != *chain));
    (!more && layout.chains.iter().all(as_written)).then_some((candidate, layout))
}

fn candidate(name: FilterName, contents: &Contents) -> Option<Filter> {
    let rules = contents.rules(layout::chains(name).first()?);
    if rules.is_empty() {
        return None;
    }
    Some(match name {
        FilterName::Vrf => Filter::Vrf(VrfGuard { sources: rules.iter().filter_map(source).collect() }),
        FilterName::Edge => Filter::Edge(edge(contents, rules)),
        FilterName::Hmac => Filter::Hmac(HmacGuard {
            ports: names(contents, layout::HMAC_PORTS),
            sids: spans(contents, layout::HMAC_SIDS),
        }),
        FilterName::Mss4 | FilterName::Mss6 => Filter::Mss(mss(contents)),
        FilterName::Dscp => Filter::Dscp(dscp(&contents.rules(layout::chains(name).get(1)?).first()?.said)),
    })
}

/// The address of `ip6 saddr ADDRESS`.
fn source(row: &Row) -> Option<Ipv6Addr> {
    operand::<16>(&row.said, 1).map(Ipv6Addr::from)
}

fn edge(contents: &Contents, rules: &[Row]) -> Edge {
    let mut edge = Edge {
        inside: names(contents, layout::INSIDE),
        to: spans(contents, layout::TO),
        from: spans(contents, layout::FROM),
        sids: spans(contents, layout::SIDS),
        sources: spans(contents, layout::SOURCES),
        links: BTreeSet::new(),
    };
    // Each link has a rule for its address, and one for the world outside where something is guarded.
    let step = if edge.to.is_empty() { 1 } else { 2 };
    let links = rules.iter().skip(layout::before_links(&edge)).step_by(step);
    edge.links = links.map_while(|row| link(&row.said)).collect();
    edge
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

/// The source that a rule compares, which the comparison of all rules then confirms.
fn dscp(said: &Said) -> Dscp {
    let source = said.iter().position(|(name, _)| name == "fib").is_none().then(|| operand::<16>(said, 6)).flatten();
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

    fn rows<'a>(chain: &str, rules: impl IntoIterator<Item = &'a Rule>) -> Vec<Row> {
        let row = |one: &Rule| {
            let parts = [
                (NFTA_RULE_CHAIN, text(chain)),
                (NFTA_RULE_HANDLE, vec![0; 8]),
                nest(NFTA_RULE_EXPRESSIONS, one.expressions.clone()),
            ];
            rule(&body(NFPROTO_IPV6, 0, parts)).expect("a rule")
        };
        rules.into_iter().map(row).collect()
    }

    /// What the kernel has after filters were written.
    fn contents(filters: &BTreeMap<FilterName, Filter>) -> Contents {
        let mut contents = Contents::default();
        let layouts: Vec<Layout> = layout::ALL.iter().filter_map(|name| layout(*name, filters.get(name)?)).collect();
        for chain in layouts.iter().flat_map(|layout| &layout.chains) {
            contents.chains.insert(chain.name.into(), Found { hook: None, rules: rows(chain.name, &chain.rules) });
        }
        for base in Base::ALL {
            let rules = rows(base.name(), layout::shared(base, &layouts));
            if !rules.is_empty() {
                contents.chains.insert(base.name().into(), Found { hook: Some(base.hook()), rules });
            }
        }
        let sets = layouts.into_iter().flat_map(|layout| layout.sets);
        contents.sets = sets.map(|set| (set.name.to_owned(), set.elements)).collect();
        contents
    }

    fn samples() -> Vec<(FilterName, Filter)> {
        let ports = |count: u8| (0..count).map(|n| format!("eth{n}").parse().expect("a name")).collect();
        let link = |address: &str, prefix: &str| OutsideLink {
            interface: "eth2".parse().expect("a name"),
            address: address.parse().expect("an address"),
            prefix: prefix.parse().expect("a prefix"),
        };
        let open = Edge {
            inside: ports(1),
            to: vec![net("fc00:0:2::/48"), net("fc00:0:9::7/128")],
            from: vec![net("fc00::/16")],
            ..Edge::default()
        };
        let links = [link("fc00:0:2:a::1", "fc00:0:2:a::/64"), link("fc00:0:2:b::1", "fc00:0:2:b::/65")];
        let sids = vec![net("fc00:0:2::/48")];
        let closed = Edge { sids: sids.clone(), sources: vec![net("fc00::/16")], links: links.into(), ..open.clone() };
        let many = Edge { inside: ports(9), sources: vec![net("fc00::/17"), net("fc00:8000::/33")], ..closed.clone() };
        let only_from = Edge { to: Vec::new(), ..closed.clone() };
        let mss = |prefix: &str| Mss { most: [(net(prefix), 1380)].into() };
        let address = |text: &str| text.parse().expect("an address");
        let source = Dscp { source: Some(address("fc00:0:2::1")) };
        let two = VrfGuard { sources: [address("fc00:0:2::1"), address("fc00:0:3::1")].into() };
        vec![
            (FilterName::Vrf, Filter::Vrf(VrfGuard { sources: [address("fc00:0:2::1")].into() })),
            (FilterName::Vrf, Filter::Vrf(two)),
            (FilterName::Edge, Filter::Edge(open)),
            (FilterName::Edge, Filter::Edge(closed)),
            (FilterName::Edge, Filter::Edge(many)),
            (FilterName::Edge, Filter::Edge(only_from)),
            (FilterName::Hmac, Filter::Hmac(HmacGuard { ports: ports(1), sids: sids.clone() })),
            (
                FilterName::Hmac,
                Filter::Hmac(HmacGuard { ports: ports(7), sids: [&[net("5f00::7/128")][..], &sids[..]].concat() }),
            ),
            (FilterName::Mss4, Filter::Mss(mss("10.0.0.0/8"))),
            (FilterName::Mss6, Filter::Mss(mss("2001:db8::/32"))),
            (FilterName::Dscp, Filter::Dscp(source)),
            (FilterName::Dscp, Filter::Dscp(Dscp { source: None })),
        ]
    }

    #[test]
    fn a_filter_is_read_as_it_was_written() {
        for (name, filter) in samples() {
            let all = [(name, filter)].into();
            assert_eq!(super::filters(layout::family(name), &contents(&all)), all);
        }
    }

    #[test]
    fn filters_share_their_base_chains() {
        let all: BTreeMap<_, _> = samples().into_iter().filter(|(name, _)| *name != FilterName::Mss4).collect();
        assert_eq!(super::filters(NFPROTO_IPV6, &contents(&all)), all);
        // A rule that is not segbox's, in front of theirs, concerns them all.
        let mut more = contents(&all);
        let shared = more.chains.get_mut("prerouting").expect("it is there");
        let rule = shared.rules[0].clone();
        shared.rules.insert(0, rule);
        assert!(super::filters(NFPROTO_IPV6, &more).values().all(|filter| *filter == Filter::Other));
        assert_eq!(super::filters(NFPROTO_IPV6, &more).len(), all.len());
    }

    #[test]
    fn a_filter_is_ours_only_as_segbox_writes_it() {
        for (name, filter) in samples() {
            let all: BTreeMap<_, _> = [(name, filter)].into();
            let found = |contents: &Contents| super::filters(layout::family(name), contents);
            let other: BTreeMap<_, _> = [(name, Filter::Other)].into();
            let right = contents(&all);
            for (chain, was) in &right.chains {
                let mut moved = right.clone();
                let hook = &mut moved.chains.get_mut(chain).expect("the chain").hook;
                *hook = match hook {
                    Some(_) => None,
                    None => Some(Base::Output.hook()),
                };
                assert_eq!(found(&moved), other, "{name} with another hook of {chain}");
                for at in 0..was.rules.len() {
                    let mut less = right.clone();
                    less.chains.get_mut(chain).expect("the chain").rules.remove(at);
                    assert_ne!(found(&less), all, "{name} without rule {at} of {chain}");
                    let mut more = right.clone();
                    let rule = &mut more.chains.get_mut(chain).expect("the chain").rules[at];
                    rule.said.insert(0, ("limit".to_owned(), Vec::new()));
                    assert_eq!(found(&more), other, "{name} with another rule {at} of {chain}");
                }
            }
        }
    }

    #[test]
    fn what_an_earlier_segbox_wrote_is_there_and_to_be_replaced() {
        let hook = Some(Base::Prerouting.hook());
        for (name, chain) in [
            (FilterName::Vrf, "vrf"),
            (FilterName::Edge, "edge"),
            (FilterName::Hmac, "hmac"),
            (FilterName::Mss6, "mss-forward"),
            (FilterName::Dscp, "dscp"),
        ] {
            let mut former = Contents::default();
            former.chains.insert(chain.into(), Found { hook, rules: Vec::new() });
            assert_eq!(super::filters(NFPROTO_IPV6, &former), [(name, Filter::Other)].into());
        }
    }
}
