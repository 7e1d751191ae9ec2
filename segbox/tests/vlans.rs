//! Two routers with one cable that carries two VLANs, the second with two tags: a policy leaves by one, and comes back by the other. Needs root.
//!
//! ```text
//! ha ── r1 ──[ eth0.100 | 802.1ad 200, in it 7 ]── r2 ── hb
//! ```
//!
//! On a kernel without VLAN devices the test still runs: `segbox check` must name the missing feature, and `segbox apply` must change nothing.

mod support;

use std::net::UdpSocket;
use std::time::Duration;

use segbox_lab::{Cable, Host, Lab, Namespace, Topology};
use support::files::Files;
use support::routers::{Keeper, ip, shell, soon};
use support::segbox::{apply, run, segbox, status};

const R1: &str = r#"
[interface.eth0]
mtu = 9000
[interface."eth0.100"]
vlan = { parent = "eth0", id = 100 }
addresses = ["2001:db8:100::1/64"]
srv6 = true
[interface.outer]
vlan = { parent = "eth0", id = 200, protocol = "802.1ad" }
[interface."outer.7"]
vlan = { parent = "outer", id = 7 }
addresses = ["2001:db8:7::1/64"]
srv6 = true
[interface.eth1]
addresses = ["2001:db8:a::1/64"]
[interface.lo]
addresses = ["fc00:0:1::1/128"]
[[route]]
destination = "fc00:0:2::/48"
via = "2001:db8:100::2"
[[route]]
destination = "fc00::/16"
type = "blackhole"
[srv6]
locator = "fc00:0:1::/48"
source = "fc00:0:1::1"
[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End.DT6"
table = 254
[[srv6.policy]]
destination = "2001:db8:b::/64"
behavior = "H.Encaps"
segments = ["fc00:0:2:1::"]
"#;

/// The other side. Its way back is by the other VLAN.
fn r2() -> String {
    let swapped = R1.replace(":b::/64", ":c::/64").replace(":a::1/64", ":b::1/64").replace(":c::/64", ":a::/64");
    let swapped =
        swapped.replace("fc00:0:2", "fc00:0:X").replace("fc00:0:1", "fc00:0:2").replace("fc00:0:X", "fc00:0:1");
    let swapped = swapped.replace(":100::1/64", ":100::2/64").replace(":7::1/64", ":7::2/64");
    swapped.replace("via = \"2001:db8:100::2\"", "via = \"2001:db8:7::1\"")
}

/// Asks the kernel directly instead of segbox.
fn kernel_has_vlans() -> bool {
    let namespace = Namespace::new("probe").expect("these tests make network namespaces: run them as root");
    let make = "ip link add one type veth peer name two && ip link add link one name one.1 type vlan id 1";
    shell(&namespace, &format!("({make}) 2>/dev/null"))
}

#[test]
fn packets_go_by_one_vlan_and_come_back_by_the_other_or_their_lack_is_named() {
    if kernel_has_vlans() { Network::new().holds() } else { named_as_missing() }
}

fn named_as_missing() {
    let namespace = Namespace::new("check").expect("root");
    ip(&namespace, "link add eth0 type veth peer name eth1");
    let files = Files::new();
    let file = files.write("segbox.toml", R1);
    for command in ["check", "apply"] {
        let refused = segbox(&namespace, [command.as_ref(), file.as_os_str()]);
        assert_eq!(refused.code, Some(1), "{command}: {}{}", refused.out, refused.err);
        assert!(refused.err.contains("CONFIG_VLAN_8021Q"), "{command} names what is missing: {}", refused.err);
    }
    let observed = segbox(&namespace, ["observe"]);
    assert!(observed.out.contains("\"routes\": []"), "nothing was changed: {}", observed.out);
}

fn host<'a>(name: &'a str, addresses: &'a [&'a str], gateways: &'a [&'a str]) -> Host<'a> {
    Host { name, interface: "eth0", addresses, gateways }
}

struct Network {
    lab: Lab,
    files: Files,
}

impl Network {
    fn new() -> Self {
        let topology = Topology {
            routers: &["r1", "r2"],
            hosts: &[
                host("ha", &["2001:db8:a::2/64"], &["2001:db8:a::1"]),
                host("hb", &["2001:db8:b::2/64"], &["2001:db8:b::1"]),
            ],
            cables: &[
                Cable("r1", "eth0", "r2", "eth0"),
                Cable("ha", "eth0", "r1", "eth1"),
                Cable("hb", "eth0", "r2", "eth1"),
            ],
        };
        Self { lab: topology.build().expect("root"), files: Files::new() }
    }

    fn put(&self, router: &str, text: &str) {
        apply(&self.lab[router], &self.files.write(&format!("{router}.toml"), text));
    }

    fn packets_pass(&self, when: &str) {
        let passes = || self.there_and_back().is_some();
        soon(when, passes, || segbox(&self.lab["r1"], ["status"]).out);
    }

