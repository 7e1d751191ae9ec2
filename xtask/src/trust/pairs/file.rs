//! A random segbox.toml, with everything that a file can say. Not here: whether it has faults.

use std::fmt::Write as _;

use segbox_vm::Chance;

/// A port of the host.
#[derive(Debug, Clone)]
pub(super) struct Port {
    /// As it is called now.
    pub(super) name: String,
    pub(super) mac: String,
}

/// A file, and what a test has to know of it.
pub(super) struct File {
    pub(super) text: String,
    /// The files that it names, and their content.
    pub(super) files: Vec<(String, String)>,
    /// Its routes, as `ip` takes them.
    pub(super) routes: Vec<String>,
    /// Names that it gives to ports, and that no port has yet.
    pub(super) new_names: Vec<String>,
    /// Whether it has a route whose gateway cannot be reached.
    pub(super) may_be_refused: bool,
}

/// Names for ports, those that they begin with among them.
const NAMES: [&str; 9] = ["wan", "lan0", "x1", "x2", "x.3", "eth0", "eth1", "eth2", "eth3"];
const ENDPOINT_PROGRAMS: [&str; 5] = ["end_noop", "end_add_tlv", "end_count", "end_tag", "end_timestamp"];

struct Draft<'a> {
    chance: &'a mut Chance,
    file: File,
    /// The ports that the file names, as it calls them.
    ports: Vec<String>,
    /// Networks of its addresses, by number, each with the port.
    nets6: Vec<(usize, String)>,
    nets4: Vec<(usize, String)>,
    keys: Vec<usize>,
    /// VRFs with their tables.
    vrfs: Vec<(String, u32)>,
    has_vlans: bool,
    programs: String,
}

/// What the kernel can make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Devices {
    pub(super) vrfs: bool,
    pub(super) vlans: bool,
}

/// A file for a host with these ports.
pub(super) fn file(chance: &mut Chance, ports: &[Port], has: Devices) -> File {
    let file = File { text: String::new(), files: vec![], routes: vec![], new_names: vec![], may_be_refused: false };
    let mut draft = Draft {
        chance,
        file,
        ports: vec![],
        nets6: vec![],
        nets4: vec![],
        keys: vec![],
        vrfs: vec![],
        has_vlans: has.vlans,
        programs: String::new(),
    };
    draft.interfaces(ports);
    if has.vrfs {
        draft.vrfs();
    }
    draft.routes();
    draft.neighbors();
    draft.domain();
    draft.sids();
    draft.policies();
    let programs = std::mem::take(&mut draft.programs);
    draft.file.text += &programs;
    draft.file
}

