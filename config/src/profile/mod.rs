//! Hardware profiles: settings that depend on the box and not on the network, and the choice of the profile that fits a box. Not here:
//! writing the settings.
//!
//! Every setting is optional: segbox does not touch one that the profile does not name.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use wildmatch::WildMatch;

pub use read::read;

/// A profile without a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The box family, in words.
    pub description: String,
    /// `[match] board`: a glob of the DMI board name.
    pub board: Option<String>,
    /// `[match] cpu`: a glob of the CPU's model name.
    pub model: Option<String>,
    /// `[match] nics`: drivers that must all be there.
    pub drivers: Option<Vec<String>>,
    /// `[match] any-nic`: drivers of which at least one must be there.
    pub any_driver: Option<Vec<String>>,
    /// `[match] virtual`: whether the box must be a virtual machine, or must not.
    pub is_virtual: Option<bool>,
    /// `[cpu]`.
    pub cpu: Cpu,
    /// `[bpf]`.
    pub bpf: Bpf,
    /// `[nic.NAME]`, by driver or interface, and `*` for all other cards. A table by interface wins over one by driver.
    pub nics: BTreeMap<String, Nic>,
    /// `[sysctl]`: the text to write into /proc/sys.
    pub sysctls: BTreeMap<String, String>,
}

/// `[cpu]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// cpufreq's scaling governor.
    pub governor: Option<String>,
    /// Longest time that a CPU may take to wake up, in microseconds.
    pub max_cstate_latency_us: Option<u32>,
    /// Whether simultaneous multithreading is turned off.
    pub smt_off: bool,
    /// CPUs for everything but forwarding, ascending.
    pub housekeeping: Option<Vec<u32>>,
    /// CPUs that forward, ascending.
    pub forwarding: Option<Vec<u32>>,
}

/// `[bpf]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bpf {
    /// net.core.bpf_jit_enable: 0 off, 1 on, 2 debug.
    pub jit: Option<u8>,
    /// net.core.bpf_jit_harden.
    pub harden: Option<bool>,
}

/// `[nic.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nic {
    /// Receive and transmit queues.
    pub queues: Option<Queues>,
    /// Receive descriptors per queue.
    pub rx_ring: Option<Ring>,
    /// Transmit descriptors per queue.
    pub tx_ring: Option<Ring>,
    /// The CPUs of the queues' interrupts.
    pub irq: Option<Irq>,
    /// Whether each CPU transmits on the queue whose interrupts it gets; false turns XPS off.
    pub xps_same_cpu: Option<bool>,
    /// Whether software spreads packets over the forwarding CPUs; false turns RPS off.
    pub rps_forwarding: Option<bool>,
    /// The fields of an IPv6 packet that the card spreads by: `src`, `dst`, `flow-label`, `src-port`, `dst-port`.
    pub rss_hash: Option<Vec<String>>,
    /// Interrupt coalescing by ethtool's names; a boolean is 1 or 0.
    pub coalesce: BTreeMap<String, u32>,
    /// Offloads by ethtool's short names.
    pub offloads: BTreeMap<String, bool>,
    /// Whether kernel threads poll for packets.
    pub threaded_napi: Option<bool>,
}

/// The number of queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queues {
    /// One per forwarding CPU.
    Forwarding,
    /// This number.
    Number(u32),
}

/// The number of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// As many as the card can have.
    Max,
    /// This number.
    Number(u32),
}

/// The CPUs of interrupts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Irq {
    /// One forwarding CPU per queue.
    OnePerForwardingCpu,
    /// These CPUs in turn.
    Cpus(Vec<u32>),
}

/// The properties of a box that decide which profile fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// DMI board name (/sys/class/dmi/id/board_name).
    pub board: Option<String>,
    /// CPU model name (/proc/cpuinfo).
    pub cpu: Option<String>,
    /// Drivers of its network cards.
    pub nics: BTreeSet<String>,
    /// Whether it is a virtual machine (`hypervisor` is among the flags of /proc/cpuinfo).
    pub is_virtual: bool,
}

