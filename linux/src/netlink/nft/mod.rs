//! segbox's own nf_tables tables: the filters of the file, read as a whole and written one by one, each as one transaction. Not here:
//! which filters there should be, or why (`segbox_plan`).
//!
//! There are two tables, `ip6 segbox` and `ip segbox`: nearly all rules are about IPv6 headers, and IPv4 packets then do not pass them. A
//! filter has chains and sets to itself, and calls in the base chains of its table (`layout`). A table without a chain is removed.

mod decode;
mod expression;
mod layout;
pub(super) mod message;
mod read;
mod set;
pub(super) mod uapi;
mod write;

use std::collections::BTreeMap;

use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;
use segbox_plan::filter::{Filter, FilterName};

use super::frame::{attributes, text_of};
use super::reply::{Refusal, TalkError};
use super::socket::{Raw, Socket};
use message::{TABLE, body, text};
use read::{Contents, Found};
use uapi::*;

/// A socket to the subsystem, opened when it is first needed: the kernel then loads its modules.
#[derive(Default)]
pub(super) struct Tables {
    socket: Option<Socket>,
}

/// What a rule of a filter has dropped since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// The filter.
    pub filter: FilterName,
    /// Which packets.
    pub what: &'static str,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Tables {
    /// Empty where the subsystem was never used: asking would load its modules. Empty too where the kernel lacks nf_tables.
    pub(super) fn read(&mut self) -> Result<BTreeMap<FilterName, Filter>, TalkError> {
        let mut found = BTreeMap::new();
        if is_in_use() {
            for family in [NFPROTO_IPV6, NFPROTO_IPV4] {
                found.extend(read::filters(family, &self.contents(family)?));
            }
        }
        Ok(found)
    }

    /// Asks for the generation of the rules, which the subsystem always has. Only root gets an answer.
    pub(super) fn is_supported(&mut self) -> Option<bool> {
        let answer = self.socket().and_then(|socket| socket.ask(NFT_MSG_GETGEN, 0, &Raw(&body(0, 0, []))));
        supported(answer.as_ref().err())
    }

    /// What each filter has dropped.
    pub(super) fn dropped(&mut self) -> Result<Vec<Dropped>, TalkError> {
        let mut all = Vec::new();
        if !is_in_use() {
            return Ok(all);
        }
        let contents = self.contents(NFPROTO_IPV6)?;
        for filter in layout::of(NFPROTO_IPV6) {
            let Some((_, layout)) = read::own(filter, &contents) else { continue };
            for chain in layout.chains {
                let rows = contents.chains.get(chain.name).into_iter().flat_map(|found| &found.rules);
                all.extend(chain.rules.iter().zip(rows).filter_map(|(rule, row)| {
                    let (packets, bytes) = row.counted?;
                    Some(Dropped { filter, what: rule.counts?, packets, bytes })
                }));
            }
        }
        Ok(all)
    }

    /// Makes a filter what it should be, whatever is there. Rules that stay keep their counters.
    pub(super) fn put(&mut self, name: FilterName, filter: &Filter) -> Result<(), TalkError> {
        // An undo cannot bring back what was not segbox's. It leaves what took its place.
        match layout::layout(name, filter) {
            Some(layout) => self.change(name, Some(layout)),
            None => Ok(()),
        }
    }

    /// Removes a filter. The last one takes the table with it.
    pub(super) fn remove(&mut self, name: FilterName) -> Result<(), TalkError> {
        self.change(name, None)
    }

    fn change(&mut self, name: FilterName, wanted: Option<layout::Layout>) -> Result<(), TalkError> {
        let contents = self.contents(layout::family(name))?;
        let requests = write::change(name, wanted, &contents);
        message::send(self.socket()?, &requests)
    }

    fn socket(&mut self) -> Result<&mut Socket, TalkError> {
        if self.socket.is_none() {
            let refused = |error: std::io::Error| match error.raw_os_error() {
                Some(errno) => TalkError::Refused(Refusal { errno, words: None }),
                None => TalkError::Send(error),
            };
            self.socket = Some(Socket::open(NETLINK_NETFILTER).map_err(refused)?);
        }
        Ok(self.socket.as_mut().expect("it was opened"))
    }

    /// Empty where there is no such table.
    fn contents(&mut self, family: u8) -> Result<Contents, TalkError> {
        let mut contents = Contents::default();
        match self.contents_of_table(family, &mut contents) {
            Err(error) if is_absent(&error) => Ok(Contents::default()),
            other => other.map(|()| contents),
        }
    }

    fn contents_of_table(&mut self, family: u8, contents: &mut Contents) -> Result<(), TalkError> {
        let socket = self.socket()?;
        let of_family = body(family, 0, []);
        let chains = socket.dump(NFT_MSG_GETCHAIN, &Raw(&of_family), |payload| {
            // The kernel filters this dump by family only (net/netfilter/nf_tables_api.c, nf_tables_dump_chains).
            decode::chain(payload).filter(|(table, _)| payload.first() == Some(&family) && table == TABLE)
        })?;
        if chains.is_empty() {
            return Ok(());
        }
        let found = chains.into_iter().map(|(_, (chain, hook))| (chain, Found { hook, rules: Vec::new() }));
        contents.chains = found.collect();
        let of_table = body(family, 0, [(NFTA_RULE_TABLE, text(TABLE))]);
        for row in socket.dump(NFT_MSG_GETRULE, &Raw(&of_table), decode::rule)? {
            contents.chains.entry(row.chain.clone()).or_default().rules.push(row);
        }
        let of_table = body(family, 0, [(NFTA_SET_TABLE, text(TABLE))]);
        let sets = socket.dump(NFT_MSG_GETSET, &Raw(&of_table), |payload| {
            let find =
                |wanted| attributes(payload.get(HEADER..)?).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
            let flags = find(NFTA_SET_FLAGS).and_then(super::frame::u32_of).map_or(0, u32::from_be);
            Some((find(NFTA_SET_NAME).and_then(text_of)?.to_owned(), flags & NFT_SET_INTERVAL != 0))
        })?;
        for (set, interval) in sets {
            let of_set =
                body(family, 0, [(NFTA_SET_ELEM_LIST_TABLE, text(TABLE)), (NFTA_SET_ELEM_LIST_SET, text(&set))]);
            let pieces = socket.dump(NFT_MSG_GETSETELEM, &Raw(&of_set), set::pieces)?;
            contents.sets.insert(set, set::elements(pieces.into_iter().flatten().collect(), interval));
        }
        Ok(())
    }
}

