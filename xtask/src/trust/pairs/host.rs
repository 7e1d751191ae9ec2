//! A host with a random state that others made, for the router to be. Not here: the files for it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use segbox_lab::Namespace;
use segbox_vm::Chance;

use super::file::{Devices, File, Port};
use super::snapshot::{self, Snapshot};

/// What segbox keeps of namespaces: one folder per namespace, whose name ends with its inode.
const FOLDERS: [&str; 2] = ["/run/segbox", "/sys/fs/bpf/segbox"];
/// Each has a cable to a port of its own in another namespace: what happens there is not the host's.
const PORTS: [&str; 4] = ["eth0", "eth1", "eth2", "eth3"];

pub(super) struct Host {
    namespace: Namespace,
    /// The far ends of its ports.
    peers: Namespace,
    pub(super) devices: Devices,
    /// Whether what others made may stand in the way of a file.
    pub(super) may_refuse: bool,
    /// How others made it.
    pub(super) told: String,
    /// How what obstructs a file goes away again.
    obstacles: Vec<String>,
}

impl Host {
    /// # Errors
    /// Not root.
    pub(super) fn new(chance: &mut Chance) -> Result<Self, String> {
        let new = |role| Namespace::new(role).map_err(|error| error.to_string());
        let (namespace, peers) = (new("pairs")?, new("peers")?);
        let far = peers.name().to_owned();
        let mut host = Self {
            namespace,
            peers,
            devices: Devices { vrfs: false, vlans: false },
            may_refuse: false,
            told: String::new(),
            obstacles: Vec::new(),
        };
        host.devices.vrfs = host.tries("link add vrf9 type vrf table 9\nlink del vrf9\n");
        host.devices.vlans =
            host.tries("link add d9 type veth peer name e9\nlink add link d9 name d9.9 type vlan id 9\nlink del d9\n");
        let group = chance.byte();
        let cable =
            |port| format!("link add {port} address {} type veth peer name {port} netns {far}\n", mac(group, port));
        host.tries(&PORTS.map(cable).concat());
        feed(
            host.peers.command("ip").map_err(|error| error.to_string())?,
            &PORTS.map(|port| format!("link set {port} up\n")).concat(),
        );
        let sysctls = sysctls(chance);
        host.told += &sysctls.iter().map(|(name, value)| format!("sysctl -w {name}={value}\n")).collect::<String>();
        for (name, value) in &sysctls {
            // Not every kernel has each.
            drop(host.namespace.sysctl(name, value));
        }
        let lines = others(chance);
        // A port that is too small for IPv6 can take nothing of it.
        host.may_refuse = lines.contains("mtu 1200");
        host.told += &lines.lines().map(|line| format!("ip {line}\n")).collect::<String>();
        host.tries(&lines);
        if chance.once_in(3) {
            host.told += "nft: a table of others\n";
            feed(
                host.command("nft")?,
                "add table inet filter\nadd chain inet filter forward { type filter hook forward priority 0; policy accept; }\n",
            );
        }
        Ok(host)
    }

    /// The ports as they are called now, in an order that no name changes.
    ///
    /// # Errors
    /// The namespace is gone.
    pub(super) fn ports(&self) -> Result<Vec<Port>, String> {
        let output = self.command("ip")?.args(["-br", "link", "show", "type", "veth"]).output();
        let text = output.map_err(|error| error.to_string())?.stdout;
        let mut ports: Vec<Port> = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let name = words.next()?.split('@').next()?.to_owned();
                Some(Port { name, mac: words.nth(1)?.to_owned() })
            })
            .collect();
        ports.sort_by(|one, other| one.mac.cmp(&other.mac));
        Ok(ports)
    }

    /// The whole state of the kernel.
    ///
    /// # Errors
    /// A tool is missing.
    pub(super) fn snapshot(&self) -> Result<Snapshot, String> {
        snapshot::snapshot(&self.namespace)
    }

    /// What segbox keeps of this namespace outside of the kernel's networking.
    pub(super) fn kept(&self) -> BTreeSet<String> {
        let inode = fs::metadata(Path::new("/run/netns").join(self.namespace.name())).map_or(0, |file| file.ino());
        let end = format!("-{inode}");
        let of = |folder| {
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string())
        };
        FOLDERS.into_iter().flat_map(of).filter(|path| path.ends_with(&end)).collect()
    }

    /// A command in the namespace.
    ///
    /// # Errors
    /// The namespace is gone.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command, String> {
        self.namespace.command(program).map_err(|error| error.to_string())
    }

    /// Puts something in the way of a file, that makes the kernel refuse one of its steps.
    pub(super) fn obstruct(&mut self, chance: &mut Chance, file: &File, told: &mut String) {
        let mut ways: Vec<(String, String)> = Vec::new();
        for route in &file.routes {
            ways.push((
                format!("route add blackhole {route} proto static"),
                format!("route del blackhole {route} proto static"),
            ));
        }
        ways.push(("link add segbox0 type ifb".to_owned(), "link del segbox0".to_owned()));
        for name in &file.new_names {
            // Nothing tells it from others of its kind, so it does not move out of the way.
            ways.push((format!("tuntap add dev {name} mode tun"), format!("tuntap del dev {name} mode tun")));
        }
        for _ in 0..5 {
            let (there, away) = chance.pick(&ways);
            if self.tries(&format!("{there}\n")) {
                *told += &format!("in the way: ip {there}\n");
                self.obstacles.push(away.clone());
                return;
            }
        }
    }

    pub(super) fn is_obstructed(&self) -> bool {
        !self.obstacles.is_empty()
    }

    pub(super) fn clear_the_way(&mut self) {
        for away in std::mem::take(&mut self.obstacles) {
            self.tries(&format!("{away}\n"));
        }
    }

    /// Gives `ip` these lines. True if it took them all.
    fn tries(&self, lines: &str) -> bool {
        self.command("ip").is_ok_and(|ip| feed(ip, lines))
    }
}