/// The reason why there is no best profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum NoMatch {
    /// No profile fits.
    #[error("no hardware profile fits this box")]
    #[diagnostic(
        code(segbox::no_profile_fits),
        help("write the name of one, or `none`, into `hardware` of `[system]`")
    )]
    None,
    /// Several fit equally well.
    #[error("the hardware profiles {names} fit this box equally well")]
    #[diagnostic(
        code(segbox::profiles_tie),
        help("write the name of one into `hardware` of `[system]`, or give one of them more keys in its `[match]`")
    )]
    Tie {
        /// The names of those that fit.
        names: String,
    },
}

/// The profile that fits a box best: every key of its `[match]` fits, and no other that fits has as many.
///
/// # Errors
///
/// No profile fits, or several with the same number of keys do.
pub fn best_match<'p>(profiles: &'p BTreeMap<String, Profile>, machine: &Machine) -> Result<&'p str, NoMatch> {
    let fitting = profiles.iter().filter_map(|(name, profile)| Some((profile.fits(machine)?, name.as_str())));
    let fitting: Vec<_> = fitting.collect();
    let most = fitting.iter().map(|(keys, _)| *keys).max().ok_or(NoMatch::None)?;
    let best: Vec<_> = fitting.iter().filter(|(keys, _)| *keys == most).map(|(_, name)| *name).collect();
    match best[..] {
        [one] => Ok(one),
        _ => Err(NoMatch::Tie { names: crate::fault::listed(best) }),
    }
}

impl Profile {
    /// The number of keys in `[match]`; None where one of them does not fit.
    fn fits(&self, machine: &Machine) -> Option<usize> {
        let glob = |glob: &Option<String>, text: &Option<String>| {
            glob.as_ref().map(|glob| text.as_ref().is_some_and(|text| WildMatch::new(glob).matches(text)))
        };
        let nics = self.drivers.as_ref().map(|all| all.iter().all(|driver| machine.nics.contains(driver)));
        let any = self.any_driver.as_ref().map(|some| some.iter().any(|driver| machine.nics.contains(driver)));
        let under = self.is_virtual.map(|is_virtual| machine.is_virtual == is_virtual);
        let given = [glob(&self.board, &machine.board), glob(&self.model, &machine.cpu), nics, any, under];
        let given: Vec<bool> = given.into_iter().flatten().collect();
        given.iter().all(|fits| *fits).then_some(given.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Profile {
        read(format!("description = \"d\"\n[match]\n{text}"), "test").expect("no fault")
    }

    #[test]
    fn the_profile_with_the_most_keys_that_fit_wins() {
        let mut profiles = BTreeMap::from([
            ("generic".to_owned(), profile("")),
            ("board".to_owned(), profile("board = \"X8*\"")),
            ("exact".to_owned(), profile("board = \"X8SIL*\"\nnics = [\"ixgbe\"]")),
            ("other".to_owned(), profile("board = \"X8SIL*\"\ncpu = \"*Atom*\"\nnics = [\"ixgbe\"]")),
        ]);
        let nics = BTreeSet::from(["e1000e".to_owned(), "ixgbe".to_owned()]);
        let mut machine = Machine {
            board: Some("X8SIL-F".into()),
            cpu: Some("Intel Xeon X3440 @ 2.53GHz".into()),
            nics,
            is_virtual: false,
        };
        assert_eq!(best_match(&profiles, &machine), Ok("exact"));
        profiles.insert("again".into(), profile("board = \"X8SIL-?\"\ncpu = \"*X3440*\""));
        assert_eq!(best_match(&profiles, &machine), Err(NoMatch::Tie { names: "`again` and `exact`".into() }));
        profiles
            .insert("several".into(), profile("board = \"X8*\"\nany-nic = [\"ice\", \"e1000e\"]\nnics = [\"ixgbe\"]"));
        assert_eq!(best_match(&profiles, &machine), Ok("several"), "one of the two is there");
        profiles.insert(
            "bare".into(),
            profile("board = \"X8*\"\nnics = [\"ixgbe\"]\nany-nic = [\"ixgbe\"]\nvirtual = false"),
        );
        assert_eq!(best_match(&profiles, &machine), Ok("bare"));
        machine.is_virtual = true;
        assert_eq!(best_match(&profiles, &machine), Ok("several"), "a virtual machine with the same card and board");
        machine.board = None;
        assert_eq!(best_match(&profiles, &machine), Ok("generic"), "an unknown name fits no glob");
        profiles.remove("generic");
        assert_eq!(best_match(&profiles, &machine), Err(NoMatch::None));
    }
}
