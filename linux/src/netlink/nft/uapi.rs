//! Numbers of nf_tables, by their names in include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h.

/// NFNL_MSG_BATCH_BEGIN and _END: nf_tables makes all changes between them, or none.
pub(in crate::netlink) const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
pub(in crate::netlink) const NFNL_MSG_BATCH_END: u16 = 0x11;
/// For the header of a batch.
pub(in crate::netlink) const NFNL_SUBSYS_NFTABLES: u16 = 10;
/// Bytes of struct nfgenmsg. The attributes follow it.
pub(in crate::netlink) const HEADER: usize = 4;

/// IPv4 and IPv6.
pub(in crate::netlink) const NFPROTO_INET: u8 = 1;
pub(in crate::netlink) const NFPROTO_IPV4: u8 = 2;
pub(in crate::netlink) const NFPROTO_IPV6: u8 = 10;
pub(in crate::netlink) const NF_INET_PRE_ROUTING: u32 = 0;
pub(in crate::netlink) const NF_INET_LOCAL_IN: u32 = 1;
pub(in crate::netlink) const NF_INET_FORWARD: u32 = 2;
pub(in crate::netlink) const NF_INET_LOCAL_OUT: u32 = 3;
pub(in crate::netlink) const NF_INET_POST_ROUTING: u32 = 4;
/// NF_IP6_PRI_RAW, NF_IP6_PRI_MANGLE (netfilter_ipv6.h; the same for IPv4): before connection tracking, and after it.
pub(in crate::netlink) const PRIORITY_RAW: i32 = -300;
pub(in crate::netlink) const PRIORITY_MANGLE: i32 = -150;

pub(in crate::netlink) const NFT_MSG_NEWTABLE: u16 = 10 << 8;
pub(in crate::netlink) const NFT_MSG_DELTABLE: u16 = 10 << 8 | 2;
pub(in crate::netlink) const NFT_MSG_NEWCHAIN: u16 = 10 << 8 | 3;
pub(in crate::netlink) const NFT_MSG_GETCHAIN: u16 = 10 << 8 | 4;
pub(in crate::netlink) const NFT_MSG_DELCHAIN: u16 = 10 << 8 | 5;
pub(in crate::netlink) const NFT_MSG_NEWRULE: u16 = 10 << 8 | 6;
pub(in crate::netlink) const NFT_MSG_GETRULE: u16 = 10 << 8 | 7;
pub(in crate::netlink) const NFT_MSG_DELRULE: u16 = 10 << 8 | 8;
pub(in crate::netlink) const NFT_MSG_NEWSET: u16 = 10 << 8 | 9;
pub(in crate::netlink) const NFT_MSG_GETSET: u16 = 10 << 8 | 10;
pub(in crate::netlink) const NFT_MSG_DELSET: u16 = 10 << 8 | 11;
pub(in crate::netlink) const NFT_MSG_NEWSETELEM: u16 = 10 << 8 | 12;
pub(in crate::netlink) const NFT_MSG_GETSETELEM: u16 = 10 << 8 | 13;
pub(in crate::netlink) const NFT_MSG_DELSETELEM: u16 = 10 << 8 | 14;

pub(in crate::netlink) const NFT_MSG_GETGEN: u16 = 10 << 8 | 16;

pub(in crate::netlink) const NFTA_LIST_ELEM: u16 = 1;
pub(in crate::netlink) const NFTA_HOOK_HOOKNUM: u16 = 1;
pub(in crate::netlink) const NFTA_HOOK_PRIORITY: u16 = 2;
pub(in crate::netlink) const NFTA_TABLE_NAME: u16 = 1;
pub(in crate::netlink) const NFTA_CHAIN_TABLE: u16 = 1;
pub(in crate::netlink) const NFTA_CHAIN_NAME: u16 = 3;
pub(in crate::netlink) const NFTA_CHAIN_HOOK: u16 = 4;
pub(in crate::netlink) const NFTA_CHAIN_POLICY: u16 = 5;
pub(in crate::netlink) const NFTA_CHAIN_TYPE: u16 = 7;
pub(in crate::netlink) const NFTA_RULE_TABLE: u16 = 1;
pub(in crate::netlink) const NFTA_RULE_CHAIN: u16 = 2;
pub(in crate::netlink) const NFTA_RULE_HANDLE: u16 = 3;
pub(in crate::netlink) const NFTA_RULE_EXPRESSIONS: u16 = 4;
pub(in crate::netlink) const NFTA_EXPR_NAME: u16 = 1;
pub(in crate::netlink) const NFTA_EXPR_DATA: u16 = 2;

