//! The expressions of rules: each function gives one, or the few that belong together. Not here: whole rules, and reading them back.
//!
//! Each carries all attributes that the kernel dumps for it (`nft_*_dump` in net/netfilter), so that a rule that is read back can be
//! compared with one that is written.

use super::message::{number, text};
use super::uapi::*;
use crate::netlink::generic::nest;

/// An expression: an attribute of a rule's list.
pub(super) type Expression = (u16, Vec<u8>);

fn expression(name: &str, data: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Expression {
    nest(NFTA_LIST_ELEM, [(NFTA_EXPR_NAME, text(name)), nest(NFTA_EXPR_DATA, data)])
}

fn value(attribute: u16, bytes: &[u8]) -> (u16, Vec<u8>) {
    nest(attribute, [(NFTA_DATA_VALUE, bytes.to_vec())])
}

/// `meta KEY` into the register.
pub(super) fn meta(key: u32) -> Expression {
    expression("meta", [(NFTA_META_DREG, number(NFT_REG_1)), (NFTA_META_KEY, number(key))])
}

/// Bytes of the packet into the register.
pub(super) fn payload(base: u32, offset: u32, length: u32) -> Expression {
    expression(
        "payload",
        [
            (NFTA_PAYLOAD_DREG, number(NFT_REG_1)),
            (NFTA_PAYLOAD_BASE, number(base)),
            (NFTA_PAYLOAD_OFFSET, number(offset)),
            (NFTA_PAYLOAD_LEN, number(length)),
        ],
    )
}

/// The register into bytes of the packet. No checksum covers them: they are of an IPv6 header, and not an address.
pub(super) fn write_payload(base: u32, offset: u32, length: u32) -> Expression {
    expression(
        "payload",
        [
            (NFTA_PAYLOAD_BASE, number(base)),
            (NFTA_PAYLOAD_OFFSET, number(offset)),
            (NFTA_PAYLOAD_LEN, number(length)),
            (NFTA_PAYLOAD_SREG, number(NFT_REG_1)),
            (NFTA_PAYLOAD_CSUM_TYPE, number(0)),
            (NFTA_PAYLOAD_CSUM_OFFSET, number(0)),
            (NFTA_PAYLOAD_CSUM_FLAGS, number(0)),
        ],
    )
}

/// Goes on where the register compares so to the bytes.
pub(super) fn compare(operation: u32, bytes: &[u8]) -> Expression {
    expression(
        "cmp",
        [(NFTA_CMP_SREG, number(NFT_REG_1)), (NFTA_CMP_OP, number(operation)), value(NFTA_CMP_DATA, bytes)],
    )
}

pub(super) fn equals(bytes: &[u8]) -> Expression {
    compare(NFT_CMP_EQ, bytes)
}

/// The register becomes `register & mask ^ xor`.
pub(super) fn bits(mask: &[u8], xor: &[u8]) -> Expression {
    let length = u32::try_from(mask.len()).expect("a register has 16 bytes");
    expression(
        "bitwise",
        [
            (NFTA_BITWISE_SREG, number(NFT_REG_1)),
            (NFTA_BITWISE_DREG, number(NFT_REG_1)),
            (NFTA_BITWISE_LEN, number(length)),
            value(NFTA_BITWISE_MASK, mask),
            value(NFTA_BITWISE_XOR, xor),
            (NFTA_BITWISE_OP, number(NFT_BITWISE_BOOL)),
        ],
    )
}

/// Shifts the register's first word, which is in the machine's byte order, to the left.
pub(super) fn shift_left(by: u32) -> Expression {
    expression(
        "bitwise",
        [
            (NFTA_BITWISE_SREG, number(NFT_REG_1)),
            (NFTA_BITWISE_DREG, number(NFT_REG_1)),
            (NFTA_BITWISE_LEN, number(4)),
            (NFTA_BITWISE_OP, number(NFT_BITWISE_LSHIFT)),
            value(NFTA_BITWISE_DATA, &by.to_ne_bytes()),
        ],
    )
}

/// Turns the register's first two bytes from network to machine order or back.
pub(super) fn swap(operation: u32) -> Expression {
    expression(
        "byteorder",
        [
            (NFTA_BYTEORDER_SREG, number(NFT_REG_1)),
            (NFTA_BYTEORDER_DREG, number(NFT_REG_1)),
            (NFTA_BYTEORDER_OP, number(operation)),
            (NFTA_BYTEORDER_LEN, number(2)),
            (NFTA_BYTEORDER_SIZE, number(2)),
        ],
    )
}

/// Goes on where the set holds the register; with NFT_LOOKUP_F_INV where it does not.
pub(super) fn lookup(set: &str, flags: u32) -> Expression {
    expression(
        "lookup",
        [(NFTA_LOOKUP_SET, text(set)), (NFTA_LOOKUP_SREG, number(NFT_REG_1)), (NFTA_LOOKUP_FLAGS, number(flags))],
    )
}

/// The map's value for the register goes into the register.
pub(super) fn map(set: &str) -> Expression {
    expression(
        "lookup",
        [
            (NFTA_LOOKUP_SET, text(set)),
            (NFTA_LOOKUP_SREG, number(NFT_REG_1)),
            (NFTA_LOOKUP_DREG, number(NFT_REG_1)),
            (NFTA_LOOKUP_FLAGS, number(0)),
        ],
    )
}

/// Goes on where the source or destination (`NFTA_FIB_F_*`) is an address of the box.
pub(super) fn is_local(which: u32) -> [Expression; 2] {
    let fib = [
        (NFTA_FIB_DREG, number(NFT_REG_1)),
        (NFTA_FIB_RESULT, number(NFT_FIB_RESULT_ADDRTYPE)),
        (NFTA_FIB_FLAGS, number(which)),
    ];
    [expression("fib", fib), equals(&RTN_LOCAL.to_ne_bytes())]
}

/// Bytes of the IPv6 routing header into the register. Without one the rule ends.
pub(super) fn routing_header(offset: u32, length: u32) -> Expression {
    exthdr([(NFTA_EXTHDR_DREG, number(NFT_REG_1))], 43, offset, length, NFT_EXTHDR_OP_IPV6)
}

/// The register becomes the MSS of a SYN, if it is smaller than what is there (net/netfilter/nft_exthdr.c, nft_exthdr_tcp_set_eval).
pub(super) fn lower_mss() -> Expression {
    exthdr([(NFTA_EXTHDR_SREG, number(NFT_REG_1))], 2, 2, 2, NFT_EXTHDR_OP_TCPOPT)
}

fn exthdr(register: [(u16, Vec<u8>); 1], kind: u8, offset: u32, length: u32, operation: u32) -> Expression {
    let rest = [
        (NFTA_EXTHDR_TYPE, vec![kind]),
        (NFTA_EXTHDR_OFFSET, number(offset)),
        (NFTA_EXTHDR_LEN, number(length)),
        (NFTA_EXTHDR_OP, number(operation)),
    ];
    expression("exthdr", register.into_iter().chain(rest))
}

pub(super) fn counter() -> Expression {
    expression("counter", [(NFTA_COUNTER_BYTES, vec![0; 8]), (NFTA_COUNTER_PACKETS, vec![0; 8])])
}

/// NF_ACCEPT, NF_DROP or NFT_RETURN.
pub(super) fn verdict(code: u32) -> Expression {
    decide([(NFTA_VERDICT_CODE, number(code))])
}

/// NFT_JUMP or NFT_GOTO.
pub(super) fn lead(code: u32, chain: &str) -> Expression {
    decide([(NFTA_VERDICT_CODE, number(code)), (NFTA_VERDICT_CHAIN, text(chain))])
}

fn decide<const N: usize>(verdict: [(u16, Vec<u8>); N]) -> Expression {
    let verdict = nest(NFTA_DATA_VERDICT, verdict);
    expression("immediate", [(NFTA_IMMEDIATE_DREG, number(NFT_REG_VERDICT)), nest(NFTA_IMMEDIATE_DATA, [verdict])])
}

/// A name as a register holds it: 16 bytes.
pub(super) fn name(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    // A name of an interface has 15 bytes at most.
    for (to, from) in bytes.iter_mut().zip(text.bytes().take(15)) {
        *to = from;
    }
    bytes
}