impl Draft<'_> {
    /// Whether to, half of the time.
    fn maybe(&mut self) -> bool {
        self.chance.once_in(2)
    }

    fn line(&mut self, text: &str) {
        self.file.text += text;
        self.file.text.push('\n');
    }

    /// Some ports keep their names, some get others. A port that the file leaves out may have to make room.
    fn interfaces(&mut self, ports: &[Port]) {
        let mut taken: Vec<String> = Vec::new();
        let mut named = Vec::new();
        for port in ports {
            match self.chance.below(4) {
                0 => {}
                1 => {
                    taken.push(port.name.clone());
                    named.push((port, None));
                }
                _ => named.push((port, Some(()))),
            }
        }
        for (port, other) in named {
            let name = match other {
                None => port.name.clone(),
                Some(()) => {
                    let free: Vec<&str> =
                        NAMES.into_iter().filter(|name| taken.iter().all(|one| one != name)).collect();
                    let name = (*self.chance.pick(&free)).to_owned();
                    taken.push(name.clone());
                    if ports.iter().all(|port| port.name != name) {
                        self.file.new_names.push(name.clone());
                    }
                    name
                }
            };
            self.interface(&name, other.map(|()| port.mac.as_str()));
            self.ports.push(name);
        }
        if self.has_vlans {
            self.vlans();
        }
        if self.chance.once_in(4) {
            self.line("[interface.lo]\naddresses = [\"fc00:0:2::1/128\"]");
        }
    }

    /// VLANs on the file's ports, and on each other. Some change their tag from file to file, and some their parent.
    fn vlans(&mut self) {
        for (name, ids) in [("v.7", [7, 7]), ("lan", [20, 30]), ("v.8", [8, 8])] {
            if self.ports.is_empty() || self.maybe() {
                continue;
            }
            let parent = self.chance.pick(&self.ports).clone();
            let id = *self.chance.pick(&ids);
            let protocol = if self.chance.once_in(3) { ", protocol = \"802.1ad\"" } else { "" };
            self.port(name, &format!("vlan = {{ parent = \"{parent}\", id = {id}{protocol} }}"), false);
            self.ports.push(name.to_owned());
        }
    }

    fn interface(&mut self, name: &str, mac: Option<&str>) {
        let hardware = mac.map(|mac| format!("match = {{ mac = \"{mac}\" }}")).unwrap_or_default();
        self.port(name, &hardware, true);
    }

    /// A port; a VLAN's MTU is its parent's.
    fn port(&mut self, name: &str, first: &str, has_mtu: bool) {
        self.line(&format!("[interface.\"{name}\"]\n{first}"));
        let mut addresses = Vec::new();
        for _ in 0..self.chance.below(3) {
            let (net, host) = (self.chance.below(4), 1 + self.chance.below(4));
            let (nets, address) = if self.chance.below(3) > 0 {
                (&mut self.nets6, format!("\"2001:db8:{net}::{host}/64\""))
            } else {
                (&mut self.nets4, format!("\"10.0.{net}.{host}/24\""))
            };
            // One port per network, so that each gateway has one way.
            if nets.iter().all(|(other, _)| *other != net) {
                nets.push((net, name.to_owned()));
                addresses.push(address);
            }
        }
        if !addresses.is_empty() {
            self.line(&format!("addresses = [{}]", addresses.join(", ")));
        }
        if has_mtu && self.maybe() {
            let mtu = *self.chance.pick(&[1280, 1500, 1600, 2000, 9000]);
            self.line(&format!("mtu = {mtu}"));
        }
        if self.maybe() {
            self.line("srv6 = true");
            if self.maybe() {
                let hmac = *self.chance.pick(&["ignore", "check", "require"]);
                self.line(&format!("hmac = \"{hmac}\""));
            }
        }
    }

    fn vrfs(&mut self) {
        for (name, table) in [("blue", 100), ("red", 200)] {
            if self.maybe() {
                continue;
            }
            self.line(&format!("[vrf.{name}]\ntable = {table}"));
            let free: Vec<String> = self
                .ports
                .iter()
                .filter(|port| !self.file.text.contains(&format!("interfaces = [\"{port}\"]")))
                .cloned()
                .collect();
            if !free.is_empty() && self.maybe() {
                let port = self.chance.pick(&free).clone();
                self.line(&format!("interfaces = [\"{port}\"]"));
            }
            self.vrfs.push((name.to_owned(), table));
        }
    }

    /// A VRF for a route or a policy, as a line, and its table.
    fn table(&mut self) -> (String, u32) {
        if self.vrfs.is_empty() || self.maybe() {
            return (String::new(), 254);
        }
        let (name, table) = self.chance.pick(&self.vrfs).clone();
        (format!("vrf = \"{name}\"\n"), table)
    }

    fn routes(&mut self) {
        for number in 0..self.chance.below(4) {
            let (mut vrf, mut table) = self.table();
            let six = self.chance.below(3) > 0;
            let nets = if six { &self.nets6 } else { &self.nets4 };
            let destination = if six { format!("2001:db8:a{number}::/48") } else { format!("10.1{number}.0.0/16") };
            if vrf.is_empty() && self.chance.once_in(6) {
                (vrf, table) = ("table = 77\n".to_owned(), 77);
            }
            let way = if self.chance.once_in(5) {
                format!("type = \"{}\"", self.chance.pick(&["unreachable", "blackhole", "prohibit"]))
            } else if self.chance.once_in(12) {
                self.file.may_be_refused = true;
                if six { "via = \"2001:db8:ffff::1\"".to_owned() } else { "via = \"10.255.0.1\"".to_owned() }
            } else if nets.is_empty() {
                let Some(port) = self.ports.first() else { continue };
                format!("interface = \"{port}\"")
            } else {
                let (net, port) = self.chance.pick(nets).clone();
                let gateway = if six { format!("2001:db8:{net}::f") } else { format!("10.0.{net}.15") };
                match self.chance.below(3) {
                    0 => format!("via = \"{gateway}\"\ninterface = \"{port}\""),
                    1 => format!("via = \"{gateway}\""),
                    _ => format!("interface = \"{port}\""),
                }
            };
            let metric = self.metric();
            self.line(&format!("[[route]]\ndestination = \"{destination}\"\n{way}\n{vrf}{}", metric_line(metric)));
            self.note_route(&destination, table, metric);
        }
    }

    fn metric(&mut self) -> Option<usize> {
        if self.maybe() { Some(1 + self.chance.below(3000)) } else { None }
    }

    fn note_route(&mut self, destination: &str, table: u32, metric: Option<usize>) {
        let metric = metric.unwrap_or(if destination.contains(':') { 1024 } else { 0 });
        self.file.routes.push(format!("{destination} table {table} metric {metric}"));
    }

    fn neighbors(&mut self) {
        for (net, port) in self.nets6.clone() {
            if self.chance.once_in(3) {
                self.line(&format!(
                    "[[neighbor]]\naddress = \"2001:db8:{net}::f\"\nmac = \"02:00:00:00:01:0{net}\"\ninterface = \"{port}\""
                ));
            }
        }
        for (net, port) in self.nets4.clone() {
            if self.chance.once_in(3) {
                self.line(&format!(
                    "[[neighbor]]\naddress = \"10.0.{net}.15\"\nmac = \"02:00:00:00:02:0{net}\"\ninterface = \"{port}\""
                ));
            }
        }
    }

    fn domain(&mut self) {
        self.line("[srv6]");
        if self.maybe() {
            self.line("locator = \"fc00:0:2::/48\"");
        }
        let has_source = self.chance.below(3) > 0;
        if has_source {
            let source = 1 + self.chance.below(2);
            self.line(&format!("source = \"fc00:0:2::{source}\""));
        }
        for line in ["domain = [\"fc00::/16\"]", "domain-sources = [\"fc00::/16\", \"2001:db8::/32\"]"] {
            if self.chance.once_in(3) {
                self.line(line);
            }
        }
        for key in ["edge-filter", "locator-blackhole", "mss-clamp"] {
            if self.chance.once_in(4) {
                self.line(&format!("{key} = false"));
            }
        }
        if self.chance.once_in(4) {
            self.line("dscp = \"zero\"");
        }
        if has_source && self.chance.once_in(4) {
            self.line("hop-limit = \"rfc\"");
        }
        for key in 1..4 {
            if self.chance.once_in(3) {
                let algorithm = *self.chance.pick(&["sha1", "sha256"]);
                let name = format!("key-{key}-{}", self.chance.below(3));
                self.line(&format!("[srv6.hmac-key.{key}]\nalgorithm = \"{algorithm}\"\nsecret-file = \"{name}\""));
                self.file.files.push((name.clone(), format!("a secret of {name}")));
                self.keys.push(key);
            }
        }
    }

    fn segments(&mut self) -> String {
        let count = 1 + self.chance.below(3);
        let segments: Vec<String> = (0..count)
            .map(|_| format!("\"fc00:0:{}:{}::\"", 3 + self.chance.below(6), 1 + self.chance.below(9)))
            .collect();
        format!("segments = [{}]", segments.join(", "))
    }

    fn sids(&mut self) {
        for number in 0..self.chance.below(6) {
            let mut sid = format!("fc00:0:2:{}::", 1 + number);
            let gateway6 = self.gateway(true);
            let body = match self.chance.below(13) {
                0 => "behavior = \"End\"".to_owned(),
                1 => "behavior = \"End\"\nflavors = [\"PSP\"]".to_owned(),
                2 => {
                    sid = format!("fc00:{number}:2::/48");
                    "behavior = \"End\"\nflavors = [\"NEXT-CSID\"]".to_owned()
                }
                3 => format!("behavior = \"End.X\"\nnext-hop = \"{gateway6}\""),
                4 => format!("behavior = \"End.DX6\"\nnext-hop = \"{gateway6}\""),
                5 => format!("behavior = \"End.DX4\"\nnext-hop = \"{}\"", self.gateway(false)),
                6 => format!("behavior = \"End.T\"\ntable = {}", self.chance.pick(&[254, 100])),
                7 => format!("behavior = \"End.DT6\"\ntable = {}", self.chance.pick(&[254, 100])),
                8 => match self.ports.first() {
                    Some(port) => format!("behavior = \"End.DX2\"\ninterface = \"{port}\""),
                    None => continue,
                },
                9 => format!("behavior = \"End.B6.Insert\"\n{}", self.segments()),
                10 => format!("behavior = \"End.B6.Encaps\"\n{}", self.segments()),
                11 if !self.vrfs.is_empty() => {
                    let (vrf, _) = self.chance.pick(&self.vrfs).clone();
                    let behavior = *self.chance.pick(&["End.DT4", "End.DT6", "End.DT46", "End.T"]);
                    format!("behavior = \"{behavior}\"\nvrf = \"{vrf}\"")
                }
                _ => {
                    let program = format!("p{number}");
                    let object = *self.chance.pick(&ENDPOINT_PROGRAMS);
                    let _ = writeln!(self.programs, "[program.{program}]\nobject = \"builtin:{object}\"");
                    if object == "end_add_tlv" && self.maybe() {
                        let _ = writeln!(self.programs, "[program.{program}.globals]\ntlv_type = {}", 100 + number);
                    }
                    format!("behavior = \"End.BPF\"\nprogram = \"{program}\"")
                }
            };
            self.line(&format!("[[srv6.sid]]\nsid = \"{sid}\"\n{body}"));
            let prefix = if sid.contains('/') { sid } else { format!("{sid}/128") };
            self.note_route(&prefix, 254, None);
        }
    }

    /// A neighbour that a SID hands packets to.
    fn gateway(&mut self, six: bool) -> String {
        let nets = if six { &self.nets6 } else { &self.nets4 };
        let net = if nets.is_empty() { 0 } else { self.chance.pick(nets).0 };
        if six { format!("2001:db8:{net}::f") } else { format!("10.0.{net}.15") }
    }

    fn policies(&mut self) {
        for number in 0..self.chance.below(5) {
            let six = self.chance.below(3) > 0;
            let destination = if six { format!("2001:db8:b{number}::/48") } else { format!("10.2{number}.0.0/16") };
            let (vrf, table) = self.table();
            let metric = self.metric();
            let mut body = format!("[[srv6.policy]]\ndestination = \"{destination}\"\n{vrf}{}", metric_line(metric));
            if six && self.chance.once_in(5) {
                let program = format!("steer{number}");
                body += &format!("behavior = \"H.BPF\"\nprogram = \"{program}\"\n");
                let first = 1 + self.chance.below(5);
                let _ = write!(
                    self.programs,
                    "[program.{program}]\nobject = \"builtin:headend_push\"\n[program.{program}.map.segments]\n0 = \"fc00:0:3:{first}::\"\n"
                );
            } else {
                let all = ["H.Encaps", "H.Encaps.Red", "H.Encaps.L2", "H.Encaps.L2.Red", "H.Insert"];
                let behavior = if six { *self.chance.pick(&all) } else { *self.chance.pick(&all[..2]) };
                body += &format!("behavior = \"{behavior}\"\n{}\n", self.segments());
                if !self.keys.is_empty() && self.chance.once_in(3) {
                    body += &format!("hmac-key = {}\n", self.chance.pick(&self.keys));
                }
            }
            if !self.ports.is_empty() && self.chance.once_in(3) {
                body += &format!("interface = \"{}\"\n", self.chance.pick(&self.ports));
            }
            self.line(&body);
            self.note_route(&destination, table, metric);
        }
    }
}

fn metric_line(metric: Option<usize>) -> String {
    metric.map(|metric| format!("metric = {metric}\n")).unwrap_or_default()
}
