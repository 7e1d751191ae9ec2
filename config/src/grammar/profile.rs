//! The tables of a hardware profile.

use super::{Key, Kind, Table, range};
use crate::forms::Form;

/// The profile.
pub(crate) static PROFILE: Table = Table {
    title: "The profile",
    doc: "What depends on the box and not on the network. A knob that is not here is left as it is.",
    rows: &[],
    keys: &[
        Key::required(
            "description",
            Kind::Text(Form::Free("a sentence")),
            "The box family, for a person.",
            "\"Supermicro X8SIL, Intel 82599\"",
        ),
        Key::optional(
            "match",
            Kind::Table(&MATCH),
            "Which boxes: every key given must fit; the profile with the most keys wins.",
            "",
        ),
        Key::optional("cpu", Kind::Table(&CPU), "The CPUs.", ""),
        Key::optional("bpf", Kind::Table(&BPF), "How the kernel runs BPF programs.", ""),
        Key::optional(
            "nic",
            Kind::Named(Form::Free("a driver or an interface"), &Kind::Table(&NIC)),
            "Network cards, by driver; one by interface wins over it, and `*` is for every card without one.",
            "",
        ),
        Key::optional("sysctl", Kind::Named(Form::Sysctl, &Kind::Scalar), "Kernel settings, by their dotted name.", ""),
    ],
};

static MATCH: Table = Table {
    title: "[match]",
    doc: "Which boxes the profile is for. Without a key it fits any, and loses to every other that fits.",
    rows: &[],
    keys: &[
        Key::optional(
            "board",
            Kind::Text(Form::Free("a glob")),
            "DMI board name; `*` and `?` stand for what differs.",
            "\"X8SIL*\"",
        ),
        Key::optional(
            "cpu",
            Kind::Text(Form::Free("a glob")),
            "CPU model name; `*` and `?` stand for what differs.",
            "\"*X3440*\"",
        ),
        Key::optional(
            "nics",
            Kind::List(&Kind::Text(Form::Free("a driver"))),
            "Drivers of network cards that must all be there.",
            "[\"ixgbe\"]",
        ),
        Key::optional(
            "any-nic",
            Kind::List(&Kind::Text(Form::Free("a driver"))),
            "Drivers of network cards of which at least one must be there.",
            "[\"i40e\", \"ice\"]",
        ),
        Key::optional(
            "virtual",
            Kind::Bool,
            "Whether there must be a hypervisor under it (the CPU flag of that name), or must not.",
            "false",
        ),
    ],
};

static CPU: Table = Table {
    title: "[cpu]",
    doc: "The CPUs and what each is for.",
    rows: &[],
    keys: &[
        Key::optional(
            "governor",
            Kind::Text(Form::Free("a governor")),
            "cpufreq's scaling governor, on every CPU.",
            "\"performance\"",
        ),
        Key::optional(
            "max-cstate-latency-us",
            Kind::Int(range(0, 1_000_000, " (microseconds)")),
            "Longest time a CPU may take to wake up, in microseconds; held through /dev/cpu_dma_latency.",
            "1",
        ),
        Key::optional("smt", Kind::Word(&["keep", "off"]), "Simultaneous multithreading.", "\"keep\""),
        Key::optional(
            "housekeeping",
            Kind::Text(Form::CpuList),
            "CPUs for everything that is not forwarding.",
            "\"0\"",
        ),
        Key::optional("forwarding", Kind::Text(Form::CpuList), "CPUs that forward packets.", "\"1-3\""),
    ],
};

static BPF: Table = Table {
    title: "[bpf]",
    doc: "How the kernel runs BPF programs.",
    rows: &[],
    keys: &[
        Key::optional("jit", Kind::Word(&["on", "off", "debug"]), "net.core.bpf_jit_enable 1, 0 and 2.", "\"on\""),
        Key::optional(
            "harden",
            Kind::Bool,
            "net.core.bpf_jit_harden: slower programs, safer against their authors.",
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
            "Receive and transmit queues: a number, or one a forwarding CPU.",
            "\"forwarding\"",
        ),
        Key::optional("rx-ring", RING, "Receive descriptors a queue.", "\"max\""),
        Key::optional("tx-ring", RING, "Transmit descriptors a queue.", "\"max\""),
        Key::optional(
            "irq",
            Kind::WordOr(&["one-per-forwarding-cpu"], Form::CpuList),
            "Where the queues' interrupts go: a forwarding CPU each, or a list of CPUs in turn.",
            "\"one-per-forwarding-cpu\"",
        ),
        Key::optional(
            "xps",
            Kind::Word(&["same-cpu", "off"]),
            "Which transmit queue a CPU uses: that whose interrupt it gets.",
            "\"same-cpu\"",
        ),
        Key::optional(
            "rps",
            Kind::Word(&["off", "forwarding"]),
            "Spreading in software, where the card cannot.",
            "\"off\"",
        ),
        Key::optional(
            "rss-hash",
            Kind::List(&Kind::Word(&["src", "dst", "flow-label", "src-port", "dst-port"])),
            "What of an IPv6 packet the card spreads by.",
            "[\"src\", \"dst\", \"flow-label\"]",
        ),
        Key::optional(
            "coalesce",
            Kind::Table(&COALESCE),
            "How long the card waits for more before it interrupts.",
            "{ rx-usecs = 30, adaptive-rx = false }",
        ),
        Key::optional(
            "offloads",
            Kind::Table(&OFFLOADS),
            "What the card does itself.",
            "{ gro = true, lro = false, ntuple = true }",
        ),
        Key::optional("threaded-napi", Kind::Bool, "Whether packets are polled in kernel threads.", "false"),
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
        Key::optional("rx-usecs", USECS, "Receive: microseconds after a packet.", "30"),
        Key::optional("tx-usecs", USECS, "Transmit: microseconds after a packet.", "50"),
        Key::optional("rx-frames", FRAMES, "Receive: at most so many packets.", "64"),
        Key::optional("tx-frames", FRAMES, "Transmit: at most so many packets.", "64"),
        Key::optional("adaptive-rx", Kind::Bool, "Receive: whether the driver chooses.", "false"),
        Key::optional("adaptive-tx", Kind::Bool, "Transmit: whether the driver chooses.", "false"),
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
            "Large receive offload: never on a router, it breaks forwarded packets.",
            "false",
        ),
        Key::optional("ntuple", Kind::Bool, "Flow steering rules.", "true"),
        Key::optional("rxhash", Kind::Bool, "Receive hashing.", "true"),
        Key::optional("rx-checksum", Kind::Bool, "Receive checksums.", "true"),
        Key::optional("tx-checksum", Kind::Bool, "Transmit checksums.", "true"),
    ],
};
