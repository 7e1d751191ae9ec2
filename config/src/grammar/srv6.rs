//! `[srv6]` and the tables in it.

use super::segbox::{METRIC, VRF_OF};
use super::{Key, Kind, POSITIVE, Table, WHOLE, range};
use crate::behavior::{ENDPOINT_NAMES, ENDPOINTS, FLAVOR_NAMES, HEADEND_NAMES, HEADENDS, REFUSED_NAMES};
use crate::forms::Form;

/// What the box does for SRv6.
pub(super) static SRV6: Table = Table {
    title: "[srv6]",
    doc: "What the box does for SRv6 (RFC 8754, RFC 8986).",
    rows: &[],
    keys: &[
        Key::optional(
            "locator",
            Kind::Text(Form::Ipv6Prefix),
            "The prefix that others route to this box for its SIDs; a SID outside it is a warning.",
            "\"fc00:0:2::/48\"",
        ),
        Key::optional(
            "source",
            Kind::Text(Form::Ipv6),
            "Outer source address of what this box encapsulates: an address of its own, which no packet may have that comes into a VRF with policies.",
            "\"fc00:0:2::1\"",
        ),
        Key::optional("hmac-key", Kind::Named(Form::KeyId, &Kind::Table(&HMAC_KEY)), "HMAC keys, by id.", ""),
        Key::optional("sid", Kind::Rows(&SID), "My Local SID Table.", ""),
        Key::optional("policy", Kind::Rows(&POLICY), "What the box does as a headend.", ""),
    ],
};

static HMAC_KEY: Table = Table {
    title: "[srv6.hmac-key.ID]",
    doc: "An HMAC key (RFC 8754 section 2.1.2). The secret is in a file of its own, never here.",
    rows: &[],
    keys: &[
        Key::required("algorithm", Kind::Word(&["sha1", "sha256"]), "How the digest is made.", "\"sha256\""),
        Key::required(
            "secret-file",
            Kind::Text(Form::Free("the path of a file")),
            "The file with the secret, 1 to 64 bytes, readable by its owner only; relative to this file.",
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
            "The SID; a /128 unless a prefix length stands with it.",
            "\"fc00:0:2:1::\"",
        ),
        Key::required("behavior", Kind::Word(&ENDPOINT_NAMES), "What is done for it.", "\"End\""),
        Key::optional(
            "flavors",
            Kind::List(&Kind::Refusable(&FLAVOR_NAMES, &REFUSED_NAMES)),
            "Variations of the behavior; few behaviors have one. Linux does not have USP, USD and REPLACE-CSID.",
            "[\"PSP\"]",
        ),
        Key::optional(
            "csid",
            Kind::Table(&CSID),
            "The lengths of NEXT-CSID's fields; without it 32 and 16 bits.",
            "{ block-length = 32, function-length = 16 }",
        ),
        Key::optional(
            "next-hop",
            Kind::Text(Form::Ip),
            "The adjacency that packets are handed to.",
            "\"2001:db8:23::3\"",
        ),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "The link of the adjacency (End.X), or where frames leave (End.DX2).",
            "\"eth1\"",
        ),
        Key::optional("vrf", Kind::Text(Form::Interface), "The VRF whose table is looked up.", "\"blue\""),
        Key::optional("table", Kind::Int(POSITIVE), "The routing table that is looked up; 254 is the main one.", "100"),
        Key::optional(
            "segments",
            SEGMENTS,
            "The policy's segments, in the order the packet visits them.",
            "[\"fc00:0:9:1::\", \"fc00:0:8:1::\"]",
        ),
        Key::optional("program", Kind::Text(Form::Program), "The `[program.NAME]` that runs.", "\"stamp\""),
    ],
};

static CSID: Table = Table {
    title: "`csid`",
    doc: "Bit lengths of a NEXT-CSID container's fields (RFC 9800 section 4.1); whole bytes, together at most 128.",
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

static POLICY: Table = Table {
    title: "[[srv6.policy]]",
    doc: "What the box does as a headend for the traffic to a destination (RFC 8986 section 5).",
    rows: HEADENDS,
    keys: &[
        Key::required(
            "destination",
            Kind::Text(Form::Prefix),
            "The traffic that is steered: an IPv6 or IPv4 prefix.",
            "\"2001:db8:40::/64\"",
        ),
        Key::required("behavior", Kind::Word(&HEADEND_NAMES), "How it is steered.", "\"H.Encaps\""),
        Key::optional(
            "segments",
            SEGMENTS,
            "In the order the packet visits them.",
            "[\"fc00:0:3:1::\", \"fc00:0:4:3::\"]",
        ),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "The route's device; without it one of segbox's own.",
            "\"eth1\"",
        ),
        Key::optional("vrf", Kind::Text(Form::Interface), VRF_OF, "\"blue\""),
        Key::optional("metric", Kind::Int(WHOLE), METRIC, "512"),
        Key::optional("hmac-key", Kind::Int(POSITIVE), "The `[srv6.hmac-key.ID]` that signs the SRH.", "7"),
        Key::optional(
            "program",
            Kind::Text(Form::Program),
            "The `[program.NAME]` that runs on the way in.",
            "\"classify\"",
        ),
        Key::optional(
            "via",
            Kind::Text(Form::Ip),
            "The gateway of packets that the program lets pass as they are.",
            "\"2001:db8:23::3\"",
        ),
    ],
};
