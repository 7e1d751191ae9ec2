//! segbox's own nf_tables tables: the filters of the file, read as a whole and written one by one, each as one transaction. Not here:
//! which filters there should be, or why (`segbox_plan`).
//!
//! There are two tables, `ip6 segbox` and `ip segbox`: nearly all rules are about IPv6 headers, and IPv4 packets then do not pass them. A
//! filter has its chains and sets to itself. A table without a chain is removed.

mod decode;
mod expression;
mod layout;
mod message;
mod read;
mod set;
mod uapi;
mod vrf;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use netlink_packet_core::NLM_F_APPEND;
use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;
use segbox_plan::filter::{Filter, FilterName};

use super::frame::{attributes, text_of};
use super::generic::nest;
use super::reply::{Refusal, TalkError};
use super::socket::{Raw, Socket};
use decode::Row;
use message::{Request, TABLE, body, number, text};
use read::Contents;
use uapi::*;

/// A socket to the subsystem, opened when it is first needed: the kernel then loads its modules.
#[derive(Default)]
pub(super) struct Tables {
    socket: Option<Socket>,
}

/// Every filter of segbox that is there.
#[derive(Default)]
pub(super) struct Found {
    pub(super) sources: BTreeMap<Ipv6Addr, ()>,
    pub(super) filters: BTreeMap<FilterName, Filter>,
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

const ALL: [FilterName; 5] = [FilterName::Edge, FilterName::Hmac, FilterName::Mss4, FilterName::Mss6, FilterName::Dscp];

impl Tables {
    /// Empty where the subsystem was never used: asking would load its modules. Empty too where the kernel lacks nf_tables.
    pub(super) fn read(&mut self) -> Result<Found, TalkError> {
        let mut found = Found::default();
        if !is_in_use() {
            return Ok(found);
        }
        for family in [NFPROTO_IPV6, NFPROTO_IPV4] {
            let contents = self.contents(family)?;
            if family == NFPROTO_IPV6 {
                found.sources = vrf::sources(&contents);
            }
            let names = ALL.into_iter().filter(|name| layout::chains(*name).0 == family);
            found.filters.extend(names.filter_map(|name| Some((name, read::filter(name, &contents)?))));
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
        for filter in ALL.into_iter().filter(|name| layout::chains(*name).0 == NFPROTO_IPV6) {
            let Some(content) = read::filter(filter, &contents) else { continue };
            for chain in layout::layout(filter, &content).chains {
                let rows = contents.rules.get(chain.name).into_iter().flatten();
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
        let layout = layout::layout(name, filter);
        let family = layout.family;
        let found = self.contents(family)?;
        let mut requests = vec![Request::make(NFT_MSG_NEWTABLE, family, [(NFTA_TABLE_NAME, text(TABLE))])];
        let mut rules = Vec::new();
        for chain in &layout.chains {
            requests.push(make_chain(family, chain));
            let there = found.rules.get(chain.name).map(Vec::as_slice).unwrap_or_default();
            let same = there.len() == chain.rules.len()
                && there.iter().zip(&chain.rules).all(|(row, rule)| row.said == decode::written(&rule.expressions));
            if !same {
                requests.extend(there.iter().map(|row| remove_rule(family, row)));
                rules.extend(chain.rules.iter().map(|rule| append_rule(family, chain.name, rule.expressions.clone())));
            }
        }
        let none = std::collections::BTreeSet::new();
        for (set, id) in layout.sets.iter().zip(1..) {
            requests.push(set.make(family, id));
            requests.extend(set.fill(family, found.sets.get(set.name).unwrap_or(&none)));
        }
        requests.extend(rules);
        // A set that no rule names any more.
        let unused = |set: &&&str| found.sets.contains_key(**set) && layout.sets.iter().all(|used| used.name != **set);
        requests.extend(layout::sets(name).iter().filter(unused).map(|set| set::Set::remove(family, set)));
        message::send(self.socket()?, &requests)
    }

    /// Removes a filter. The last one takes the table with it.
    pub(super) fn remove(&mut self, name: FilterName) -> Result<(), TalkError> {
        let (family, chains) = layout::chains(name);
        let found = self.contents(family)?;
        if found.rules.keys().all(|chain| chains.contains(&chain.as_str())) {
            return self.remove_table(family);
        }
        let there = chains.iter().filter(|chain| found.rules.contains_key(**chain));
        let mut requests: Vec<Request> = there.map(|chain| remove_chain(family, chain)).collect();
        let sets = layout::sets(name).iter().filter(|set| found.sets.contains_key(**set));
        requests.extend(sets.map(|set| set::Set::remove(family, set)));
        message::send(self.socket()?, &requests)
    }

    /// Drops, in each VRF, what comes from `address`.
    pub(super) fn add_source(&mut self, address: Ipv6Addr) -> Result<(), TalkError> {
        let chain = vrf::chain();
        let requests = [
            Request::make(NFT_MSG_NEWTABLE, NFPROTO_IPV6, [(NFTA_TABLE_NAME, text(TABLE))]),
            make_chain(NFPROTO_IPV6, &chain),
            append_rule(NFPROTO_IPV6, chain.name, vrf::expressions(address)),
        ];
        message::send(self.socket()?, &requests)
    }

    /// Removes that filter. The last one takes its chain with it, and the last chain the table.
    pub(super) fn remove_source(&mut self, address: Ipv6Addr) -> Result<(), TalkError> {
        let found = self.contents(NFPROTO_IPV6)?;
        let rows = found.rules.get(vrf::CHAIN).map(Vec::as_slice).unwrap_or_default();
        let is_it = |row: &&Row| vrf::source(row) == Some(address);
        let requests: Vec<Request> = if !rows.iter().all(|row| is_it(&row)) {
            rows.iter().filter(is_it).map(|row| remove_rule(NFPROTO_IPV6, row)).collect()
        } else if found.rules.keys().all(|chain| chain == vrf::CHAIN) {
            return self.remove_table(NFPROTO_IPV6);
        } else {
            found.rules.contains_key(vrf::CHAIN).then(|| remove_chain(NFPROTO_IPV6, vrf::CHAIN)).into_iter().collect()
        };
        message::send(self.socket()?, &requests)
    }

    fn remove_table(&mut self, family: u8) -> Result<(), TalkError> {
        let request = Request::remove(NFT_MSG_DELTABLE, family, [(NFTA_TABLE_NAME, text(TABLE))]);
        message::send(self.socket()?, &[request])
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
            let find =
                |wanted| attributes(payload.get(HEADER..)?).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
            // The kernel filters this dump by family only (net/netfilter/nf_tables_api.c, nf_tables_dump_chains).
            let ours = payload.first() == Some(&family) && find(NFTA_CHAIN_TABLE).and_then(text_of) == Some(TABLE);
            find(NFTA_CHAIN_NAME).and_then(text_of).filter(|_| ours).map(str::to_owned)
        })?;
        if chains.is_empty() {
            return Ok(());
        }
        contents.rules = chains.into_iter().map(|chain| (chain, Vec::new())).collect();
        let of_table = body(family, 0, [(NFTA_RULE_TABLE, text(TABLE))]);
        for row in socket.dump(NFT_MSG_GETRULE, &Raw(&of_table), decode::rule)? {
            contents.rules.entry(row.chain.clone()).or_default().push(row);
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

fn make_chain(family: u8, chain: &layout::Chain) -> Request {
    let hook = [(NFTA_HOOK_HOOKNUM, number(chain.hook)), (NFTA_HOOK_PRIORITY, chain.priority.to_be_bytes().into())];
    let parts = [
        (NFTA_CHAIN_TABLE, text(TABLE)),
        (NFTA_CHAIN_NAME, text(chain.name)),
        nest(NFTA_CHAIN_HOOK, hook),
        (NFTA_CHAIN_TYPE, text("filter")),
    ];
    Request::make(NFT_MSG_NEWCHAIN, family, parts)
}

fn remove_chain(family: u8, chain: &str) -> Request {
    Request::remove(NFT_MSG_DELCHAIN, family, [(NFTA_CHAIN_TABLE, text(TABLE)), (NFTA_CHAIN_NAME, text(chain))])
}

fn append_rule(family: u8, chain: &str, expressions: Vec<expression::Expression>) -> Request {
    let parts =
        [(NFTA_RULE_TABLE, text(TABLE)), (NFTA_RULE_CHAIN, text(chain)), nest(NFTA_RULE_EXPRESSIONS, expressions)];
    let request = Request::make(NFT_MSG_NEWRULE, family, parts);
    Request { flags: request.flags | NLM_F_APPEND, ..request }
}

fn remove_rule(family: u8, row: &Row) -> Request {
    let parts =
        [(NFTA_RULE_TABLE, text(TABLE)), (NFTA_RULE_CHAIN, text(&row.chain)), (NFTA_RULE_HANDLE, row.handle.clone())];
    Request::remove(NFT_MSG_DELRULE, family, parts)
}

/// Whether the kernel has loaded nfnetlink: the list of sockets then has the kernel's.
pub(super) fn is_in_use() -> bool {
    let sockets = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap_or_default();
    let netfilter = NETLINK_NETFILTER.to_string();
    sockets.lines().any(|line| line.split_whitespace().nth(1) == Some(&netfilter))
}

/// For the fuzzer, which searches for panics.
pub(super) fn read_anything(payload: &[u8]) {
    let row = decode::rule(payload);
    let pieces = set::pieces(payload).unwrap_or_default();
    let mut contents = Contents::default();
    for name in ALL {
        let (_, chains) = layout::chains(name);
        contents.rules.extend(chains.iter().map(|chain| ((*chain).to_owned(), row.clone().into_iter().collect())));
        let elements = set::elements(pieces.clone(), true);
        contents.sets.extend(layout::sets(name).iter().map(|set| ((*set).to_owned(), elements.clone())));
        let _ = read::filter(name, &contents);
    }
    vrf::sources(&contents);
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
