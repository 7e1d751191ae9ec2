//! `hop-limit = "rfc"`: the program that lowers the hop limit of what the box encapsulates, at every port that such packets may leave by. Not
//! here: the program (`fastpath-ebpf/src/bin/tc_hop_limit.rs`).

use std::collections::BTreeSet;

use segbox_config::model::{HOP_LIMIT_PROGRAM, Program, Steer};
use segbox_config::{Behavior, Config, HeadendMode, IfName};

use crate::bonds;
use crate::lookup::Lookup;
use crate::state::{ANCHOR, Actual, Attachment, Setting, State};

/// The global of the program that holds the outer source.
const SOURCE: &str = "source";

/// Gives a program the box's source, if it is the program of `hop-limit`.
pub(crate) fn with_source(config: &Config, name: &str, program: &Program) -> Program {
    let mut program = program.clone();
    if let Some(source) = config.encap_source.filter(|_| name == HOP_LIMIT_PROGRAM) {
        program.globals.insert(SOURCE.to_owned(), source.octets().to_vec());
    }
    program
}

/// Whether the box puts packets into packets. An inserted SRH leaves the packet's own hop limit, which the kernel lowers.
pub(crate) fn encapsulates(config: &Config) -> bool {
    let by_policy = config.policies.iter().any(|policy| match policy.steer {
        Steer::Segments { mode, .. } | Steer::Lists { mode, .. } => {
            matches!(mode, HeadendMode::Encaps | HeadendMode::EncapsRed)
        }
        Steer::Program(_) => true,
    });
    by_policy || config.sids.iter().any(|sid| matches!(sid.endpoint.behavior, Behavior::EndB6Encaps { .. }))
}

/// The program's ports: those of the file, those that its policies name, and those that lead to first segments.
pub(crate) fn attach(config: &Config, actual: &Actual, program: &str, state: &mut State) {
    let named = config.policies.iter().filter_map(|policy| policy.interface);
    let ways = actual.lookups.iter().filter(|(address, _)| address.is_ipv6()).flat_map(|(_, found)| match found {
        Lookup::Route(route) => &route.hops[..],
        Lookup::Nowhere => &[],
    });
    // A way that moves to another port and back changes nothing.
    let present = actual.state.attachments.keys().filter(|there| there.program == program).map(|there| there.interface);
    let ports = config.interfaces.keys().copied().chain(named).chain(ways.map(|hop| hop.interface)).chain(present);
    let ports: BTreeSet<IfName> = ports.collect();
    let is_port = |name: &IfName| !matches!(name.as_str(), "lo" | ANCHOR) && !config.vrfs.contains_key(name);
    for interface in ports.into_iter().filter(is_port).filter(|name| !is_member(config, actual, *name)) {
        state.attachments.insert(Attachment { program: program.to_owned(), interface }, ());
    }
}

/// Whether packets leave a port only by way of a device above it, which has the program: the members of a bond or a bridge.
fn is_member(config: &Config, actual: &Actual, name: IfName) -> bool {
    if bonds::of_member(config, name).is_some() {
        return true;
    }
    let master = actual.setting(&Setting::LinkMaster(name)).unwrap_or_default();
    // A bond of segbox's that the file has no more, or no more with this member.
    if actual.state.is_member(name) {
        return false;
    }
    let in_vrf = config.vrfs.keys().any(|vrf| vrf.as_str() == master);
    !master.is_empty() && !in_vrf && !config.vrfs.values().any(|vrf| vrf.interfaces.contains(&name))
}
