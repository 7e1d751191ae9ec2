//! The knobs of a machine, by names that survive a reboot: an interrupt is (interface, queue), never its number. Not here: which knobs a
//! machine has, their right values, and the texts of values (`value`).

use std::fmt;

use segbox_config::IfName;
use serde::{Deserialize, Serialize};

/// A knob of the machine. Knobs are turned in their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knob {
    /// Simultaneous multithreading: `on` or `off` (/sys/devices/system/cpu/smt/control). Linux 4.19.
    Smt,
    /// The frequency governor of this CPU: `performance`.
    Governor(u32),
    /// The longest time in microseconds that a CPU may take to wake up, `1`; `none` where no process asks for one. The wish of a process ends
    /// with it (/dev/cpu_dma_latency).
    WakeupLatency,
    /// A knob of a network card.
    Card(IfName, CardKnob),
}

/// A knob of a network card. Knobs are turned in their order: those that reset the card come first, since a reset restores the driver's
/// defaults for interrupts and spreading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardKnob {
    /// Queue pairs, `4`; `rx 4 tx 2` where a driver has separate queues.
    Queues,
    /// Receive descriptors per queue, `4096`.
    RxRing,
    /// Transmit descriptors per queue, `4096`.
    TxRing,
    /// `on` or `off`, by ethtool's short name: `lro`.
    Offload(String),
    /// Interrupt coalescing by ethtool's name (`rx-usecs`): a number, or 1 and 0 for on and off.
    Coalesce(String),
    /// How the card's hash leads to queues: `even 4`, or the queue of each entry, `0 0 1 1`.
    Spread,
    /// The fields that the card hashes of these packets: `src dst`; empty for none.
    Hash(Flow),
    /// The CPUs that a queue's interrupts may go to, as a list: `2`, `0-3`. Several interrupts with different lists: `1+2`.
    Irq(u32),
    /// The CPUs that send through this transmit queue, as a list; empty where the hash decides.
    Xps(u32),
    /// The CPUs that share this receive queue's packets in software, as a list; empty for none.
    Rps(u32),
    /// `on` where a kernel thread polls for packets, `off` where the interrupt does.
    ThreadedNapi,
}

/// Kinds of packets that a card hashes differently. An SRv6 packet is `Ipv6` to every card: a routing header or another IP header follows its
/// IPv6 header, not TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// IPv6 without TCP or UDP.
    Ipv6,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv6.
    Udp6,
}

/// A group of knobs, for a line of a report: the interrupts of a card's queues are one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub String);

impl Knob {
    /// Whether it is turned before the card is up: each of these resets the card, which then loses its link for seconds.
    pub fn shapes_the_card(&self) -> bool {
        use CardKnob::{Offload, Queues, RxRing, TxRing};
        matches!(self, Self::Card(_, Queues | RxRing | TxRing | Offload(_)))
    }

    /// The group that it belongs to.
    pub fn share(&self) -> Share {
        Share(match self {
            Self::Governor(_) => "CPU governor".to_owned(),
            Self::Card(name, CardKnob::Irq(_)) => format!("{name} irq"),
            Self::Card(name, CardKnob::Xps(_)) => format!("{name} xps"),
            Self::Card(name, CardKnob::Rps(_)) => format!("{name} rps"),
            other => other.to_string(),
        })
    }
}

impl fmt::Display for Knob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smt => f.write_str("SMT"),
            Self::Governor(cpu) => write!(f, "CPU {cpu} governor"),
            Self::WakeupLatency => f.write_str("CPU wake-up latency"),
            Self::Card(name, knob) => write!(f, "{name} {knob}"),
        }
    }
}

impl fmt::Display for CardKnob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queues => f.write_str("queues"),
            Self::RxRing => f.write_str("rx-ring"),
            Self::TxRing => f.write_str("tx-ring"),
            Self::Offload(name) | Self::Coalesce(name) => f.write_str(name),
            Self::Spread => f.write_str("rss-spread"),
            Self::Hash(flow) => write!(f, "rss-hash {flow}"),
            Self::Irq(queue) => write!(f, "irq of queue {queue}"),
            Self::Xps(queue) => write!(f, "xps of queue {queue}"),
            Self::Rps(queue) => write!(f, "rps of queue {queue}"),
            Self::ThreadedNapi => f.write_str("threaded-napi"),
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv6 => "ipv6",
            Self::Tcp6 => "tcp6",
            Self::Udp6 => "udp6",
        })
    }
}
