//! The grammar of segbox.toml. Not here: `[srv6]`, and the keys of behaviors.

use super::route_keys::{METRIC, VRF_OF, WEIGHT, WEIGHTS};
use super::srv6::SRV6;
use super::{Key, Kind, POSITIVE, Table, WHOLE, range};
use crate::forms::Form;
use crate::model::{BondMode, Drops, VlanProtocol};

/// The file.
pub(crate) static SEGBOX: Table = Table {
    title: "The file",
    doc: "One box. Every table is optional: an empty file makes a box that has its loopback interface and nothing else.",
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
        Key::optional("srv6", Kind::Table(&SRV6), "SIDs, policies and HMAC keys.", ""),
        Key::optional("management", Kind::Table(&MANAGEMENT), "Who may manage the box.", ""),
        Key::optional(
            "program",
            Kind::Named(Form::Program, &Kind::Table(&PROGRAM)),
            "BPF programs, by names that you choose.",
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
            Kind::Text(Form::Free("the name of a profile, `auto` or `none`")),
            "The hardware profile that tunes the box: a name; `auto` for the best match, which is the default; `none` to leave all NIC, IRQ and CPU settings as they are.",
            "\"auto\"",
        ),
    ],
};

static MANAGEMENT: Table = Table {
    title: "[management]",
    doc: "Who may manage the box. Without this table segbox listens on no port, and whoever is at the console controls the box.",
    rows: &[],
    keys: &[Key::optional("console", Kind::Table(&CONSOLE), "The serial port and the screen of a box.", "")],
};

static CONSOLE: Table = Table {
    title: "[management.console]",
    doc: "The serial port and the screen of a box that runs the image. On other machines this table has no effect.",
    rows: &[],
    keys: &[Key::optional(
        "password-hash",
        Kind::Text(Form::PasswordHash),
        "The hash of the password that the console asks for before it opens its command line, as crypt(3) writes it: yescrypt (`$y$`) or SHA-crypt (`$6$`, `$5$`). Make one with `mkpasswd -m yescrypt` or `openssl passwd -6`. Without it the console asks for none.",
        "\"$y$j9T$LdJMENpBABJJ3hIHjB1Bi.$gvpqjYFrcQkPlFBkjxjqXoAp2E5uAEc7SOuWvInByu.\"",
    )],
};

static INTERFACE: Table = Table {
    title: "[interface.NAME]",
    doc: "A network interface. NAME is its name, or the name that it gets if `match` finds it by its hardware.",
    rows: &[],
    keys: &[
        Key::optional(
            "match",
            Kind::Table(&MATCH),
            "The hardware that gets this name; all that is given must fit. Without `match`: the interface that has this name.",
            "{ mac = \"52:54:00:12:34:56\" }",
        ),
        Key::optional(
            "vlan",
            Kind::Table(&VLAN),
            "A VLAN on another interface: segbox makes this interface, and removes it.",
            "{ parent = \"eth0\", id = 100 }",
        ),
        Key::optional(
            "bond",
            Kind::Table(&BOND),
            "Several cards that are one port: segbox makes this interface, and removes it.",
            "{ members = [\"eth2\", \"eth3\"], mode = \"802.3ad\" }",
        ),
        Key::optional(
            "addresses",
            Kind::List(&Kind::Text(Form::OnLink)),
            "Its addresses, each with the prefix length of its link.",
            "[\"2001:db8:12::2/64\"]",
        ),
        Key::optional(
            "dhcp",
            Kind::Bool,
            "Whether it gets an IPv4 address, its routes and DNS servers by DHCP, beside `addresses`; the default is `false`. `segbox keep` holds the lease.",
            "true",
        ),
        Key::optional(
            "accept-ra",
            Kind::Bool,
            "Whether it gets IPv6 addresses, a default route and DNS servers by router advertisements, beside `addresses`; the default is `false`.",
            "true",
        ),
        Key::optional(
            "mtu",
            Kind::Int(range(68, 65535, " (bytes)")),
            "The largest packet in bytes; at least 1280 on an interface with IPv6. A VLAN without it has that of its parent, a bond 1500; the members of a bond have the bond's.",
            "9000",
        ),
        Key::optional(
            "srv6",
            Kind::Bool,
            "Whether the interface is inside the SR domain and accepts SRv6 packets (the kernel's `seg6_enabled`, and `edge-filter`); the default is `false`.",
            "true",
        ),
        Key::optional(
            "hmac",
            Kind::Word(&["ignore", "check", "require"]),
            "The check of the HMAC TLV of incoming packets (the kernel's `seg6_require_hmac` -1, 0, 1). `require` also guards SIDs that decapsulate; `check` is no guard: a packet without an HMAC passes.",
            "\"require\"",
        ),
        Key::optional(
            "xdp",
            Kind::Word(&["native", "generic", "off"]),
            "The fast path at this port, with `fast-path = \"xdp\"`: in the driver, in the stack, or not at all. Without the key it is at cards whose drivers can do it ([fast-path.md](fast-path.md)).",
            "\"native\"",
        ),
    ],
};