    /// A datagram from ha to hb, and its answer; None if one is lost.
    fn there_and_back(&self) -> Option<()> {
        let socket = |host: &str, address: &'static str| {
            let bound = self.lab[host].enter(move || UdpSocket::bind((address, 0))).expect("the namespace is there");
            let socket = bound.expect("the host has the address");
            socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time");
            socket
        };
        let (ha, hb) = (socket("ha", "2001:db8:a::2"), socket("hb", "2001:db8:b::2"));
        let mut buffer = [0; 16];
        ha.send_to(b"there", hb.local_addr().ok()?).ok()?;
        let (_, from) = hb.recv_from(&mut buffer).ok()?;
        hb.send_to(b"back", from).ok()?;
        ha.recv_from(&mut buffer).ok().map(drop)
    }

    /// Packets that a link has received.
    fn received(&self, router: &str, link: &str) -> u64 {
        let links = status(&self.lab[router])["links"].as_array().expect("a list").clone();
        let of_it = links.iter().find(|one| one["name"] == link).unwrap_or_else(|| panic!("{link}: {links:?}"));
        of_it["rx-packets"].as_u64().expect("a number")
    }

    fn vlans(&self, router: &str) -> String {
        ip(&self.lab[router], "-d link show type vlan")
    }

    fn holds(&self) {
        self.put("r1", R1);
        self.put("r2", &r2());
        self.packets_pass("both are configured");
        let before = [self.received("r2", "eth0.100"), self.received("r1", "outer.7")];
        for _ in 0..20 {
            self.packets_pass("it has passed before");
        }
        let after = [self.received("r2", "eth0.100"), self.received("r1", "outer.7")];
        assert!(after[0] >= before[0] + 20 && after[1] >= before[1] + 20, "{before:?} {after:?}");
        assert!(self.vlans("r1").contains("vlan protocol 802.1ad id 200"), "{}", self.vlans("r1"));
        self.is_repaired();
        self.gets_another_number();
        self.leaves_others_alone();
        for router in ["r1", "r2"] {
            let cleared = segbox(&self.lab[router], ["clear"]);
            assert_eq!(cleared.code, Some(0), "{}{}", cleared.out, cleared.err);
            assert_eq!(self.vlans(router), "");
        }
    }

    /// A VLAN with a SID's port and a policy's way is deleted, and all of it comes back.
    fn is_repaired(&self) {
        let keeper = Keeper::start(&self.lab["r1"]);
        // It works once it has repaired something.
        assert!(shell(&self.lab["r1"], "ip -6 route del blackhole fc00::/16"));
        let is_back = |words: &str| shell(&self.lab["r1"], words);
        soon("the route is back", || is_back("ip -6 route show type blackhole | grep -q fc00::/16"), || keeper.said());
        for lost in ["eth0.100", "outer"] {
            assert!(shell(&self.lab["r1"], &format!("ip link del {lost}")));
            soon("the VLAN is back", || is_back(&format!("ip link show {lost} >/dev/null 2>&1")), || keeper.said());
            self.packets_pass("all that was on the VLAN is back");
        }
        let file = self.files.path().join("r1.toml");
        let is_whole = || segbox(&self.lab["r1"], ["plan".as_ref(), file.as_os_str()]).code == Some(0);
        soon("no step is left", is_whole, || segbox(&self.lab["r1"], ["plan".as_ref(), file.as_os_str()]).out);
    }

    fn gets_another_number(&self) {
        let other =
            |text: &str| text.replace("id = 200", "id = 201").replace("id = 7", "id = 8").replace("outer.7", "inner");
        self.put("r1", &other(R1));
        self.put("r2", &other(&r2()));
        self.packets_pass("both have other numbers");
        assert!(self.vlans("r1").contains("id 201") && !self.vlans("r1").contains("id 200"));
        self.put("r1", R1);
        self.put("r2", &r2());
    }

    /// Another program's VLAN has the tag: the change is undone as a whole, and that VLAN stays.
    fn leaves_others_alone(&self) {
        let r1 = &self.lab["r1"];
        ip(r1, "link add link eth0 name theirs type vlan id 300");
        let before = self.vlans("r1");
        let more = format!(
            "{R1}\n[interface.ours]\nvlan = {{ parent = \"eth0\", id = 300 }}\n[interface.more]\nvlan = {{ parent = \"eth0\", id = 301 }}\n"
        );
        let file = self.files.write("r1-more.toml", &more);
        let refused = segbox(r1, ["apply".as_ref(), file.as_os_str()]);
        assert_eq!(refused.code, Some(1), "{}", refused.out);
        let said = format!("{}{}", refused.out, refused.err);
        assert!(said.contains("another program made a VLAN with this id"), "{said}");
        assert_eq!(self.vlans("r1"), before);
        self.packets_pass("the change is undone");
        run(r1.command("ip").expect("the namespace").args(["link", "del", "theirs"]));
    }
}