/// What the answer to a question that every nf_tables understands says of the subsystem.
fn supported(refused: Option<&TalkError>) -> Option<bool> {
    match refused {
        None => Some(true),
        Some(error) if is_absent(error) => Some(false),
        Some(_) => None,
    }
}

/// Whether there is no such table, or no nf_tables in this kernel: nfnetlink then knows no such subsystem (net/netfilter/nfnetlink.c,
/// nfnetlink_rcv_msg, EINVAL), or is not there either.
fn is_absent(error: &TalkError) -> bool {
    let absent = [Errno::NOENT, Errno::INVAL, Errno::PROTONOSUPPORT, Errno::OPNOTSUPP].map(Errno::raw_os_error);
    error.errno().is_some_and(|errno| absent.contains(&errno))
}

/// Whether the kernel has loaded nfnetlink: the list of sockets then has the kernel's.
pub(super) fn is_in_use() -> bool {
    let sockets = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap_or_default();
    let netfilter = NETLINK_NETFILTER.to_string();
    sockets.lines().any(|line| line.split_whitespace().nth(1) == Some(&netfilter))
}

/// For the fuzzer, which searches for panics.
pub(super) fn read_anything(payload: &[u8]) {
    let rules: Vec<_> = decode::rule(payload).into_iter().collect();
    let hook = decode::chain(payload).and_then(|(_, (_, hook))| hook);
    let pieces = set::pieces(payload).unwrap_or_default();
    for family in [NFPROTO_IPV6, NFPROTO_IPV4] {
        let mut contents = Contents::default();
        for name in layout::of(family) {
            let found = || Found { hook, rules: rules.clone() };
            contents.chains.extend(layout::chains(name).iter().map(|chain| ((*chain).to_owned(), found())));
            let elements = set::elements(pieces.clone(), true);
            contents.sets.extend(layout::sets(name).iter().map(|set| ((*set).to_owned(), elements.clone())));
        }
        let _ = read::filters(family, &contents);
        // The filters' own chains are read without a hook only.
        contents.chains.values_mut().for_each(|found| found.hook = None);
        let _ = read::filters(family, &contents);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_nf_tables_says_einval_and_has_no_filters() {
        let refused = |errno: Errno| TalkError::Refused(Refusal { errno: errno.raw_os_error(), words: None });
        // nfnetlink without the subsystem; without nfnetlink; no such table.
        for absent in [Errno::INVAL, Errno::PROTONOSUPPORT, Errno::NOENT] {
            assert_eq!(supported(Some(&refused(absent))), Some(false), "{absent}");
        }
        assert_eq!(supported(Some(&refused(Errno::PERM))), None);
        assert_eq!(supported(None), Some(true));
    }
}
