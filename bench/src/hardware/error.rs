//! Why the laboratory does not measure: what was tried, what was found, what mends it.

use super::box_counters::CountersError;
use super::file::FileError;
use crate::generator::GeneratorError;
use crate::objects::ObjectError;
use crate::port::MacArgument;
use crate::traffic::BlueprintError;
use crate::units::Kpps;

/// Why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HardwareError {
    /// lab.toml.
    #[error(transparent)]
    File(#[from] FileError),
    /// Unknown case.
    #[error("there is no case {0}; `segbench run --list` names all of them")]
    NoCase(String),
    /// Cases of different boxes.
    #[error(
        "one box cannot have the cases {one} and {other}, since {why}: give each a lab.toml, and so a file of its own"
    )]
    Apart {
        /// A case.
        one: String,
        /// Another.
        other: String,
        /// What is in the way.
        why: &'static str,
    },
    /// The box's BPF JIT.
    #[error(
        "{case} is for a box whose BPF JIT is {wanted}, and by its status the box's programs are {found}; write jit = \"{wanted}\" in \
         [bpf] of its hardware profile, then `segbox clear` and `segbox apply`, for it is loading that decides"
    )]
    Jit {
        /// The case.
        case: String,
        /// What it wants.
        wanted: &'static str,
        /// What the programs are.
        found: &'static str,
    },
    /// No such port.
    #[error("there is no port {name} here, which lab.toml gives the tester{there}")]
    NoPort {
        /// Its name.
        name: String,
        /// Those that there are.
        there: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not up.
    #[error(
        "the tester's port {0} is down; set it up (`ip link set {0} up`; a machine that runs segbox: an [interface.{0}] in its segbox.toml)"
    )]
    Down(String),
    /// Packets of the cases do not fit.
    #[error(
        "the tester's port {port} carries packets of {mtu} bytes, and those of these cases have up to {longest} there; \
         `ip link set {port} mtu {longest}` (a machine that runs segbox: mtu = {longest} in [interface.{port}] of its segbox.toml), \
         or write a smaller size in lab.toml's [traffic]"
    )]
    Mtu {
        /// The port.
        port: String,
        /// What it carries.
        mtu: u32,
        /// What it has to.
        longest: u32,
    },
    /// Up, and nothing at the other end.
    #[error("the tester's port {0} has no link: is the cable in, and the box at its other end up?")]
    NoLink(String),
    /// The driver cannot, or somebody else's program is there.
    #[error("{port} takes no XDP program (driver {driver}), which {what}; in lab.toml's [tester] write {mend}")]
    NoXdp {
        /// The port.
        port: String,
        /// Its driver.
        driver: String,
        /// What it is for.
        what: &'static str,
        /// What to use in its place.
        mend: &'static str,
        /// What the kernel says.
        source: ObjectError,
    },
    /// Another program is on the port.
    #[error(
        "{port} has an XDP program already: another segbench that runs, or somebody else's (`ip link show {port}`)"
    )]
    Taken {
        /// The port.
        port: String,
        /// What the kernel says.
        source: ObjectError,
    },
    /// The question who is there.
    #[error("cannot ask who is behind {port}")]
    Ask {
        /// The port.
        port: String,
        /// What the kernel says.
        source: std::io::Error,
    },
    /// Each cable is in the other one's port.
    #[error(
        "the cables are swapped: {out_mac}, which lab.toml calls the box's out-mac, answers behind {send}, and {mac} behind \
         {receive}; swap the cables, or send and receive in lab.toml"
    )]
    Swapped {
        /// The sending port.
        send: String,
        /// The receiving port.
        receive: String,
        /// What answered behind the receiving port.
        mac: MacArgument,
        /// What answered behind the sending port.
        out_mac: MacArgument,
    },
    /// Somebody else answers.
    #[error("behind {port} answers {found}, and lab.toml's [box] has {key} = {wanted:?}: write the box's own, or look for the cable", wanted = wanted.to_string())]
    OtherMac {
        /// The tester's port.
        port: String,
        /// Who answered.
        found: MacArgument,
        /// The key that names another.
        key: &'static str,
        /// What it names.
        wanted: MacArgument,
    },
    /// The box's counters.
    #[error(transparent)]
    Counters(#[from] CountersError),
    /// The CPU to send on.
    #[error("cannot run on CPU {cpu}")]
    Cpu {
        /// Its number.
        cpu: usize,
        /// What the kernel says.
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
    /// Cables or configuration.
    #[error(
        "{case}: {sent} packets were sent at {rate} kpps and {received} arrived: before a search nothing may be lost. {hint}"
    )]
    Baseline {
        /// The case.
        case: String,
        /// The rate.
        rate: Kpps,
        /// Packets sent.
        sent: u64,
        /// Packets that came back.
        received: u64,
        /// Where to look.
        hint: String,
    },
    /// Another router than the one that is to be measured.
    #[error(
        "{case}: what comes back is not what it must be, so the box does not run the file that `segbench lab --box-file` prints, \
             or is at fault: {what}"
    )]
    Wrong {
        /// The case.
        case: String,
        /// What came back.
        what: String,
    },
    /// No room for a search.
    #[error(
        "lab.toml's [trial] low is {low} kpps, and the highest rate {high} kpps: there is nothing between to search{}",
        flat_out(*generator)
    )]
    Range {
        /// The lowest rate.
        low: Kpps,
        /// The highest.
        high: Kpps,
        /// What the generator does, once it is known.
        generator: Option<Kpps>,
    },
    /// Loses at any rate, now and then.
    #[error(
        "{case}: in the searches more than 0.5 % was lost even at {low} kpps, in trials after a screen without loss: write a lower \
         `low` in [trial], or look for what else the box does"
    )]
    NoRate {
        /// The case.
        case: String,
        /// The lowest rate.
        low: Kpps,
    },
    /// By a signal.
    #[error("interrupted")]
    Stopped,
}

fn flat_out(generator: Option<Kpps>) -> String {
    let told = |rate| format!(" (the generator sends {rate} kpps flat out; `high` may say less)");
    generator.map_or_else(String::new, told)
}
