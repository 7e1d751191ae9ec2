//! Numbers of the kernel's interface that neither libc nor the netlink crates carry, by their names in include/uapi/linux.

/// if_link.h, Linux 5.14.
pub(super) const IFLA_PARENT_DEV_NAME: u16 = 56;
pub(super) const IFLA_PARENT_DEV_BUS_NAME: u16 = 57;
pub(super) const IFLA_VRF_TABLE: u16 = 1;

/// if_link.h.
pub(super) const IFLA_VLAN_ID: u16 = 1;
pub(super) const IFLA_VLAN_PROTOCOL: u16 = 5;

/// if_link.h, Linux 3.14.
pub(super) const IFLA_BOND_MODE: u16 = 1;
pub(super) const IFLA_BOND_MIIMON: u16 = 3;
pub(super) const IFLA_BOND_XMIT_HASH_POLICY: u16 = 14;
pub(super) const IFLA_BOND_AD_LACP_RATE: u16 = 21;
pub(super) const IFLA_BOND_AD_INFO: u16 = 23;
pub(super) const IFLA_BOND_AD_INFO_PARTNER_MAC: u16 = 5;
pub(super) const IFLA_BOND_SLAVE_STATE: u16 = 1;
pub(super) const IFLA_BOND_SLAVE_MII_STATUS: u16 = 2;
pub(super) const IFLA_BOND_SLAVE_PERM_HWADDR: u16 = 4;

/// if_bonding.h.
pub(super) const BOND_LINK_UP: u8 = 0;
pub(super) const BOND_STATE_ACTIVE: u8 = 0;

/// if_link.h, Linux 4.13.
pub(super) const IFLA_XDP_PROG_ID: u16 = 4;

/// if.h.
pub(super) const IFF_LOWER_UP: libc::c_int = 1 << 16;
pub(super) const IF_OPER_DORMANT: u8 = 5;

/// if_addr.h, Linux 3.14.
pub(super) const IFA_FLAGS: u16 = 8;

/// if_addr.h, Linux 5.18.
pub(super) const IFA_PROTO: u16 = 11;
pub(super) const IFAPROT_KERNEL_RA: u8 = 2;

/// neighbour.h, Linux 4.20.
pub(super) const NDA_PROTOCOL: u16 = 12;

/// rtnetlink.h.
pub(super) const RTNH_F_ONLINK: u32 = 4;
pub(super) const RTA_NH_ID: u16 = 30;
pub(super) const RTAX_MTU: u16 = 2;

/// rtnetlink.h, nexthop.h; Linux 5.3.
pub(super) const RTM_NEWNEXTHOP: u16 = 104;
pub(super) const RTM_DELNEXTHOP: u16 = 105;
pub(super) const RTM_GETNEXTHOP: u16 = 106;
pub(super) const NHA_ID: u16 = 1;
pub(super) const NHA_GROUP: u16 = 2;
pub(super) const NHA_GROUP_TYPE: u16 = 3;
pub(super) const NHA_BLACKHOLE: u16 = 4;
pub(super) const NHA_OIF: u16 = 5;
pub(super) const NHA_GATEWAY: u16 = 6;
pub(super) const NHA_ENCAP_TYPE: u16 = 7;
pub(super) const NHA_ENCAP: u16 = 8;
pub(super) const NHA_FDB: u16 = 11;
pub(super) const NEXTHOP_GRP_TYPE_MPATH: u16 = 0;

/// fib_rules.h.
pub(super) const FRA_SRC: u16 = 2;
pub(super) const FRA_IIFNAME: u16 = 3;
pub(super) const FRA_PRIORITY: u16 = 6;
pub(super) const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
pub(super) const FRA_TABLE: u16 = 15;
pub(super) const FRA_PROTOCOL: u16 = 21;
pub(super) const FR_ACT_TO_TBL: u8 = 1;

/// lwtunnel.h.
pub(super) const LWTUNNEL_ENCAP_SEG6: u16 = 5;
pub(super) const LWTUNNEL_ENCAP_BPF: u16 = 6;
pub(super) const LWTUNNEL_ENCAP_SEG6_LOCAL: u16 = 7;

/// lwtunnel.h, Linux 4.10.
pub(super) const LWT_BPF_IN: u16 = 1;

/// seg6_iptunnel.h, Linux 4.10, 7.1 and 7.3.
pub(super) const SEG6_IPTUNNEL_SRH: u16 = 1;
pub(super) const SEG6_IPTUNNEL_SRC: u16 = 2;
pub(super) const SEG6_IPTUNNEL_TABLE: u16 = 3;
pub(super) const SEG6_IPTUN_MODE_INLINE: u32 = 0;
pub(super) const SEG6_IPTUN_MODE_ENCAP: u32 = 1;
pub(super) const SEG6_IPTUN_MODE_L2ENCAP: u32 = 2;
pub(super) const SEG6_IPTUN_MODE_ENCAP_RED: u32 = 3;
pub(super) const SEG6_IPTUN_MODE_L2ENCAP_RED: u32 = 4;

/// seg6.h.
pub(super) const SR6_FLAG1_HMAC: u8 = 1 << 3;
pub(super) const SR6_TLV_HMAC: u8 = 5;

/// seg6_local.h.
pub(super) const SEG6_LOCAL_ACTION: u16 = 1;
pub(super) const SEG6_LOCAL_SRH: u16 = 2;
pub(super) const SEG6_LOCAL_TABLE: u16 = 3;
pub(super) const SEG6_LOCAL_NH4: u16 = 4;
pub(super) const SEG6_LOCAL_NH6: u16 = 5;
pub(super) const SEG6_LOCAL_OIF: u16 = 7;
pub(super) const SEG6_LOCAL_BPF: u16 = 8;
pub(super) const SEG6_LOCAL_VRFTABLE: u16 = 9;
pub(super) const SEG6_LOCAL_COUNTERS: u16 = 10;
pub(super) const SEG6_LOCAL_FLAVORS: u16 = 11;
pub(super) const SEG6_LOCAL_BPF_PROG: u16 = 1;
pub(super) const SEG6_LOCAL_BPF_PROG_NAME: u16 = 2;
pub(super) const SEG6_LOCAL_CNT_PACKETS: u16 = 2;
pub(super) const SEG6_LOCAL_CNT_BYTES: u16 = 3;
pub(super) const SEG6_LOCAL_CNT_ERRORS: u16 = 4;
pub(super) const SEG6_LOCAL_FLV_OPERATION: u16 = 1;
pub(super) const SEG6_LOCAL_FLV_LCBLOCK_BITS: u16 = 2;
pub(super) const SEG6_LOCAL_FLV_LCNODE_FN_BITS: u16 = 3;
pub(super) const SEG6_LOCAL_FLV_OP_PSP: u32 = 1;
pub(super) const SEG6_LOCAL_FLV_OP_NEXT_CSID: u32 = 4;

/// seg6_genl.h.
pub(super) const SEG6_ATTR_DST: u16 = 1;
pub(super) const SEG6_ATTR_HMACKEYID: u16 = 3;
pub(super) const SEG6_ATTR_SECRET: u16 = 4;
pub(super) const SEG6_ATTR_SECRETLEN: u16 = 5;
pub(super) const SEG6_ATTR_ALGID: u16 = 6;
pub(super) const SEG6_CMD_SETHMAC: u8 = 1;
pub(super) const SEG6_CMD_DUMPHMAC: u8 = 2;
pub(super) const SEG6_CMD_SET_TUNSRC: u8 = 3;
pub(super) const SEG6_CMD_GET_TUNSRC: u8 = 4;