pub(in crate::netlink) const NFTA_SET_TABLE: u16 = 1;
pub(in crate::netlink) const NFTA_SET_NAME: u16 = 2;
pub(in crate::netlink) const NFTA_SET_FLAGS: u16 = 3;
pub(in crate::netlink) const NFTA_SET_KEY_TYPE: u16 = 4;
pub(in crate::netlink) const NFTA_SET_KEY_LEN: u16 = 5;
pub(in crate::netlink) const NFTA_SET_DATA_TYPE: u16 = 6;
pub(in crate::netlink) const NFTA_SET_DATA_LEN: u16 = 7;
pub(in crate::netlink) const NFTA_SET_ID: u16 = 10;
pub(in crate::netlink) const NFTA_SET_USERDATA: u16 = 13;
pub(in crate::netlink) const NFT_SET_INTERVAL: u32 = 4;
pub(in crate::netlink) const NFT_SET_MAP: u32 = 8;
pub(in crate::netlink) const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
pub(in crate::netlink) const NFTA_SET_ELEM_LIST_SET: u16 = 2;
pub(in crate::netlink) const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
pub(in crate::netlink) const NFTA_SET_ELEM_KEY: u16 = 1;
pub(in crate::netlink) const NFTA_SET_ELEM_DATA: u16 = 2;
pub(in crate::netlink) const NFTA_SET_ELEM_FLAGS: u16 = 3;
pub(in crate::netlink) const NFT_SET_ELEM_INTERVAL_END: u32 = 1;

pub(in crate::netlink) const NFTA_DATA_VALUE: u16 = 1;
pub(in crate::netlink) const NFTA_DATA_VERDICT: u16 = 2;
pub(in crate::netlink) const NFTA_VERDICT_CODE: u16 = 1;
pub(in crate::netlink) const NFTA_VERDICT_CHAIN: u16 = 2;
pub(in crate::netlink) const NF_DROP: u32 = 0;
pub(in crate::netlink) const NF_ACCEPT: u32 = 1;
/// In the kernel these are negative.
pub(in crate::netlink) const NFT_JUMP: u32 = (-3_i32).cast_unsigned();
pub(in crate::netlink) const NFT_GOTO: u32 = (-4_i32).cast_unsigned();
pub(in crate::netlink) const NFT_RETURN: u32 = (-5_i32).cast_unsigned();
pub(in crate::netlink) const NFT_REG_VERDICT: u32 = 0;
pub(in crate::netlink) const NFT_REG_1: u32 = 1;

pub(in crate::netlink) const NFTA_META_DREG: u16 = 1;
pub(in crate::netlink) const NFTA_META_KEY: u16 = 2;
pub(in crate::netlink) const NFT_META_IIF: u32 = 4;
pub(in crate::netlink) const NFT_META_OIF: u32 = 5;
pub(in crate::netlink) const NFT_META_IIFNAME: u32 = 6;
pub(in crate::netlink) const NFT_META_OIFNAME: u32 = 7;
pub(in crate::netlink) const NFT_META_L4PROTO: u32 = 16;
pub(in crate::netlink) const NFT_META_IIFKIND: u32 = 26;

pub(in crate::netlink) const NFTA_PAYLOAD_DREG: u16 = 1;
pub(in crate::netlink) const NFTA_PAYLOAD_BASE: u16 = 2;
pub(in crate::netlink) const NFTA_PAYLOAD_OFFSET: u16 = 3;
pub(in crate::netlink) const NFTA_PAYLOAD_LEN: u16 = 4;
pub(in crate::netlink) const NFTA_PAYLOAD_SREG: u16 = 5;
pub(in crate::netlink) const NFTA_PAYLOAD_CSUM_TYPE: u16 = 6;
pub(in crate::netlink) const NFTA_PAYLOAD_CSUM_OFFSET: u16 = 7;
pub(in crate::netlink) const NFTA_PAYLOAD_CSUM_FLAGS: u16 = 8;
pub(in crate::netlink) const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
pub(in crate::netlink) const NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;

pub(in crate::netlink) const NFTA_CMP_SREG: u16 = 1;
pub(in crate::netlink) const NFTA_CMP_OP: u16 = 2;
pub(in crate::netlink) const NFTA_CMP_DATA: u16 = 3;
pub(in crate::netlink) const NFT_CMP_EQ: u32 = 0;
pub(in crate::netlink) const NFT_CMP_NEQ: u32 = 1;
pub(in crate::netlink) const NFT_CMP_LTE: u32 = 3;
pub(in crate::netlink) const NFT_CMP_GTE: u32 = 5;

