//! The grammar of `[srv6]`. Not here: which keys a behavior has (its row in [`crate::behavior`] says so).

use super::route_keys::{METRIC, VRF_OF, WEIGHT, WEIGHTS};
use super::{Key, Kind, POSITIVE, Table, WHOLE, range};
use crate::behavior::{
    ENDPOINT_NAMES, ENDPOINTS, FLAVOR_NAMES, HEADEND_NAMES, HEADENDS, REFUSED_ENDPOINT_NAMES, REFUSED_HEADEND_NAMES,
    REFUSED_NAMES,
};
use crate::forms::Form;
use crate::model::FlowLabel;

/// `[srv6]`.
pub(super) static SRV6: Table = Table {
    title: "[srv6]",
    doc: "SRv6: SIDs, policies and HMAC keys (RFC 8754, RFC 8986).",
    rows: &[],
    keys: &[
        Key::optional(
            "locator",
            Kind::Text(Form::Ipv6Prefix),
            "The prefix that other routers route to this box for its SIDs; segbox warns of a SID outside it, or with `NEXT-CSID` outside its block.",
            "\"fc00:0:2::/48\"",
        ),
        Key::optional(
            "source",
            Kind::Text(Form::Ipv6),
            "The outer source address of packets that this box encapsulates. If no interface has it, segbox puts it on `lo`: errors about encapsulated packets come to it. If a VRF has policies, the VRFs drop incoming packets with this source.",
            "\"fc00:0:2::1\"",
        ),
        Key::optional(
            "domain",
            BLOCKS,
            "The SID blocks of the SR domain (RFC 8754 section 5.1). From ports without `srv6 = true` no packet comes from there or goes there.",
            "[\"fc00::/16\"]",
        ),
        Key::optional(
            "domain-sources",
            BLOCKS,
            "The outer sources that may reach this box's SIDs on ports with `srv6 = true`; the default is `domain`. Without both keys any source may.",
            "[\"fc00::/16\"]",
        ),
        Key::optional(
            "edge-filter",
            Kind::Bool,
            "Whether SIDs are reachable only on ports with `srv6 = true`; the default is `true`. A file that names no interface filters nothing.",
            "true",
        ),
        Key::optional(
            "locator-blackhole",
            Kind::Bool,
            "Whether a packet to an address of `locator` that nothing has is dropped here; the default is `true`. Without it a default route sends the packet back.",
            "true",
        ),
        Key::optional(
            "mss-clamp",
            Kind::Bool,
            "Whether TCP through policies gets an MSS that fits, in both directions; the default is `true`.",
            "true",
        ),
        Key::optional(
            "dscp",
            Kind::Word(&["copy", "zero"]),
            "The outer traffic class of IPv4 in policies: `copy` is the inner DSCP and ECN, which is the default; `zero` is what Linux does by itself.",
            "\"copy\"",
        ),
        Key::optional(
            "flow-label",
            Kind::Word(&FlowLabel::WORDS),
            "The outer flow label of what the whole box encapsulates: `copy` is the inner one and 0 for IPv4, `hash` is a hash of the inner flow, by which the core spreads IPv4 as well, `zero` is 0. Without it the box's setting stays.",
            "\"hash\"",
        ),
        Key::optional(
            "hop-limit",
            Kind::Word(&["linux", "rfc"]),
            "What a headend does with the hop limit or TTL of a packet that it encapsulates: `linux` leaves it, `rfc` lowers it (RFC 8986, 5.1), so that a packet which policies send in a circle ends. `rfc` needs `source` and Linux 6.6.",
            "\"rfc\"",
        ),
        Key::optional(
            "fast-path",
            Kind::Word(&["kernel", "xdp"]),
            "Who forwards packets of SIDs and policies: the kernel's stack, or with `xdp` a program in the drivers, as long as `segbox keep` or PID 1 runs. The kernel keeps its routes and forwards what the program leaves to it ([fast-path.md](fast-path.md)). `xdp` needs Linux 6.3.",
            "\"xdp\"",
        ),
        Key::optional("hmac-key", Kind::Named(Form::KeyId, &Kind::Table(&HMAC_KEY)), "HMAC keys, by id.", ""),
        Key::optional("sid", Kind::Rows(&SID), "My Local SID Table.", ""),
        Key::optional("policy", Kind::Rows(&POLICY), "The policies of the box as a headend.", ""),
    ],
};

const BLOCKS: Kind = Kind::List(&Kind::Text(Form::Ipv6Prefix));

static HMAC_KEY: Table = Table {
    title: "[srv6.hmac-key.ID]",
    doc: "An HMAC key (RFC 8754 section 2.1.2). Its secret is in another file, never in this one.",
    rows: &[],
    keys: &[
        Key::required("algorithm", Kind::Word(&["sha1", "sha256"]), "The hash function.", "\"sha256\""),
        Key::required(
            "secret-file",
            Kind::Text(Form::Free("the path of a file")),
            "The file with the secret of 1 to 64 bytes, relative to the folder of this file. Only its owner may read it, and none but root may be able to put another in its place.",
            "\"hmac-7.key\"",
        ),
    ],
};

const SEGMENTS: Kind = Kind::List(&Kind::Text(Form::Ipv6));

