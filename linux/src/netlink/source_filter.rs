//! The source filters of the VRFs: an nf_tables table, which only segbox uses, drops what a customer sends under the source address of
//! the box's encapsulations. Not here: which address, or why (`segbox_plan`).
//!
//! There is a rule for each address. `nft list ruleset` shows:
//!
//! ```text
//! table ip6 segbox {
//!     chain vrf {
//!         type filter hook prerouting priority raw; policy accept;
//!         meta iifkind "vrf" ip6 saddr fc00:0:1::1 drop
//!     }
//! }
//! ```
//!
//! A packet passes that hook with the VRF as its input device when its port hands it to the VRF (drivers/net/vrf.c, vrf_ip6_rcv), and when it
//! comes out of a tunnel into the VRF (net/ipv6/seg6_local.c, end_dt_vrf_core). A packet that the box encapsulates does not pass it again.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE};
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::frame::{attributes, text_of};
use super::generic::{attributes_of, nest};
use super::reply::{Refusal, TalkError, refusal};
use super::socket::{Raw, Socket, append};
use super::uapi::*;

/// NFNL_MSG_BATCH_BEGIN and _END: nf_tables makes all changes between them, or none.
const BEGIN: u16 = 0x10;
const END: u16 = 0x11;
/// NFNL_SUBSYS_NFTABLES, for the header of a batch.
const SUBSYSTEM: u16 = 10;
/// Bytes of struct nfgenmsg. The attributes follow it.
const HEADER: usize = 4;
const NFPROTO_IPV6: u8 = 10;
const NF_INET_PRE_ROUTING: u32 = 0;
/// NF_IP6_PRI_RAW (include/uapi/linux/netfilter_ipv6.h): before connection tracking.
const PRIORITY_RAW: i32 = -300;
const NAME: &str = "segbox";
const CHAIN: &str = "vrf";
/// The kind of a VRF's device (drivers/net/vrf.c, rtnl_link_ops), in the 16 bytes of a register.
const VRF: [u8; 16] = *b"vrf\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// Offset and length of the source address in an IPv6 header (RFC 8200, 3).
const SOURCE: (u32, u32) = (8, 16);

/// A socket to the subsystem, opened when it is first needed: the kernel then loads its modules.
#[derive(Default)]
pub(super) struct SourceFilters {
    socket: Option<Socket>,
}

/// A rule of the table: its handle, and its address if it is one that segbox makes.
type Row = (Vec<u8>, Option<Ipv6Addr>);

impl SourceFilters {
    /// Empty where the subsystem was never used: asking would load its modules.
    pub(super) fn read(&mut self) -> Result<BTreeMap<Ipv6Addr, ()>, TalkError> {
        if !is_in_use() {
            return Ok(BTreeMap::new());
        }
        let rows = self.rows()?;
        Ok(rows.into_iter().filter_map(|(_, address)| Some((address?, ()))).collect())
    }

    pub(super) fn add(&mut self, address: Ipv6Addr) -> Result<(), TalkError> {
        let hook =
            [(NFTA_HOOK_HOOKNUM, number(NF_INET_PRE_ROUTING)), (NFTA_HOOK_PRIORITY, PRIORITY_RAW.to_be_bytes().into())];
        let chain = [
            (NFTA_CHAIN_TABLE, text(NAME)),
            (NFTA_CHAIN_NAME, text(CHAIN)),
            nest(NFTA_CHAIN_HOOK, hook),
            (NFTA_CHAIN_TYPE, text("filter")),
        ];
        let rule = [
            (NFTA_RULE_TABLE, text(NAME)),
            (NFTA_RULE_CHAIN, text(CHAIN)),
            nest(NFTA_RULE_EXPRESSIONS, expressions(address)),
        ];
        self.batch(&[
            (NFT_MSG_NEWTABLE, body(NFPROTO_IPV6, 0, [(NFTA_TABLE_NAME, text(NAME))])),
            (NFT_MSG_NEWCHAIN, body(NFPROTO_IPV6, 0, chain)),
            (NFT_MSG_NEWRULE, body(NFPROTO_IPV6, 0, rule)),
        ])
    }

