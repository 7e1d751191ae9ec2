//! Faults of `hops` and `lists`, which share the flows of a route or a policy. Not here: finding them (the reader).

use miette::Diagnostic;

/// A fault of `hops` or `lists`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum SpreadFault {
    /// Two ways to say the next hop.
    #[error("the route has `hops` and `{key}`")]
    #[diagnostic(
        code(segbox::hops_and_via),
        help("keep `{key}` for a single next hop; or write it as one of `hops`: {{ via = ..., interface = ... }}")
    )]
    HopsAndVia {
        /// `via` or `interface`.
        key: &'static str,
    },
    /// A list without an entry.
    #[error("`{key}` is empty")]
    #[diagnostic(code(segbox::no_hops), help("write at least one entry, such as `{example}`"))]
    None {
        /// `hops` or `lists`.
        key: &'static str,
        /// An entry.
        example: &'static str,
    },
    /// A hop that leads nowhere.
    #[error("this hop has no gateway and no interface")]
    #[diagnostic(code(segbox::hop_nowhere), help("add `via`, `interface` or both"))]
    HopNowhere,
    /// The same entry again. The kernel takes no hop twice (net/ipv4/nexthop.c, nh_check_attr_group).
    #[error("`{key}` has this entry twice")]
    #[diagnostic(
        code(segbox::hop_twice),
        help("remove one of the two; for a larger share of the flows give the other one a greater `weight`")
    )]
    Twice {
        /// `hops` or `lists`.
        key: &'static str,
    },
    /// More than a dump of the kernel's routes has room for.
    #[error("`{key}` has {count} {what}, and {most} is the most")]
    #[diagnostic(code(segbox::too_many_hops), help("leave some out, or split the destination"))]
    TooMany {
        /// `hops` or `lists`.
        key: &'static str,
        /// How many.
        count: usize,
        /// Of what: `entries`, `segments`.
        what: &'static str,
        /// The most.
        most: usize,
    },
}
