//! The ports that have the fast path's program, and why others have not. Not here: which of them forward at this moment (`standing`).

use std::collections::BTreeSet;

use segbox_config::model::{FastPath, Interface, PortXdp, XdpMode};
use segbox_config::{Config, IfName};

use crate::state::{Actual, Setting, State, XdpAt};

/// Puts the program at each port of the file that can have it.
pub(super) fn attach(config: &Config, actual: &Actual, program: &str, state: &mut State) {
    for (interface, mode) in ports(config, actual).filter_map(|(name, mode)| Some((name, mode.ok()?))) {
        state.xdp.insert(interface, XdpAt { program: program.to_owned(), mode });
    }
}

/// A line for each port of the file that the fast path does not use although it should.
pub fn unused(config: &Config, actual: &Actual) -> Vec<String> {
    if config.fast_path == FastPath::Kernel {
        return Vec::new();
    }
    let line = |(name, mode): (IfName, Result<XdpMode, Option<String>>)| match mode {
        Err(Some(why)) => Some(format!("no fast path at {name}: {why}")),
        Ok(_) | Err(None) => None,
    };
    ports(config, actual).filter_map(line).collect()
}

/// Each port that is there, with its mode or why it has none. `None`: that is as the file says.
fn ports<'a>(
    config: &'a Config,
    actual: &'a Actual,
) -> impl Iterator<Item = (IfName, Result<XdpMode, Option<String>>)> + 'a {
    let present: BTreeSet<IfName> = actual.links.iter().map(|link| link.name).collect();
    let parents: BTreeSet<IfName> =
        config.interfaces.values().filter_map(|port| port.vlan.map(|vlan| vlan.parent)).collect();
    let ports = config.interfaces.iter().filter(move |(name, _)| name.as_str() != "lo" && present.contains(name));
    ports.map(move |(name, port)| (*name, mode(config, actual, &parents, *name, port)))
}

fn mode(
    config: &Config,
    actual: &Actual,
    parents: &BTreeSet<IfName>,
    name: IfName,
    port: &Interface,
) -> Result<XdpMode, Option<String>> {
    let because = |why: &str| Err(Some(why.to_owned()));
    let asked = match port.xdp {
        Some(PortXdp::Off) => return Err(None),
        Some(PortXdp::On(mode)) => Some(mode),
        None => None,
    };
    if port.vlan.is_some() {
        return because("a VLAN's frames are the kernel's");
    }
    if parents.contains(&name) {
        return because("VLANs lie on it, and its card may hide their tags");
    }
    if config.vrfs.values().any(|vrf| vrf.interfaces.contains(&name)) {
        return because("it is in a VRF");
    }
    if actual.setting(&Setting::LinkMaster(name)).is_some_and(|master| !master.is_empty()) {
        return because("it belongs to another interface, as the member of a bond or a bridge does");
    }
    let seen = actual.xdp_seen.get(&name).cloned().unwrap_or_default();
    if let Some(id) = seen.foreign {
        return Err(Some(format!("another program's XDP program is there (id {id}); segbox does not displace it")));
    }
    // What a program of this host or of a guest has sent may lack its checksum until a card fills it in. A driver's XDP program cannot see that,
    // and the packet would leave without one.
    let kind = actual.links.iter().find(|link| link.name == name).and_then(|link| link.kind.clone());
    if let (None, Some(kind)) = (asked, kind) {
        return Err(Some(format!(
            "it is a {kind}, whose packets may lack their checksums; where their senders fill them in (`ethtool -K PEER tx off`), use \
             `xdp = \"native\"`"
        )));
    }
    match (asked, seen.native) {
        (Some(XdpMode::Generic), _) => Ok(XdpMode::Generic),
        (_, true) => Ok(XdpMode::Native),
        (_, false) => because("its driver has no XDP; `xdp = \"generic\"` runs it in the stack"),
    }
}
