//! The grammar of a hardware profile. Not here: which profile fits a box.

use super::{Key, Kind, Table, range};
use crate::forms::Form;

/// The profile.
pub(crate) static PROFILE: Table = Table {
    title: "The profile",
    doc: "Settings that depend on the box and not on the network. segbox does not touch a setting that the profile does not name.",
    rows: &[],
    keys: &[
        Key::required(
            "description",
            Kind::Text(Form::Free("a sentence")),
            "The box family, in words.",
            "\"Supermicro X8SIL, Intel 82599\"",
        ),
        Key::optional(
            "match",
            Kind::Table(&MATCH),
            "The boxes it is for: every key that is given must fit. Of several profiles that fit, the one with the most keys wins.",
            "",
        ),
        Key::optional("cpu", Kind::Table(&CPU), "The CPUs.", ""),
        Key::optional("bpf", Kind::Table(&BPF), "The kernel's settings for BPF programs.", ""),
        Key::optional(
            "nic",
            Kind::Named(Form::Free("a driver or an interface"), &Kind::Table(&NIC)),
            "Network cards, by driver or by interface. A table by interface wins over one by driver; `*` is for all other cards.",
            "",
        ),
        Key::optional("sysctl", Kind::Named(Form::Sysctl, &Kind::Scalar), "Kernel settings, by their dotted name.", ""),
    ],
};

static MATCH: Table = Table {
    title: "[match]",
    doc: "The boxes the profile is for. Without a key it fits every box, and every other profile that fits wins over it.",
    rows: &[],
    keys: &[
        Key::optional(
            "board",
            Kind::Text(Form::Free("a glob")),
            "DMI board name; `*` and `?` are wildcards.",
            "\"X8SIL*\"",
        ),
        Key::optional(
            "cpu",
            Kind::Text(Form::Free("a glob")),
            "CPU model name; `*` and `?` are wildcards.",
            "\"*X3440*\"",
        ),
        Key::optional(
            "nics",
            Kind::List(&Kind::Text(Form::Free("a driver"))),
            "Drivers of network cards: all of them must be there.",
            "[\"ixgbe\"]",
        ),
        Key::optional(
            "any-nic",
            Kind::List(&Kind::Text(Form::Free("a driver"))),
            "Drivers of network cards: at least one of them must be there.",
            "[\"i40e\", \"ice\"]",
        ),
        Key::optional(
            "virtual",
            Kind::Bool,
            "Whether the box must be a virtual machine (the CPU flag `hypervisor`), or must not.",
            "false",
        ),
    ],
};

static CPU: Table = Table {
    title: "[cpu]",
    doc: "The CPUs and their work.",
    rows: &[],
    keys: &[
        Key::optional(
            "governor",
            Kind::Text(Form::Free("a governor")),
            "The scaling governor of cpufreq, on every CPU.",
            "\"performance\"",
        ),
        Key::optional(
            "max-cstate-latency-us",
            Kind::Int(range(0, 1_000_000, " (microseconds)")),
            "Longest time that a CPU may take to wake up, in microseconds (/dev/cpu_dma_latency).",
            "1",
        ),
        Key::optional("smt", Kind::Word(&["keep", "off"]), "Simultaneous multithreading.", "\"keep\""),
        Key::optional("housekeeping", Kind::Text(Form::CpuList), "CPUs for everything but forwarding.", "\"0\""),
        Key::optional("forwarding", Kind::Text(Form::CpuList), "CPUs that forward packets.", "\"1-3\""),
    ],
};

static BPF: Table = Table {
    title: "[bpf]",
    doc: "The kernel's settings for BPF programs.",
    rows: &[],
    keys: &[
        Key::optional(
            "jit",
            Kind::Word(&["on", "off", "debug"]),
            "The BPF JIT: net.core.bpf_jit_enable 1, 0 and 2.",
            "\"on\"",
        ),
        Key::optional(
            "harden",
            Kind::Bool,
            "net.core.bpf_jit_harden: slower programs, protection against malicious ones.",
            "false",
        ),
    ],
};