    /// Removes a filter. The last one takes the table with it.
    pub(super) fn remove(&mut self, address: Ipv6Addr) -> Result<(), TalkError> {
        let (gone, others): (Vec<Row>, Vec<Row>) = self.rows()?.into_iter().partition(|(_, its)| *its == Some(address));
        if others.is_empty() {
            return self.batch(&[(NFT_MSG_DELTABLE, body(NFPROTO_IPV6, 0, [(NFTA_TABLE_NAME, text(NAME))]))]);
        }
        let without =
            |handle| [(NFTA_RULE_TABLE, text(NAME)), (NFTA_RULE_CHAIN, text(CHAIN)), (NFTA_RULE_HANDLE, handle)];
        let requests: Vec<_> =
            gone.into_iter().map(|(handle, _)| (NFT_MSG_DELRULE, body(NFPROTO_IPV6, 0, without(handle)))).collect();
        self.batch(&requests)
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

    fn rows(&mut self) -> Result<Vec<Row>, TalkError> {
        let request = body(NFPROTO_IPV6, 0, [(NFTA_RULE_TABLE, text(NAME))]);
        self.socket()?.dump(NFT_MSG_GETRULE, &Raw(&request), decode)
    }

    /// Does all of the requests or none of them.
    fn batch(&mut self, requests: &[(u16, Vec<u8>)]) -> Result<(), TalkError> {
        let socket = self.socket()?;
        let count = u32::try_from(requests.len()).expect("a batch is small");
        let first = socket.sequences(count + 2);
        let last = first.wrapping_add(count);
        let mut buffer = Vec::new();
        append(&mut buffer, BEGIN, 0, first, &Raw(&body(0, SUBSYSTEM, [])));
        for ((kind, request), at) in requests.iter().zip(1..) {
            append(&mut buffer, *kind, NLM_F_CREATE | NLM_F_ACK, first.wrapping_add(at), &Raw(request));
        }
        append(&mut buffer, END, 0, last.wrapping_add(1), &Raw(&body(0, SUBSYSTEM, [])));
        socket.send(&buffer)?;
        // Each request has a reply, also after one that was refused. The refusal of a whole batch has the first sequence number
        // (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch).
        let mut refused = None;
        loop {
            for frame in socket.receive()?.filter(Socket::is_reply) {
                let no = refusal(frame.flags, frame.payload);
                let whole = frame.sequence == first && no.is_some();
                refused = refused.or(no);
                if whole || frame.sequence == last {
                    return refused.map_or(Ok(()), |no| Err(TalkError::Refused(no)));
                }
            }
        }
    }
}

/// Whether the kernel has loaded nfnetlink: the list of sockets then has the kernel's.
fn is_in_use() -> bool {
    let sockets = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap_or_default();
    let netfilter = NETLINK_NETFILTER.to_string();
    sockets.lines().any(|line| line.split_whitespace().nth(1) == Some(&netfilter))
}

/// `meta iifkind "vrf" ip6 saddr ADDRESS drop`.
fn expressions(address: Ipv6Addr) -> Vec<(u16, Vec<u8>)> {
    let verdict = nest(NFTA_DATA_VERDICT, [(NFTA_VERDICT_CODE, number(NF_DROP))]);
    let (offset, length) = SOURCE;
    vec![
        expression("meta", [(NFTA_META_DREG, number(NFT_REG_1)), (NFTA_META_KEY, number(NFT_META_IIFKIND))]),
        expression("cmp", equals(&VRF)),
        expression(
            "payload",
            [
                (NFTA_PAYLOAD_DREG, number(NFT_REG_1)),
                (NFTA_PAYLOAD_BASE, number(NFT_PAYLOAD_NETWORK_HEADER)),
                (NFTA_PAYLOAD_OFFSET, number(offset)),
                (NFTA_PAYLOAD_LEN, number(length)),
            ],
        ),
        expression("cmp", equals(&address.octets())),
        expression("immediate", [(NFTA_IMMEDIATE_DREG, number(NFT_REG_VERDICT)), nest(NFTA_IMMEDIATE_DATA, [verdict])]),
    ]
}

fn expression(name: &str, data: impl IntoIterator<Item = (u16, Vec<u8>)>) -> (u16, Vec<u8>) {
    nest(NFTA_LIST_ELEM, [(NFTA_EXPR_NAME, text(name)), nest(NFTA_EXPR_DATA, data)])
}

fn equals(value: &[u8; 16]) -> [(u16, Vec<u8>); 3] {
    [
        (NFTA_CMP_SREG, number(NFT_REG_1)),
        (NFTA_CMP_OP, number(NFT_CMP_EQ)),
        nest(NFTA_CMP_DATA, [(NFTA_DATA_VALUE, value.to_vec())]),
    ]
}

/// A message: its header (family, version, resource) and attributes.
fn body(family: u8, resource: u16, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Vec<u8> {
    let [high, low] = resource.to_be_bytes();
    [vec![family, 0, high, low], attributes_of(parts)].concat()
}

/// Numbers of nf_tables are in network byte order.
fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().into()
}

fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), b"\0"].concat()
}

