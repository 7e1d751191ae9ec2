//! Hops that are lost and come back: by the cable, by another program, and by a network that moves to another port.

use std::path::PathBuf;

use segbox_lab::Lab;

use crate::support::files::Files;
use crate::support::routers::{Keeper, ip, router_with, soon};
use crate::support::segbox::{apply, segbox};

const ROUTER: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
[interface.eth1]
addresses = ["2001:db8:2::1/64"]
[interface.eth2]
addresses = ["2001:db8:3::1/64"]
[[route]]
destination = "2001:db8:77::/64"
hops = [{ via = "2001:db8:1::2", weight = 3 }, { via = "fe80::2", interface = "eth1" }]
[[route]]
destination = "2001:db8:78::/64"
hops = [{ via = "2001:db8:9::2" }, { via = "fe80::2", interface = "eth1" }]
"#;

struct Kept {
    lab: Lab,
    file: PathBuf,
    keeper: Option<Keeper>,
    _files: Files,
}

impl Kept {
    fn new() -> Self {
        let (lab, files) = router_with(&["eth0", "eth1", "eth2"]);
        let file = files.write("segbox.toml", ROUTER);
        apply(&lab["router"], &file);
        Self { lab, file, keeper: None, _files: files }
    }

    fn with_keeper() -> Self {
        let mut kept = Self::new();
        kept.keeper = Some(Keeper::start(&kept.lab["router"]));
        // It works once it has repaired something.
        kept.ip("-6 route del 2001:db8:77::/64");
        kept.soon_via("2001:db8:77::/64", &["eth0", "eth1"]);
        kept
    }

    fn ip(&self, words: &str) -> String {
        ip(&self.lab["router"], words)
    }

    /// The ports of a route's hops, sorted.
    fn ports(&self, prefix: &str) -> Vec<String> {
        let shown = self.ip(&format!("-6 route show {prefix}"));
        let mut words = shown.split_whitespace();
        let mut ports: Vec<String> =
            std::iter::from_fn(|| words.find(|word| *word == "dev").and_then(|_| words.next()))
                .map(str::to_owned)
                .collect();
        ports.sort();
        ports
    }

    fn soon_via(&self, prefix: &str, ports: &[&str]) {
        soon(
            &format!("{prefix} leaves by {ports:?}"),
            || self.ports(prefix) == ports,
            || {
                format!(
                    "{}{}{:?}",
                    self.ip("nexthop show"),
                    self.ip("-6 route show"),
                    self.keeper.as_ref().map(Keeper::said)
                )
            },
        );
    }

    fn plan(&self) -> String {
        segbox(&self.lab["router"], ["plan".as_ref(), self.file.as_os_str()]).out
    }

    fn deviations(&self) -> String {
        segbox(&self.lab["router"], ["status"]).out
    }
}

#[test]
fn a_pulled_cable_takes_its_hop_along_and_a_plan_knows_it() {
    let kept = Kept::new();
    assert!(
        kept.deviations().contains("hop via 2001:db8:9::2 of 1 route is not used: no link"),
        "{}",
        kept.deviations()
    );
    ip(&kept.lab["peer"], "link set eth0 down");
    kept.soon_via("2001:db8:77::/64", &["eth1"]);
    assert!(kept.plan().contains("nothing to do"), "{}", kept.plan());
    assert!(kept.deviations().contains("hop via 2001:db8:1::2 of 1 route is not used: eth0 has no carrier"));
    ip(&kept.lab["peer"], "link set eth1 down");
    kept.soon_via("2001:db8:77::/64", &[]);
    soon("nothing is left to do", || kept.plan().contains("nothing to do"), || kept.plan());
    for port in ["eth0", "eth1"] {
        ip(&kept.lab["peer"], &format!("link set {port} up"));
    }
    soon("the hops are to be made again", || kept.plan().contains("+ route     2001:db8:77::/64"), || kept.plan());
    apply(&kept.lab["router"], &kept.file);
    assert_eq!(kept.ports("2001:db8:77::/64"), ["eth0", "eth1"]);
}

#[test]
fn the_keeper_brings_back_hops_groups_and_their_routes() {
    let kept = Kept::with_keeper();
    let peer = &kept.lab["peer"];
    for port in ["eth0", "eth1"] {
        ip(peer, &format!("link set {port} down"));
    }
    kept.soon_via("2001:db8:77::/64", &[]);
    for port in ["eth0", "eth1"] {
        ip(peer, &format!("link set {port} up"));
    }
    kept.soon_via("2001:db8:77::/64", &["eth0", "eth1"]);
    // With a group the kernel removes its routes, with a hop its place in every group.
    kept.ip("nexthop flush proto 86");
    kept.soon_via("2001:db8:77::/64", &["eth0", "eth1"]);
    kept.ip("nexthop del id 1442840576");
    kept.soon_via("2001:db8:77::/64", &["eth0", "eth1"]);
}

#[test]
fn a_hop_without_an_interface_follows_its_network() {
    let kept = Kept::with_keeper();
    kept.soon_via("2001:db8:78::/64", &["eth1"]);
    // Another program puts the network on a link, and moves it to another one.
    kept.ip("-6 address add 2001:db8:9::1/64 dev eth2 nodad");
    kept.soon_via("2001:db8:78::/64", &["eth1", "eth2"]);
    kept.ip("-6 address del 2001:db8:9::1/64 dev eth2");
    kept.soon_via("2001:db8:78::/64", &["eth1"]);
    kept.ip("-6 address add 2001:db8:9::1/64 dev eth0 nodad");
    kept.soon_via("2001:db8:78::/64", &["eth0", "eth1"]);
    // A longer route of a routing daemon.
    kept.ip("-6 route add 2001:db8:9::2/128 dev eth2 proto bgp");
    kept.soon_via("2001:db8:78::/64", &["eth1", "eth2"]);
}
