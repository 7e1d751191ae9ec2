//! Reads `hops` of a route and `lists` of a policy: entries that share the flows by weight. Not here: the route and the policy.

use ipnet::IpNet;

use super::{Reader, Reported, number, rows};
use crate::behavior::Row;
use crate::fault::{Fault, SpreadFault};
use crate::model::{NextHop, SegmentList};
use crate::place::Span;
use crate::toml::{Entry, Value};

/// The most entries. The kernel lists all hops of a route in one message, and a datagram of a dump has 32 KiB (net/netlink/af_netlink.c,
/// netlink_dump).
const MOST: usize = 64;
/// The most segments of all lists of a policy together, for the same reason: 16 KiB.
const MOST_SEGMENTS: usize = 1024;

impl Reader {
    /// `hops`, instead of `via` and `interface`; empty where the route has none.
    pub(super) fn hops(&mut self, entry: Entry<'_>, destination: Option<IpNet>) -> Result<Vec<NextHop>, Reported> {
        let Some(list) = entry.get("hops") else { return Ok(Vec::new()) };
        for key in ["via", "interface"] {
            if let Some(other) = entry.get(key) {
                self.fault(other.key_span(), SpreadFault::HopsAndVia { key });
                return Err(Reported);
            }
        }
        self.entries("hops", "{ via = \"fe80::3\", interface = \"eth1\" }", list)?;
        let hops: Vec<Result<(NextHop, Span), Reported>> =
            rows(Some(list)).map(|hop| Ok((self.hop(hop, destination)?, hop.span()))).collect();
        let hops: Vec<_> = hops.into_iter().collect::<Result<_, _>>()?;
        let places: Vec<_> = hops.iter().map(|(hop, span)| ((hop.via, hop.interface), *span)).collect();
        self.twice("hops", &places)?;
        Ok(hops.into_iter().map(|(hop, _)| hop).collect())
    }

    fn hop(&mut self, hop: Entry<'_>, destination: Option<IpNet>) -> Result<NextHop, Reported> {
        if hop.value() != Value::Table {
            return Err(Reported);
        }
        if hop.get("via").is_none() && hop.get("interface").is_none() {
            self.fault(hop.span(), SpreadFault::HopNowhere);
            return Err(Reported);
        }
        let interface = self.interface(hop);
        let via = self.via(hop, destination);
        Ok(NextHop { via: via?, interface: interface?, weight: weight(hop)? })
    }

    /// `lists`, instead of `segments`.
    pub(super) fn lists(&mut self, entry: Entry<'_>, row: &Row, hmac: bool) -> Result<Vec<SegmentList>, Reported> {
        let list = entry.get("lists").ok_or(Reported)?;
        self.entries("lists", "{ segments = [\"fc00:0:3:1::\"], weight = 3 }", list)?;
        let lists: Vec<Result<(SegmentList, Span), Reported>> = rows(Some(list))
            .map(|list| {
                Ok((
                    SegmentList { segments: self.segments(list, row, hmac)?.into(), weight: weight(list)? },
                    list.span(),
                ))
            })
            .collect();
        let lists: Vec<_> = lists.into_iter().collect::<Result<_, _>>()?;
        let count = lists.iter().map(|(list, _)| list.segments.len()).sum();
        if count > MOST_SEGMENTS {
            let fault = SpreadFault::TooMany { key: "lists", count, what: "segments", most: MOST_SEGMENTS };
            self.fault(list.span(), fault);
            return Err(Reported);
        }
        let places: Vec<_> = lists.iter().map(|(list, span)| (&list.segments, *span)).collect();
        self.twice("lists", &places)?;
        Ok(lists.into_iter().map(|(list, _)| list).collect())
    }

    /// Whether a list has a number of entries that it can have.
    fn entries(&mut self, key: &'static str, example: &'static str, list: Entry<'_>) -> Result<(), Reported> {
        if list.value() != Value::List {
            return Err(Reported);
        }
        let fault = match list.children().count() {
            0 => SpreadFault::None { key, example },
            count if count > MOST => SpreadFault::TooMany { key, count, what: "entries", most: MOST },
            _ => return Ok(()),
        };
        self.fault(list.span(), fault);
        Err(Reported)
    }

    fn twice<T: PartialEq>(&mut self, key: &'static str, entries: &[(T, Span)]) -> Result<(), Reported> {
        let mut fine = Ok(());
        for (at, (entry, span)) in entries.iter().enumerate() {
            if let Some((_, first)) = entries[..at].iter().find(|(other, _)| other == entry) {
                self.faults.push(Fault::new(*span, SpreadFault::Twice { key }).beside(*first, "first here"));
                fine = Err(Reported);
            }
        }
        fine
    }
}

/// `weight`; the grammar has checked its range.
fn weight(entry: Entry<'_>) -> Result<u16, Reported> {
    let weight = number(entry, "weight")?.unwrap_or(1);
    u16::try_from(weight).ok().filter(|weight| (1..=256).contains(weight)).ok_or(Reported)
}
