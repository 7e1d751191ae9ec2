//! The tables of segbox.toml, but for `[srv6]`.

use super::srv6::SRV6;
use super::{Key, Kind, POSITIVE, Table, WHOLE, range};
use crate::forms::Form;

/// The file.
pub(crate) static SEGBOX: Table = Table {
    title: "The file",
    doc: "One box. Every table is optional: an empty file is a box with loopback and nothing else.",
    rows: &[],
    keys: &[
        Key::optional("system", Kind::Table(&SYSTEM), "The box itself.", ""),
        Key::optional(
            "interface",
            Kind::Named(Form::Interface, &Kind::Table(&INTERFACE)),
            "Network interfaces, by name.",
            "",
        ),
        Key::optional("vrf", Kind::Named(Form::Interface, &Kind::Table(&VRF)), "Virtual routing tables, by name.", ""),
        Key::optional("route", Kind::Rows(&ROUTE), "Static routes.", ""),
        Key::optional("neighbor", Kind::Rows(&NEIGHBOR), "Permanent neighbours.", ""),
        Key::optional("srv6", Kind::Table(&SRV6), "What the box does for SRv6.", ""),
        Key::optional(
            "program",
            Kind::Named(Form::Program, &Kind::Table(&PROGRAM)),
            "BPF programs, by a name of your own.",
            "",
        ),
    ],
};

static SYSTEM: Table = Table {
    title: "[system]",
    doc: "The box itself.",
    rows: &[],
    keys: &[
        Key::optional("hostname", Kind::Text(Form::Hostname), "The box's name.", "\"r2\""),
        Key::optional(
            "hardware",
            Kind::Text(Form::Free("a profile's name, \"auto\" or \"none\"")),
            "The hardware profile that tunes the box: a name, `auto` for the best match (the default), or `none` to touch no NIC, IRQ or CPU setting.",
            "\"auto\"",
        ),
    ],
};

static INTERFACE: Table = Table {
    title: "[interface.NAME]",
    doc: "A network interface. NAME is the name it has, or gets where `match` finds it by its hardware.",
    rows: &[],
    keys: &[
        Key::optional(
            "match",
            Kind::Table(&MATCH),
            "The hardware this name belongs to; what is given must fit, all of it. Without it: the interface of this name.",
            "{ mac = \"52:54:00:12:34:56\" }",
        ),
        Key::optional(
            "addresses",
            Kind::List(&Kind::Text(Form::OnLink)),
            "Its addresses, each with the prefix length of the link.",
            "[\"2001:db8:12::2/64\"]",
        ),
        Key::optional(
            "mtu",
            Kind::Int(range(68, 65535, " (bytes)")),
            "Largest packet it carries, in bytes; 1280 or more where it speaks IPv6.",
            "9000",
        ),
        Key::optional(
            "srv6",
            Kind::Bool,
            "Accept SRv6 packets here (the kernel's `seg6_enabled`); false without it.",
            "true",
        ),
        Key::optional(
            "hmac",
            Kind::Word(&["ignore", "check", "require"]),
            "What is asked of the HMAC TLV of packets that come in here (the kernel's `seg6_require_hmac` -1, 0, 1).",
            "\"require\"",
        ),
    ],
};

static MATCH: Table = Table {
    title: "`match`",
    doc: "Hardware; both keys: both must fit.",
    rows: &[],
    keys: &[
        Key::optional("mac", Kind::Text(Form::Mac), "Its permanent MAC address.", "\"52:54:00:12:34:56\""),
        Key::optional("pci", Kind::Text(Form::Pci), "Its PCI path.", "\"0000:03:00.0\""),
    ],
};

static VRF: Table = Table {
    title: "[vrf.NAME]",
    doc: "A VRF: a routing table of its own and the interfaces that use it. A packet that the table has no route for goes no further, unless a `[[route]]` with `vrf` leads out of it.",
    rows: &[],
    keys: &[
        Key::required("table", Kind::Int(POSITIVE), "Its routing table; not 253, 254 or 255.", "100"),
        Key::optional("interfaces", Kind::List(&Kind::Text(Form::Interface)), "The interfaces in it.", "[\"eth2\"]"),
    ],
};

const VIA: &str = "The gateway; a link-local one needs `interface`.";
pub(super) const VRF_OF: &str = "The VRF whose table it goes into; without it the main table.";
pub(super) const METRIC: &str =
    "Among entries for the same destination the lowest wins; without it the kernel's default (IPv6 1024, IPv4 0).";

static ROUTE: Table = Table {
    title: "[[route]]",
    doc: "A static route. It needs `via`, `interface` or both.",
    rows: &[],
    keys: &[
        Key::required(
            "destination",
            Kind::Text(Form::Prefix),
            "Where to: an IPv6 or IPv4 prefix.",
            "\"2001:db8:34::/64\"",
        ),
        Key::optional("via", Kind::Text(Form::Ip), VIA, "\"2001:db8:23::3\""),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "Leaves here; without it the kernel finds it from `via`.",
            "\"eth1\"",
        ),
        Key::optional("vrf", Kind::Text(Form::Interface), VRF_OF, "\"blue\""),
        Key::optional("metric", Kind::Int(WHOLE), METRIC, "1024"),
    ],
};

static NEIGHBOR: Table = Table {
    title: "[[neighbor]]",
    doc: "A permanent neighbour: nothing is asked on the link.",
    rows: &[],
    keys: &[
        Key::required("address", Kind::Text(Form::Ip), "Its address.", "\"2001:db8:23::3\""),
        Key::required("mac", Kind::Text(Form::Mac), "Its link-layer address.", "\"52:54:00:12:34:99\""),
        Key::required("interface", Kind::Text(Form::Interface), "The link it is on.", "\"eth1\""),
    ],
};

static PROGRAM: Table = Table {
    title: "[program.NAME]",
    doc: "A BPF program: one of an object's, with its globals and maps filled from here.",
    rows: &[],
    keys: &[
        Key::required(
            "object",
            Kind::Text(Form::Free("`builtin:` and a name, or the path of an ELF object")),
            "A built-in object (`segbox programs` lists them), or the path of your own; relative to this file.",
            "\"builtin:end_add_tlv\"",
        ),
        Key::optional(
            "section",
            Kind::Text(Form::Free("an ELF section or a function")),
            "Which program of the object, by its section or its function; needed where it holds several.",
            "\"lwt_seg6local/stamp\"",
        ),
        Key::optional(
            "globals",
            Kind::Named(Form::Free("a global's name"), &Kind::Typed),
            "Read-only globals of the object (.rodata), set before it is verified.",
            "",
        ),
        Key::optional(
            "map",
            Kind::Named(Form::Free("a map's name"), &Kind::Named(Form::Free("a row's key"), &Kind::Typed)),
            "Rows of the object's maps: a table a map, in it a row's key and its value.",
            "",
        ),
    ],
};