static MATCH: Table = Table {
    title: "`match`",
    doc: "The hardware of an interface. If both keys are given, both must fit.",
    rows: &[],
    keys: &[
        Key::optional("mac", Kind::Text(Form::Mac), "Its permanent MAC address.", "\"52:54:00:12:34:56\""),
        Key::optional("pci", Kind::Text(Form::Pci), "Its PCI address.", "\"0000:03:00.0\""),
    ],
};

static VLAN: Table = Table {
    title: "`vlan`",
    doc: "A VLAN: the frames of another interface that have this tag. The parent may be a VLAN too (QinQ). The interface itself needs no entry in the file; segbox brings it up.",
    rows: &[],
    keys: &[
        Key::required(
            "parent",
            Kind::Text(Form::Interface),
            "The interface that the tagged frames leave by.",
            "\"eth0\"",
        ),
        Key::required(
            "id",
            Kind::Int(range(1, 4094, " (0 and 4095 are reserved, IEEE 802.1Q)")),
            "The number of the VLAN. If the name ends with a number after a dot, it is the same.",
            "100",
        ),
        Key::optional(
            "protocol",
            Kind::Word(&VlanProtocol::WORDS),
            "The kind of the tag; the default is `802.1Q`. The outer tag of two is usually `802.1ad`.",
            "\"802.1ad\"",
        ),
    ],
};

static BOND: Table = Table {
    title: "`bond`",
    doc: "A bond (LAG): cards whose cables lead to the same place. A card without a carrier is left out until it is back. Members need no entry in the file; one that has an entry can have `match` and nothing else.",
    rows: &[],
    keys: &[
        Key::required(
            "members",
            Kind::List(&Kind::Text(Form::Interface)),
            "Its cards. One that a box does not have is left out.",
            "[\"eth2\", \"eth3\"]",
        ),
        Key::required(
            "mode",
            Kind::Word(&BondMode::WORDS),
            "`802.3ad`: all members that the other end has agreed on by LACP, and flows are spread by what is in a tunnel (encap3+4); `active-backup`: one member at a time, for two switches that know nothing of each other.",
            "\"802.3ad\"",
        ),
    ],
};

static VRF: Table = Table {
    title: "[vrf.NAME]",
    doc: "A VRF: a routing table, and the interfaces that use it. The VRF drops a packet that its table has no route for; a `[[route]]` with `vrf` can lead out of the VRF.",
    rows: &[],
    keys: &[
        Key::required("table", Kind::Int(POSITIVE), "Its routing table; any but 253, 254 and 255.", "100"),
        Key::optional(
            "interfaces",
            Kind::List(&Kind::Text(Form::Interface)),
            "The interfaces that use it.",
            "[\"eth2\"]",
        ),
    ],
};

