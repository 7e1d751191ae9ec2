//! Why `segbench lab` cannot measure: what was tried, what was found, and how to fix it.

use super::box_counters::CountersError;
use super::file::FileError;
use crate::generator::GeneratorError;
use crate::objects::ObjectError;
use crate::port::MacArgument;
use crate::traffic::BlueprintError;
use crate::units::Kpps;

/// Why `segbench lab` cannot measure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HardwareError {
    /// lab.toml cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An unknown case.
    #[error("there is no case {0}; `segbench run --list` lists all cases")]
    NoCase(String),
    /// Cases that one box cannot have together.
    #[error(
        "one box cannot have both cases {one} and {other}, because {why}: write a separate lab.toml for each of them"
    )]
    Apart {
        /// A case.
        one: String,
        /// Another.
        other: String,
        /// The reason.
        why: &'static str,
    },
    /// The box's BPF JIT is not as the case needs it.
    #[error(
        "{case} needs a box whose BPF JIT is {wanted}, but by its status the box's programs are {found}; write jit = \"{wanted}\" \
         in [bpf] of its hardware profile, then run `segbox clear` and `segbox apply`, because the JIT acts when a program is loaded"
    )]
    Jit {
        /// The case.
        case: String,
        /// The state that the case needs.
        wanted: &'static str,
        /// The state of the box's programs.
        found: &'static str,
    },
    /// No such port.
    #[error("lab.toml's [tester] names the port {name}, but there is no port {name} on this machine{there}")]
    NoPort {
        /// Its name.
        name: String,
        /// The ports of this machine.
        there: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The port is not up.
    #[error(
        "the tester's port {0} is down; run `ip link set {0} up` (if this machine runs segbox, add [interface.{0}] to its segbox.toml)"
    )]
    Down(String),
    /// The port's MTU is too small.
    #[error(
        "the tester's port {port} has an MTU of {mtu}, and packets of these cases have up to {longest} bytes there; run \
         `ip link set {port} mtu {longest}` (if this machine runs segbox, write mtu = {longest} in [interface.{port}] of its \
         segbox.toml), or use a smaller size in lab.toml's [traffic]"
    )]
    Mtu {
        /// The port.
        port: String,
        /// Its MTU.
        mtu: u32,
        /// The MTU that it needs.
        longest: u32,
    },
    /// The port is up, but has no link.
    #[error("the tester's port {0} has no link; check the cable, and that the box's port at its other end is up")]
    NoLink(String),
    /// The driver cannot run an XDP program.
    #[error(
        "the driver of {port} ({driver}) cannot run the XDP program that {purpose}; write {instead} in lab.toml's [tester]"
    )]
    NoXdp {
        /// The port.
        port: String,
        /// Its driver.
        driver: String,
        /// The program's purpose.
        purpose: &'static str,
        /// The line that replaces it.
        instead: &'static str,
        /// The kernel's error.
        source: ObjectError,
    },
    /// Another program is on the port.
    #[error(
        "{port} has an XDP program already; stop the segbench that is running, or remove the other program (`ip link show {port}`)"
    )]
    Busy {
        /// The port.
        port: String,
        /// The kernel's error.
        source: ObjectError,
    },
    /// ARP does not work.
    #[error("cannot send an ARP request on {port}")]
    Arp {
        /// The port.
        port: String,
        /// The kernel's error.
        source: std::io::Error,
    },
    /// Each cable is in the other's port.
    #[error(
        "the cables are swapped: the box's out-mac ({out_mac}) answers on {send}, and its mac ({mac}) on {receive}; swap the cables, \
         or swap send and receive in lab.toml"
    )]
    Swapped {
        /// The sending port.
        send: String,
        /// The receiving port.
        receive: String,
        /// The address that answered on the receiving port.
        mac: MacArgument,
        /// The address that answered on the sending port.
        out_mac: MacArgument,
    },
    /// Another address answers.
    #[error("{found} answers on {port}, but lab.toml's [box] has {key} = {wanted:?}; write the box's address, or check the cable", wanted = wanted.to_string())]
    OtherMac {
        /// The tester's port.
        port: String,
        /// The address that answered.
        found: MacArgument,
        /// The key in lab.toml.
        key: &'static str,
        /// Its value.
        wanted: MacArgument,
    },
    /// The box's counters cannot be read.
    #[error(transparent)]
    Counters(#[from] CountersError),
    /// The CPU that sends cannot be used.
    #[error("cannot run on CPU {cpu}")]
    Cpu {
        /// Its number.
        cpu: usize,
        /// The kernel's error.
        source: std::io::Error,
    },
    /// The generator.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// The sink.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The packets.
    #[error(transparent)]
    Blueprint(#[from] BlueprintError),
    /// The screen has lost packets.
    #[error(
        "{case}: of {sent} packets at {rate} kpps, {received} arrived: before a search no packet may be lost. {hint}"
    )]
    Baseline {
        /// The case.
        case: String,
        /// The rate.
        rate: Kpps,
        /// Sent packets.
        sent: u64,
        /// Received packets.
        received: u64,
        /// The next step for the user.
        hint: String,
    },
    /// The screen has received wrong packets.
    #[error(
        "{case}: the packets that come back are wrong, so the box does not run the file that `segbench lab --box-file` prints, or \
         has a fault: {what}"
    )]
    Wrong {
        /// The case.
        case: String,
        /// The fault.
        what: String,
    },
    /// The lowest rate is not below the highest.
    #[error(
        "lab.toml's [trial] low is {low} kpps and the highest rate is {high} kpps, so there is nothing between them to search{}",
        flat_out(*generator)
    )]
    Range {
        /// The lowest rate.
        low: Kpps,
        /// The highest.
        high: Kpps,
        /// The generator's rate without a pace, if it is known.
        generator: Option<Kpps>,
    },
    /// The searches have found no rate.
    #[error(
        "{case}: the screen lost nothing, but in the searches more than 0.5 % was lost even at {low} kpps; write a lower `low` in \
         lab.toml's [trial], or check what else the box is doing"
    )]
    NoRate {
        /// The case.
        case: String,
        /// The lowest rate.
        low: Kpps,
    },
    /// A signal has requested to stop.
    #[error("interrupted")]
    Stopped,
}

fn flat_out(generator: Option<Kpps>) -> String {
    let text = |rate| format!(" (the generator sends at most {rate} kpps; `high` can limit it further)");
    generator.map_or_else(String::new, text)
}