/// Gives these lines to `ip`, or to `nft`. True if it took them all.
fn feed(mut command: Command, lines: &str) -> bool {
    let options: &[&str] = if command.get_program() == "ip" { &["-force", "-batch", "-"] } else { &["-f", "-"] };
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut input) = child.stdin.take() {
        // It may have ended before it has read all.
        drop(input.write_all(lines.as_bytes()));
    }
    child.wait().is_ok_and(|status| status.success())
}

/// Secrets are refused where others can read them.
pub(super) fn only_for_root(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

fn mac(group: u8, port: &str) -> String {
    format!("02:00:00:00:{group:02x}:0{}", port.trim_start_matches("eth"))
}

/// Settings of a distribution, of an administrator, of nobody.
fn sysctls(chance: &mut Chance) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut set = |name: String, values: &[&str], chance: &mut Chance| {
        if chance.once_in(3) {
            all.push((name, (*chance.pick(values)).to_owned()));
        }
    };
    let groups = || ["all", "default"].into_iter().chain(PORTS);
    for group in groups() {
        for name in ["forwarding", "rp_filter", "accept_redirects", "promote_secondaries"] {
            let values: &[&str] = if name == "rp_filter" { &["0", "1", "2"] } else { &["0", "1"] };
            set(format!("net.ipv4.conf.{group}.{name}"), values, chance);
        }
        for name in ["forwarding", "seg6_enabled", "accept_redirects", "keep_addr_on_down", "disable_ipv6"] {
            if name != "disable_ipv6" || group != "all" {
                set(format!("net.ipv6.conf.{group}.{name}"), &["0", "1"], chance);
            }
        }
        set(format!("net.ipv6.conf.{group}.accept_ra"), &["0", "1", "2"], chance);
        set(format!("net.ipv6.conf.{group}.seg6_require_hmac"), &["-1", "0", "1"], chance);
    }
    all
}

/// Addresses, routes and so on of other programs, as lines for `ip`.
fn others(chance: &mut Chance) -> String {
    let mut lines = String::new();
    if !chance.once_in(4) {
        lines += "link set lo up\n";
    }
    for port in PORTS {
        if chance.once_in(2) {
            lines += &format!("link set {port} mtu {}\n", chance.pick(&[1280, 1500, 2000, 9000, 1200]));
        }
        if chance.once_in(2) {
            lines += &format!("link set {port} up\n");
        }
    }
    for _ in 0..chance.below(6) {
        let (port, net, host) = (*chance.pick(&PORTS), chance.below(4), 1 + chance.below(4));
        lines += &match chance.below(2) {
            0 => format!("address add 2001:db8:{net}::{host}/64 dev {port}\n"),
            _ => format!("address add 10.0.{net}.{host}/24 dev {port}\n"),
        };
    }
    for _ in 0..chance.below(5) {
        let (port, net) = (*chance.pick(&PORTS), chance.below(4));
        lines += &match chance.below(9) {
            0 => format!("-6 route add 2001:db8:e{net}::/48 dev {port} proto static metric {}\n", 100 + net),
            1 => format!("route add 10.9{net}.0.0/16 dev {port} proto static\n"),
            2 => format!("-6 route add blackhole fc00:9:{net}::/48 proto bgp\n"),
            3 => format!("-6 route add default via fe80::{net} dev {port} proto static\n"),
            4 => format!("route add 10.8{net}.0.0/16 dev {port} table 100 proto static\n"),
            5 => format!("-6 rule add from 2001:db8:{net}::/48 lookup 100 priority {}\n", 500 + net),
            6 => format!("neighbor add 2001:db8:{net}::9 lladdr 02:00:00:00:00:99 dev {port} nud permanent\n"),
            7 => format!("neighbor add 10.0.{net}.9 lladdr 02:00:00:00:00:99 dev {port} nud permanent\n"),
            _ => format!("sr tunsrc set 2001:db8:{net}::{}\n", 1 + net),
        };
    }
    lines
}