const VIA: &str = "The gateway. A link-local one needs `interface`.";

static ROUTE: Table = Table {
    title: "[[route]]",
    doc: "A static route. It needs `via`, `interface` or both; or `hops`; or `type`.",
    rows: &[],
    keys: &[
        Key::required(
            "destination",
            Kind::Text(Form::Prefix),
            "The destination of the packets.",
            "\"2001:db8:34::/64\"",
        ),
        Key::optional("via", Kind::Text(Form::Ip), VIA, "\"2001:db8:23::3\""),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "The interface that packets leave by; without it the kernel finds it by `via`.",
            "\"eth1\"",
        ),
        Key::optional(
            "hops",
            Kind::Rows(&HOP),
            "Next hops that share the flows, instead of `via` and `interface`.",
            "[{ via = \"fe80::3\", interface = \"eth1\", weight = 2 }, { via = \"2001:db8:24::4\" }]",
        ),
        Key::optional(
            "type",
            Kind::Word(&Drops::WORDS),
            "Packets are dropped, and it says what their senders are told: `unreachable` that there is no route, `prohibit` that it is not allowed, `blackhole` nothing.",
            "\"blackhole\"",
        ),
        Key::optional("vrf", Kind::Text(Form::Interface), VRF_OF, "\"blue\""),
        Key::optional(
            "table",
            Kind::Int(POSITIVE),
            "A routing table without a VRF, by its number; any but 255. Instead of `vrf`.",
            "77",
        ),
        Key::optional("metric", Kind::Int(WHOLE), METRIC, "1024"),
    ],
};

static HOP: Table = Table {
    title: "`hops`",
    doc: "A next hop of a route. It needs `via`, `interface` or both. A hop whose interface is down or has no carrier is left out until it is back; the others carry its flows.",
    rows: &[],
    keys: &[
        Key::optional("via", Kind::Text(Form::Ip), VIA, "\"fe80::3\""),
        Key::optional(
            "interface",
            Kind::Text(Form::Interface),
            "The interface that packets leave by; without it that of the link that `via` is on, also after `via` has moved to another link.",
            "\"eth1\"",
        ),
        Key::optional("weight", Kind::Int(WEIGHT), WEIGHTS, "2"),
    ],
};

static NEIGHBOR: Table = Table {
    title: "[[neighbor]]",
    doc: "A permanent neighbour: the kernel does not ask for its link-layer address.",
    rows: &[],
    keys: &[
        Key::required("address", Kind::Text(Form::Ip), "Its address.", "\"2001:db8:23::3\""),
        Key::required("mac", Kind::Text(Form::Mac), "Its link-layer address.", "\"52:54:00:12:34:99\""),
        Key::required("interface", Kind::Text(Form::Interface), "The interface of its link.", "\"eth1\""),
    ],
};

static PROGRAM: Table = Table {
    title: "[program.NAME]",
    doc: "A BPF program of an object file, with values for its globals and maps.",
    rows: &[],
    keys: &[
        Key::required(
            "object",
            Kind::Text(Form::Free("`builtin:` and a name, or the path of an ELF object")),
            "A built-in object (`segbox programs` lists them), or the path of an object, relative to the folder of this file.",
            "\"builtin:end_add_tlv\"",
        ),
        Key::optional(
            "section",
            Kind::Text(Form::Free("an ELF section or a function")),
            "The program, by its section or its function; needed if the object has several.",
            "\"lwt_seg6local/stamp\"",
        ),
        Key::optional(
            "globals",
            Kind::Named(Form::Free("the name of a global"), &Kind::Typed),
            "Values of the object's read-only globals (.rodata), set before the program is verified.",
            "",
        ),
        Key::optional(
            "map",
            Kind::Named(Form::Free("the name of a map"), &Kind::Named(Form::Free("the key of an entry"), &Kind::Typed)),
            "Entries of the object's maps: one table per map, with the keys and values of its entries.",
            "",
        ),
    ],
};