pub(in crate::netlink) const NFTA_BITWISE_SREG: u16 = 1;
pub(in crate::netlink) const NFTA_BITWISE_DREG: u16 = 2;
pub(in crate::netlink) const NFTA_BITWISE_LEN: u16 = 3;
pub(in crate::netlink) const NFTA_BITWISE_MASK: u16 = 4;
pub(in crate::netlink) const NFTA_BITWISE_XOR: u16 = 5;
pub(in crate::netlink) const NFTA_BITWISE_OP: u16 = 6;
pub(in crate::netlink) const NFTA_BITWISE_DATA: u16 = 7;
pub(in crate::netlink) const NFT_BITWISE_BOOL: u32 = 0;
pub(in crate::netlink) const NFT_BITWISE_LSHIFT: u32 = 1;

pub(in crate::netlink) const NFTA_BYTEORDER_SREG: u16 = 1;
pub(in crate::netlink) const NFTA_BYTEORDER_DREG: u16 = 2;
pub(in crate::netlink) const NFTA_BYTEORDER_OP: u16 = 3;
pub(in crate::netlink) const NFTA_BYTEORDER_LEN: u16 = 4;
pub(in crate::netlink) const NFTA_BYTEORDER_SIZE: u16 = 5;
pub(in crate::netlink) const NFT_BYTEORDER_NTOH: u32 = 0;
pub(in crate::netlink) const NFT_BYTEORDER_HTON: u32 = 1;

pub(in crate::netlink) const NFTA_LOOKUP_SET: u16 = 1;
pub(in crate::netlink) const NFTA_LOOKUP_SREG: u16 = 2;
pub(in crate::netlink) const NFTA_LOOKUP_DREG: u16 = 3;
pub(in crate::netlink) const NFTA_LOOKUP_FLAGS: u16 = 5;
pub(in crate::netlink) const NFT_LOOKUP_F_INV: u32 = 1;

pub(in crate::netlink) const NFTA_IMMEDIATE_DREG: u16 = 1;
pub(in crate::netlink) const NFTA_IMMEDIATE_DATA: u16 = 2;

pub(in crate::netlink) const NFTA_COUNTER_BYTES: u16 = 1;
pub(in crate::netlink) const NFTA_COUNTER_PACKETS: u16 = 2;

pub(in crate::netlink) const NFTA_FIB_DREG: u16 = 1;
pub(in crate::netlink) const NFTA_FIB_RESULT: u16 = 2;
pub(in crate::netlink) const NFTA_FIB_FLAGS: u16 = 3;
pub(in crate::netlink) const NFT_FIB_RESULT_OIF: u32 = 1;
pub(in crate::netlink) const NFT_FIB_RESULT_ADDRTYPE: u32 = 3;
pub(in crate::netlink) const NFTA_FIB_F_SADDR: u32 = 1;
pub(in crate::netlink) const NFTA_FIB_F_DADDR: u32 = 2;
/// rtnetlink.h, in the machine's byte order within a register.
pub(in crate::netlink) const RTN_LOCAL: u32 = 2;

pub(in crate::netlink) const NFTA_EXTHDR_DREG: u16 = 1;
pub(in crate::netlink) const NFTA_EXTHDR_TYPE: u16 = 2;
pub(in crate::netlink) const NFTA_EXTHDR_OFFSET: u16 = 3;
pub(in crate::netlink) const NFTA_EXTHDR_LEN: u16 = 4;
pub(in crate::netlink) const NFTA_EXTHDR_FLAGS: u16 = 5;
pub(in crate::netlink) const NFTA_EXTHDR_OP: u16 = 6;
pub(in crate::netlink) const NFTA_EXTHDR_SREG: u16 = 7;
pub(in crate::netlink) const NFT_EXTHDR_OP_IPV6: u32 = 0;
pub(in crate::netlink) const NFT_EXTHDR_OP_TCPOPT: u32 = 1;

pub(in crate::netlink) const NFTA_CT_KEY: u16 = 2;
pub(in crate::netlink) const NFT_CT_STATE: u32 = 0;
/// nf_conntrack_common.h: connection tracking does not understand the packet.
pub(in crate::netlink) const NF_CT_STATE_INVALID_BIT: u32 = 1;

/// nf_tables_compat.h: a match or a target of iptables.
pub(in crate::netlink) const NFTA_MATCH_NAME: u16 = 1;
pub(in crate::netlink) const NFTA_MATCH_INFO: u16 = 3;
pub(in crate::netlink) const NFTA_TARGET_NAME: u16 = 1;
