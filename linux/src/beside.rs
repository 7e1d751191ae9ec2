//! Facts about the programs beside segbox in a network namespace: firewalls, and managers of interfaces that run there. Only reads. Not here:
//! what they mean (`segbox_plan::beside`).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use segbox_config::IfName;
use segbox_plan::beside::{Beside, Managed};
use segbox_plan::state::ANCHOR;
use segbox_plan::sysctl::of_a_link;

use crate::netlink::{Netlink, firewalls};
use crate::{sysctl, xtables};

/// Where systemd-networkd keeps a file per interface, named by its index.
const NETWORKD: &str = "/run/systemd/netif/links";
/// The same of NetworkManager.
const NETWORK_MANAGER: &str = "/run/NetworkManager/devices";
/// Where NetworkManager keeps the profiles that it made itself.
const PROFILES: &str = "/run/NetworkManager/system-connections";
/// Where drop-ins of a .network file may lie, in the order of their priority (systemd.network(5)).
const DROP_INS: [&str; 3] = ["/usr/lib/systemd/network", "/run/systemd/network", "/etc/systemd/network"];

/// What is there. A part that this process may not read is left out.
pub fn look() -> Beside {
    // Their files name interfaces by their index, which another namespace uses for another interface.
    let of = |daemon, folder| if runs_here(daemon) { managed(folder) } else { Vec::new() };
    let links = links();
    let mut chains = firewalls(&links.iter().copied().collect()).unwrap_or_default();
    let legacy = xtables::forward_chains();
    if !legacy.is_empty() {
        chains.get_or_insert_default().extend(legacy);
    }
    let accepts_srv6 = |name: &IfName| {
        let setting = sysctl::read(&of_a_link("ipv6", *name, "seg6_enabled"));
        setting.is_ok_and(|value| value.as_deref() == Some("1"))
    };
    Beside {
        chains,
        others: addressed().into_iter().filter(|name| !accepts_srv6(name)).collect(),
        ports: links.into_iter().map(|(_, name)| name).filter(accepts_srv6).collect(),
        // The kernel keeps 15 characters of a name.
        networkd: of("systemd-network", NETWORKD).into_iter().map(with_files).collect(),
        network_manager: of("NetworkManager", NETWORK_MANAGER).into_iter().map(with_profiles).collect(),
        lwtunnel_hooks: sysctl::read("net.netfilter.nf_hooks_lwtunnel").ok().flatten(),
    }
}

/// Whether a SID of this network namespace takes IPv4 packets out of IPv6. All of its routes are read for it. Unless they can be, it is assumed.
pub fn takes_ipv4_out() -> bool {
    Netlink::open().ok().and_then(|mut netlink| netlink.takes_ipv4_out().ok()).unwrap_or(true)
}

/// The ports that segbox gave an address.
fn addressed() -> Vec<IfName> {
    let names = Netlink::open().ok().and_then(|mut netlink| netlink.addressed().ok()).unwrap_or_default();
    names.into_iter().filter(|name| !["lo", ANCHOR].contains(&name.as_str())).collect()
}

/// Whether a process of this name runs in this network namespace.
fn runs_here(name: &str) -> bool {
    let namespace = |process: &Path| fs::metadata(process.join("ns/net")).map(|file| (file.dev(), file.ino())).ok();
    let own = namespace(Path::new("/proc/thread-self"));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    processes
        .filter(|process| fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim_end() == name))
        .any(|process| own.is_some() && namespace(&process) == own)
}

/// The interfaces that have a file in a manager's folder, with its text.
fn managed(folder: &str) -> Vec<Managed> {
    let record = |(index, interface): (u32, IfName)| {
        let state = fs::read_to_string(Path::new(folder).join(index.to_string())).ok()?;
        Some(Managed { interface, state, files: Vec::new() })
    };
    links().into_iter().filter_map(record).collect()
}

/// Every link's index and name.
fn links() -> Vec<(u32, IfName)> {
    Netlink::open().ok().and_then(|mut netlink| netlink.links_by_index().ok()).unwrap_or_default()
}

/// Adds the .network file that networkd's record names, and its drop-ins.
fn with_files(mut link: Managed) -> Managed {
    let named = link.state.lines().find_map(|line| line.strip_prefix("NETWORK_FILE="));
    let Some(file) = named.map(PathBuf::from).filter(|file| file.is_absolute()) else { return link };
    let mut drop_ins: Vec<PathBuf> = Vec::new();
    if let Some(name) = file.file_name() {
        for folder in DROP_INS {
            let place = Path::new(folder).join(format!("{}.d", name.to_string_lossy()));
            let entries = fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
            drop_ins.extend(entries.filter(|path| path.extension().is_some_and(|end| end == "conf")));
        }
    }
    // By their names, whichever folder they are in.
    drop_ins.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    link.files = std::iter::once(file).chain(drop_ins).filter_map(read).collect();
    link
}

/// Adds the profiles that NetworkManager made itself, if the record may name one of them.
fn with_profiles(mut link: Managed) -> Managed {
    if link.state.contains("connection-uuid=") {
        let entries = fs::read_dir(PROFILES).into_iter().flatten().flatten().map(|entry| entry.path());
        link.files = entries.filter_map(read).collect();
    }
    link
}

/// A file's path and text.
fn read(path: PathBuf) -> Option<(String, String)> {
    Some((path.display().to_string(), fs::read_to_string(&path).ok()?))
}
