//! Faults of `from` and `source` of a policy. Not here: finding them (the reader).

use std::net::Ipv6Addr;

use miette::Diagnostic;

/// A fault of `from` or `source`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum SteeringFault {
    /// No packet has two families.
    #[error("no packet comes from `{from}` and goes to `{destination}`: one is IPv4 and the other IPv6")]
    #[diagnostic(code(segbox::from_family), help("write two prefixes of one family"))]
    FromFamily {
        /// `from`.
        from: String,
        /// The destination.
        destination: String,
    },
    /// Every packet.
    #[error("every packet comes from `{from}`")]
    #[diagnostic(
        code(segbox::from_anywhere),
        help("remove `from`: without it the policy steers packets from everywhere")
    )]
    FromAnywhere {
        /// `from`.
        from: String,
    },
    /// No packet that a router forwards.
    #[error("no packet to be steered comes from `{from}`: {what}")]
    #[diagnostic(code(segbox::from_unusable), help("write the prefix of the hosts whose traffic is to be steered"))]
    FromUnusable {
        /// `from`.
        from: String,
        /// `they are multicast addresses` and so on.
        what: &'static str,
    },
    /// The program would not know the policy's packets.
    #[error("`hop-limit = \"rfc\"` cannot lower the hop limits of a policy with the source `{address}`")]
    #[diagnostic(
        code(segbox::source_and_hop_limit),
        help(
            "remove `source` from the policy, or `hop-limit` from `[srv6]`: segbox knows by the one `source` of `[srv6]` what this box has encapsulated"
        )
    )]
    SourceAndHopLimit {
        /// The policy's source.
        address: Ipv6Addr,
    },
    /// A rule does not go on behind the unreachable route that a VRF's table ends with (net/core/fib_rules.c, fib_rules_lookup).
    #[error("`from` does not work in a VRF on any kernel yet")]
    #[diagnostic(code(segbox::from_in_vrf), help("remove `from`, or `vrf`"))]
    FromInVrf,
    /// The kernel's rule for VRFs has the next priority.
    #[error("the policies of VRFs with `from` have {count} different pairs of prefix lengths, and {most} is the most")]
    #[diagnostic(
        code(segbox::too_many_lengths),
        help(
            "give destinations and sources the same lengths where that is possible: each pair of lengths takes a rule of the kernel"
        )
    )]
    TooManyLengths {
        /// How many.
        count: usize,
        /// The most.
        most: usize,
    },
    /// The routers behind the headend see one flow.
    #[error(
        "the routers behind this one cannot spread the IPv4 traffic of policies over several links: its outer flow label is 0"
    )]
    #[diagnostic(
        severity(Warning),
        code(segbox::flow_label_of_ipv4),
        help(
            "add `flow-label = \"hash\"` to `[srv6]`: the flow label is then a hash of the inner packet's addresses and ports; or \"copy\" to leave it so"
        )
    )]
    FlowLabelOfIpv4,
    /// segbox numbers the tables of policies with `from` itself.
    #[error("table {table} is one of those that segbox keeps for itself")]
    #[diagnostic(code(segbox::own_table), help("use a table below {first} or above {last}"))]
    OwnTable {
        /// As written.
        table: u32,
        /// The first of segbox's.
        first: u32,
        /// The last.
        last: u32,
    },
}