static NIC: Table = Table {
    title: "[nic.NAME]",
    doc: "A network card's queues, interrupts and offloads. NAME is a driver or an interface.",
    rows: &[],
    keys: &[
        Key::optional(
            "queues",
            Kind::WordOrInt(&["forwarding"], range(1, 1024, "")),
            "Receive and transmit queues: a number, or one per forwarding CPU.",
            "\"forwarding\"",
        ),
        Key::optional("rx-ring", RING, "Receive descriptors per queue.", "\"max\""),
        Key::optional("tx-ring", RING, "Transmit descriptors per queue.", "\"max\""),
        Key::optional(
            "irq",
            Kind::WordOr(&["one-per-forwarding-cpu"], Form::CpuList),
            "The CPUs of the queues' interrupts: one forwarding CPU per queue, or a list of CPUs in turn.",
            "\"one-per-forwarding-cpu\"",
        ),
        Key::optional(
            "xps",
            Kind::Word(&["same-cpu", "off"]),
            "The transmit queue of a CPU: `same-cpu` is the queue whose interrupts the CPU gets.",
            "\"same-cpu\"",
        ),
        Key::optional(
            "rps",
            Kind::Word(&["off", "forwarding"]),
            "Spreading packets over CPUs in software, for cards that cannot do it.",
            "\"off\"",
        ),
        Key::optional(
            "rss-hash",
            Kind::List(&Kind::Word(&["src", "dst", "flow-label", "src-port", "dst-port"])),
            "The fields of an IPv6 packet that the card spreads by.",
            "[\"src\", \"dst\", \"flow-label\"]",
        ),
        Key::optional(
            "coalesce",
            Kind::Table(&COALESCE),
            "The time that the card collects packets before it interrupts.",
            "{ rx-usecs = 30, adaptive-rx = false }",
        ),
        Key::optional(
            "offloads",
            Kind::Table(&OFFLOADS),
            "Work that the card does for the kernel.",
            "{ gro = true, lro = false, ntuple = true }",
        ),
        Key::optional("threaded-napi", Kind::Bool, "Whether kernel threads poll for packets.", "false"),
    ],
};

const RING: Kind = Kind::WordOrInt(&["max"], range(1, 65536, ""));
const USECS: Kind = Kind::Int(range(0, 65535, " (microseconds)"));
const FRAMES: Kind = Kind::Int(range(0, 65535, ""));

static COALESCE: Table = Table {
    title: "`coalesce`",
    doc: "Interrupt coalescing, by ethtool's names.",
    rows: &[],
    keys: &[
        Key::optional("rx-usecs", USECS, "Receive: microseconds from a packet to the interrupt.", "30"),
        Key::optional("tx-usecs", USECS, "Transmit: microseconds from a packet to the interrupt.", "50"),
        Key::optional("rx-frames", FRAMES, "Receive: packets per interrupt, at most.", "64"),
        Key::optional("tx-frames", FRAMES, "Transmit: packets per interrupt, at most.", "64"),
        Key::optional("adaptive-rx", Kind::Bool, "Receive: whether the driver chooses the values.", "false"),
        Key::optional("adaptive-tx", Kind::Bool, "Transmit: whether the driver chooses the values.", "false"),
    ],
};

static OFFLOADS: Table = Table {
    title: "`offloads`",
    doc: "Offloads, by ethtool's short names.",
    rows: &[],
    keys: &[
        Key::optional("gro", Kind::Bool, "Generic receive offload.", "true"),
        Key::optional("gso", Kind::Bool, "Generic segmentation offload.", "true"),
        Key::optional("tso", Kind::Bool, "TCP segmentation offload.", "true"),
        Key::optional(
            "lro",
            Kind::Bool,
            "Large receive offload; leave it off on a router: it merges packets that are to be forwarded.",
            "false",
        ),
        Key::optional("ntuple", Kind::Bool, "Flow steering rules.", "true"),
        Key::optional("rxhash", Kind::Bool, "Receive hashing.", "true"),
        Key::optional("rxvlan", Kind::Bool, "Taking the tag of a VLAN off a received frame.", "true"),
        Key::optional("txvlan", Kind::Bool, "Putting the tag of a VLAN into a sent frame.", "true"),
        Key::optional("rx-checksum", Kind::Bool, "Receive checksums.", "true"),
        Key::optional("tx-checksum", Kind::Bool, "Transmit checksums.", "true"),
    ],
};
