//! Sets and maps: names, or intervals of addresses. Not here: which sets there are.

use std::collections::BTreeSet;
use std::net::IpAddr;

use segbox_config::IfName;
use segbox_plan::filter::Span;

use super::decode::address;
use super::expression::name;
use super::message::{Request, TABLE, number, text};
use super::uapi::*;
use crate::netlink::frame::{attributes, text_of, u32_of};
use crate::netlink::generic::nest;

pub(super) struct Set {
    pub(super) name: &'static str,
    pub(super) key: Key,
    pub(super) interval: bool,
    /// Whether each element has an MSS.
    pub(super) map: bool,
    pub(super) elements: BTreeSet<Element>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Name,
    Ipv4,
    Ipv6,
}

/// A name, or an interval: its first key, and the one behind its last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element {
    first: Vec<u8>,
    /// None: the interval goes to the end, or this is a name.
    behind: Option<Vec<u8>>,
    mss: Option<u16>,
}

/// An attribute's length has 16 bits. An element takes at most 80 bytes, two with an interval's end.
const ELEMENTS: usize = 400;

impl Key {
    /// The number of the type for `nft`, which the kernel only keeps (nftables, include/datatype.h), and the length.
    fn numbers(self) -> (u32, u32) {
        match self {
            Self::Ipv4 => (7, 4),
            Self::Ipv6 => (8, 16),
            Self::Name => (41, 16),
        }
    }
}

impl Set {
    pub(super) fn names(name: &'static str, names: &BTreeSet<IfName>) -> Self {
        let elements = names.iter().map(|one| Element::name(*one)).collect();
        Self { name, key: Key::Name, interval: false, map: false, elements }
    }

    pub(super) fn spans(name: &'static str, key: Key, spans: &[Span]) -> Self {
        let elements = spans.iter().map(|span| Element::span(*span, None)).collect();
        Self { name, key, interval: true, map: false, elements }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Makes it, or leaves it as it is.
    pub(super) fn make(&self, family: u8, id: u32) -> Request {
        let (kind, length) = self.key.numbers();
        let flags = if self.interval { NFT_SET_INTERVAL } else { 0 } | if self.map { NFT_SET_MAP } else { 0 };
        let mut parts = vec![
            (NFTA_SET_TABLE, text(TABLE)),
            (NFTA_SET_NAME, text(self.name)),
            (NFTA_SET_FLAGS, number(flags)),
            (NFTA_SET_KEY_TYPE, number(kind)),
            (NFTA_SET_KEY_LEN, number(length)),
        ];
        if self.map {
            parts.extend([(NFTA_SET_DATA_TYPE, number(INTEGER)), (NFTA_SET_DATA_LEN, number(2))]);
        }
        parts.push((NFTA_SET_ID, number(id)));
        if self.map {
            parts.push((NFTA_SET_USERDATA, BIG_ENDIAN_DATA.to_vec()));
        }
        Request::make(NFT_MSG_NEWSET, family, parts)
    }

    pub(super) fn remove(family: u8, name: &str) -> Request {
        Request::remove(NFT_MSG_DELSET, family, [(NFTA_SET_TABLE, text(TABLE)), (NFTA_SET_NAME, text(name))])
    }

    /// Adds and removes elements until the set has its own. Removing comes first: intervals must not overlap.
    pub(super) fn fill(&self, family: u8, found: &BTreeSet<Element>) -> Vec<Request> {
        let gone: Vec<&Element> = found.difference(&self.elements).collect();
        let new: Vec<&Element> = self.elements.difference(found).collect();
        let requests = |kind, elements: &[&Element]| {
            let chunks = elements.chunks(ELEMENTS).map(|chunk| {
                let list = chunk.iter().flat_map(|element| element.encode(self.interval));
                let parts = [
                    (NFTA_SET_ELEM_LIST_TABLE, text(TABLE)),
                    (NFTA_SET_ELEM_LIST_SET, text(self.name)),
                    nest(NFTA_SET_ELEM_LIST_ELEMENTS, list),
                ];
                match kind {
                    NFT_MSG_NEWSETELEM => Request::make(kind, family, parts),
                    _ => Request::remove(kind, family, parts),
                }
            });
            chunks.collect::<Vec<_>>()
        };
        let mut all = requests(NFT_MSG_DELSETELEM, &gone);
        all.extend(requests(NFT_MSG_NEWSETELEM, &new));
        all
    }
}

/// TYPE_INTEGER (nftables, include/datatype.h).
const INTEGER: u32 = 4;
/// NFTNL_UDATA_SET_DATABYTEORDER (libnftnl, include/libnftnl/udata.h) with BYTEORDER_BIG_ENDIAN: for `nft` to print numbers right.
const BIG_ENDIAN_DATA: [u8; 6] = [1, 4, 2, 0, 0, 0];

impl Element {
    pub(super) fn name(of: IfName) -> Self {
        Self { first: name(of.as_str()).to_vec(), behind: None, mss: None }
    }

    pub(super) fn span(span: Span, mss: Option<u16>) -> Self {
        Self { first: bytes(span.first), behind: next(&bytes(span.last)), mss }
    }