static SID: Table = Table {
    title: "[[srv6.sid]]",
    doc: "An entry of My Local SID Table (RFC 8986 section 4).",
    rows: ENDPOINTS,
    keys: &[
        Key::required(
            "sid",
            Kind::Text(Form::Sid),
            "The SID; a /128 unless it has a prefix length.",
            "\"fc00:0:2:1::\"",
        ),
        Key::required(
            "behavior",
            Kind::Refusable(&ENDPOINT_NAMES, &REFUSED_ENDPOINT_NAMES),
            "The behavior; it decides which other keys the SID needs and may have.",
            "\"End\"",
        ),
        Key::optional(
            "flavors",
            Kind::List(&Kind::Refusable(&FLAVOR_NAMES, &REFUSED_NAMES)),
            "Variations of the behavior; few behaviors have one. Linux does not have USP, USD and REPLACE-CSID.",
            "[\"PSP\"]",
        ),
        Key::optional(
            "csid",
            Kind::Table(&CSID),
            "The lengths of the fields of NEXT-CSID; the default is 32 and 16 bits.",
            "{ block-length = 32, function-length = 16 }",
        ),
        Key::optional("next-hop", Kind::Text(Form::Ip), "The neighbour that gets the packets.", "\"2001:db8:23::3\""),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "The link of the neighbour (End.X), or the interface that frames leave by (End.DX2).",
            "\"eth1\"",
        ),
        Key::optional("vrf", Kind::Text(Form::Interface), "The VRF whose table is used for the lookup.", "\"blue\""),
        Key::optional("table", Kind::Int(POSITIVE), "The routing table for the lookup; 254 is the main table.", "100"),
        Key::optional(
            "segments",
            SEGMENTS,
            "The policy's segments, in the order in which the packet visits them.",
            "[\"fc00:0:9:1::\", \"fc00:0:8:1::\"]",
        ),
        Key::optional("program", Kind::Text(Form::Program), "The `[program.NAME]` that runs.", "\"stamp\""),
    ],
};

static CSID: Table = Table {
    title: "`csid`",
    doc: "The lengths of a NEXT-CSID container's fields in bits (RFC 9800 section 4.1): whole bytes, together at most 128.",
    rows: &[],
    keys: &[
        Key::required("block-length", Kind::Int(range(8, 120, " (bits)")), "Locator-Block, in bits.", "32"),
        Key::required(
            "function-length",
            Kind::Int(range(8, 120, " (bits)")),
            "Locator-Node and Function, in bits.",
            "16",
        ),
    ],
};

static LIST: Table = Table {
    title: "`lists`",
    doc: "One of a policy's segment lists. All packets of a flow take the same one.",
    rows: &[],
    keys: &[
        Key::required(
            "segments",
            SEGMENTS,
            "The segments, in the order in which the packet visits them.",
            "[\"fc00:0:3:1::\", \"fc00:0:4:3::\"]",
        ),
        Key::optional("weight", Kind::Int(WEIGHT), WEIGHTS, "3"),
    ],
};

static POLICY: Table = Table {
    title: "[[srv6.policy]]",
    doc: "A policy of the box as a headend, for the traffic to a destination (RFC 8986 section 5).",
    rows: HEADENDS,
    keys: &[
        Key::required(
            "destination",
            Kind::Text(Form::Prefix),
            "The destination of the traffic that is steered: an IPv6 or IPv4 prefix.",
            "\"2001:db8:40::/64\"",
        ),
        Key::optional(
            "from",
            Kind::Text(Form::Prefix),
            "Only traffic that comes from this prefix is steered. The longest destination wins, then the longest `from`; other traffic goes on by the table.",
            "\"2001:db8:a::/64\"",
        ),
        Key::required(
            "behavior",
            Kind::Refusable(&HEADEND_NAMES, &REFUSED_HEADEND_NAMES),
            "The headend behavior; it decides which other keys the policy needs and may have.",
            "\"H.Encaps\"",
        ),
        Key::optional(
            "segments",
            SEGMENTS,
            "The segments, in the order in which the packet visits them.",
            "[\"fc00:0:3:1::\", \"fc00:0:4:3::\"]",
        ),
        Key::optional(
            "lists",
            Kind::Rows(&LIST),
            "Segment lists that share the flows, instead of `segments`.",
            "[{ segments = [\"fc00:0:3:1::\"], weight = 3 }, { segments = [\"fc00:0:4:1::\"] }]",
        ),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "The device of the policy's route; without it segbox uses the device segbox0.",
            "\"eth1\"",
        ),
        Key::optional("vrf", Kind::Text(Form::Interface), VRF_OF, "\"blue\""),
        Key::optional("metric", Kind::Int(WHOLE), METRIC, "512"),
        Key::optional("hmac-key", Kind::Int(POSITIVE), "The `[srv6.hmac-key.ID]` that signs the SRH.", "7"),
        Key::optional(
            "source",
            Kind::Text(Form::Ipv6),
            "The outer source address of this policy's packets, instead of `[srv6] source`. Linux 7.1.",
            "\"fc00:0:2::2\"",
        ),
        Key::optional(
            "program",
            Kind::Text(Form::Program),
            "The `[program.NAME]` that runs on incoming packets.",
            "\"classify\"",
        ),
        Key::optional(
            "via",
            Kind::Text(Form::Ip),
            "The gateway of packets that the program does not change.",
            "\"2001:db8:23::3\"",
        ),
    ],
};