/// A rule of the table. segbox made it if each of its expressions is the one that segbox would write.
pub(super) fn decode(payload: &[u8]) -> Option<Row> {
    let find = |wanted| attributes(payload.get(HEADER..).unwrap_or_default()).find(|(kind, _)| *kind == wanted);
    let (_, handle) = find(NFTA_RULE_HANDLE)?;
    let said = find(NFTA_RULE_EXPRESSIONS).map(|(_, list)| plain(list)).unwrap_or_default();
    let address = said.get(3).and_then(|(_, cmp)| <[u8; 16]>::try_from(cmp.get(cmp.len().checked_sub(16)?..)?).ok());
    let address = address.map(Ipv6Addr::from).filter(|address| plain(&attributes_of(expressions(*address))) == said);
    Some((handle.to_vec(), address))
}

/// Expressions by name, each with the values of its attributes in the order of their numbers, without lengths, flags and padding.
fn plain(list: &[u8]) -> Vec<(String, Vec<u8>)> {
    let one = |element: &[u8]| {
        let find = |wanted| attributes(element).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
        let name = text_of(find(NFTA_EXPR_NAME)?)?.to_owned();
        let mut parts: Vec<(u16, &[u8])> = attributes(find(NFTA_EXPR_DATA)?).collect();
        parts.sort_unstable();
        let mut values = Vec::new();
        for (kind, value) in parts {
            let nested = matches!((name.as_str(), kind), ("cmp", NFTA_CMP_DATA) | ("immediate", NFTA_IMMEDIATE_DATA));
            match attributes(value).next().filter(|_| nested) {
                // The attributes of a verdict are nested once more.
                Some((NFTA_DATA_VERDICT, verdict)) => values.extend(attributes(verdict).flat_map(|(_, value)| value)),
                Some((_, value)) => values.extend(value),
                None => values.extend(value),
            }
        }
        Some((name, values))
    };
    attributes(list).filter_map(|(_, element)| one(element)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rule: Vec<(u16, Vec<u8>)>) -> Row {
        let parts = [(NFTA_RULE_HANDLE, vec![0, 0, 0, 0, 0, 0, 0, 7]), nest(NFTA_RULE_EXPRESSIONS, rule)];
        decode(&body(NFPROTO_IPV6, 0, parts)).expect("it has a handle")
    }

    #[test]
    fn a_rule_is_ours_only_as_segbox_makes_it() {
        let address = Ipv6Addr::new(0xfc00, 0, 1, 0, 0, 0, 0, 1);
        assert_eq!(said(expressions(address)).1, Some(address));
        let accept = nest(NFTA_DATA_VERDICT, [(NFTA_VERDICT_CODE, number(1))]);
        let verdict = [(NFTA_IMMEDIATE_DREG, number(NFT_REG_VERDICT)), nest(NFTA_IMMEDIATE_DATA, [accept])];
        let mut accepts = expressions(address);
        accepts[4] = expression("immediate", verdict);
        let mut of_bridges = expressions(address);
        of_bridges[1] = expression("cmp", equals(b"bridge\0\0\0\0\0\0\0\0\0\0"));
        let mut limited = expressions(address);
        limited.insert(4, expression("limit", []));
        for others in [accepts, of_bridges, limited, Vec::new()] {
            assert_eq!(said(others).1, None);
        }
    }
}