    /// The element as a name.
    pub(super) fn as_name(&self) -> Option<IfName> {
        text_of(&self.first)?.parse().ok()
    }

    /// The element as a span.
    pub(super) fn as_span(&self) -> Option<(Span, Option<u16>)> {
        let last = match &self.behind {
            Some(behind) => before(behind)?,
            None => vec![0xff; self.first.len()],
        };
        Some((Span { first: address(&self.first)?, last: address(&last)? }, self.mss))
    }

    fn encode(&self, interval: bool) -> Vec<(u16, Vec<u8>)> {
        let key = |bytes: &[u8]| nest(NFTA_SET_ELEM_KEY, [(NFTA_DATA_VALUE, bytes.to_vec())]);
        let mut first = vec![key(&self.first)];
        if let Some(mss) = self.mss {
            first.push(nest(NFTA_SET_ELEM_DATA, [(NFTA_DATA_VALUE, mss.to_be_bytes().to_vec())]));
        }
        let mut elements = vec![nest(NFTA_LIST_ELEM, first)];
        if let Some(behind) = self.behind.as_ref().filter(|_| interval) {
            let end = [key(behind), (NFTA_SET_ELEM_FLAGS, number(NFT_SET_ELEM_INTERVAL_END))];
            elements.push(nest(NFTA_LIST_ELEM, end));
        }
        elements
    }
}

/// What a dump says of one element: its key, whether it is the end of an interval, its MSS.
pub(in crate::netlink) type Piece = (Vec<u8>, bool, Option<u16>);

/// The pieces of a message of a dump.
pub(in crate::netlink) fn pieces(payload: &[u8]) -> Option<Vec<Piece>> {
    let find = |wanted| attributes(payload.get(HEADER..).unwrap_or_default()).find(|(kind, _)| *kind == wanted);
    let (_, list) = find(NFTA_SET_ELEM_LIST_ELEMENTS)?;
    Some(attributes(list).filter_map(|(_, element)| piece(element)).collect())
}

fn piece(element: &[u8]) -> Option<Piece> {
    let find = |wanted| attributes(element).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let data = |value| attributes(value).find(|(kind, _)| *kind == NFTA_DATA_VALUE).map(|(_, value)| value);
    let key = data(find(NFTA_SET_ELEM_KEY)?)?.to_vec();
    let flags = find(NFTA_SET_ELEM_FLAGS).and_then(u32_of).map_or(0, u32::from_be);
    let mss = find(NFTA_SET_ELEM_DATA)
        .and_then(data)
        .and_then(|value| value.first_chunk())
        .map(|two| u16::from_be_bytes(*two));
    Some((key, flags & NFT_SET_ELEM_INTERVAL_END != 0, mss))
}

/// The elements that the pieces of a set are of. The kernel dumps an interval's end and start in no promised order.
pub(super) fn elements(mut pieces: Vec<Piece>, interval: bool) -> BTreeSet<Element> {
    // An end comes before a start of the same key: it belongs to the interval before.
    pieces.sort_by(|one, other| (&one.0, !one.1).cmp(&(&other.0, !other.1)));
    let mut found: Vec<Element> = Vec::with_capacity(pieces.len());
    for (first, ends, mss) in pieces {
        match found.last_mut() {
            Some(open) if ends && interval => open.behind = Some(first),
            _ if ends => {}
            _ => found.push(Element { first, behind: None, mss }),
        }
    }
    found.into_iter().collect()
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The key after this one; None after the last.
fn next(key: &[u8]) -> Option<Vec<u8>> {
    let mut next = key.to_vec();
    for byte in next.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(next);
        }
    }
    None
}

/// The key before this one; None before the first.
fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut before = key.to_vec();
    for byte in before.iter_mut().rev() {
        let borrows = *byte == 0;
        *byte = byte.wrapping_sub(1);
        if !borrows {
            return Some(before);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: &str, last: &str) -> Span {
        Span { first: first.parse().expect("an address"), last: last.parse().expect("an address") }
    }

    /// What a dump says of elements that were written.
    fn dumped(set: &Set) -> BTreeSet<Element> {
        let pieces = set.elements.iter().flat_map(|element| element.encode(true));
        let read = pieces.filter_map(|(_, element)| piece(&element)).collect::<Vec<_>>();
        elements(read.into_iter().rev().collect(), true)
    }

    #[test]
    fn intervals_that_touch_and_the_last_one_are_read_back() {
        let spans = [
            (span("10.0.0.0", "10.0.255.255"), Some(1400)),
            (span("10.1.0.0", "10.1.0.0"), Some(1300)),
            (span("255.0.0.0", "255.255.255.255"), Some(536)),
        ];
        let elements = spans.iter().map(|(span, mss)| Element::span(*span, *mss)).collect();
        let set = Set { name: "mss", key: Key::Ipv4, interval: true, map: true, elements };
        let back: Vec<_> = dumped(&set).iter().filter_map(Element::as_span).collect();
        assert_eq!(back, spans);
        let everything = span("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        let set = Set::spans("edge-to", Key::Ipv6, &[everything]);
        assert_eq!(dumped(&set).iter().filter_map(Element::as_span).collect::<Vec<_>>(), [(everything, None)]);
    }
}
