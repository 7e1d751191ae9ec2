//! `segbox keep` in a network namespace brings back what a router loses, fights no other owner, and leaves alone what is not its own. Needs root.

mod support;

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use segbox_lab::{Frame, Lab, udp};
use support::files::Files;
use support::routers::{Keeper, router_with, shell, soon};
use support::segbox::{apply, segbox};

const ROUTER: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/24"]
mtu = 1400
srv6 = true

[interface.eth1]
addresses = ["2001:db8:3::1/64"]

[[neighbor]]
address = "2001:db8:1::2"
mac = "02:00:00:00:01:02"
interface = "eth0"

[[route]]
destination = "2001:db8:2::/64"
via = "2001:db8:1::2"

[[route]]
destination = "198.51.100.0/24"
via = "192.0.2.2"

[srv6]
locator = "fc00:0:1::/48"
source = "fc00:0:1::1"

[srv6.hmac-key.7]
algorithm = "sha256"
secret-file = "seven.key"

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End"

[[srv6.sid]]
sid = "fc00:0:1:4::"
behavior = "End.DX4"
next-hop = "192.0.2.2"

[[srv6.policy]]
destination = "2001:db8:40::/64"
behavior = "H.Encaps"
segments = ["2001:db8:2::1"]
"#;

/// A router with the file applied, and `segbox keep` beside it.
struct Kept {
    lab: Lab,
    file: PathBuf,
    _files: Files,
    keeper: Keeper,
}

impl Kept {
    fn new() -> Self {
        let (lab, files) = router_with(&["eth0", "eth1"]);
        files.write("seven.key", "a secret of some length");
        let file = files.write("segbox.toml", ROUTER);
        apply(&lab["router"], &file);
        let keeper = Keeper::start(&lab["router"]);
        let kept = Self { lab, file, _files: files, keeper };
        // It works once it has repaired something.
        kept.does("ip -6 route del 2001:db8:2::/64");
        kept.is_whole_again("the first loss");
        kept
    }

    fn run(&self, script: &str) -> bool {
        shell(&self.lab["router"], script)
    }

    fn script(&self, script: &str) -> Command {
        let mut command = self.lab["router"].command("sh").expect("the namespace is there");
        command.args(["-c", script]);
        command
    }

    fn does(&self, script: &str) {
        assert!(self.run(script), "{script}");
    }

    fn is_in_sync(&self) -> bool {
        segbox(&self.lab["router"], ["plan".as_ref(), self.file.as_os_str()]).code == Some(0)
    }

    fn is_whole_again(&self, after: &str) {
        self.soon(after, || self.is_in_sync());
    }

    fn lines(&self, part: &str) -> usize {
        self.keeper.lines(&[part])
    }

    fn soon(&self, after: &str, done: impl FnMut() -> bool) {
        let plan = || segbox(&self.lab["router"], ["plan".as_ref(), self.file.as_os_str()]).out;
        soon(&format!("all is well after {after}"), done, || {
            format!("the keeper said:\n{}\nand this is left:\n{}", self.keeper.said(), plan())
        });
    }
}

#[test]
fn every_kind_of_loss_comes_back() {
    let kept = Kept::new();
    for loss in [
        "ip link set eth0 down; ip link set eth0 up",
        "ip link set eth0 down; sleep 0.5; ip link set eth0 up",
        "ip address flush dev eth0",
        "ip address del 192.0.2.1/24 dev eth0",
        "ip link del segbox0",
        "ip link set segbox0 down",
        "ip -6 route flush proto 86",
        "ip -6 route flush proto 86 table all; ip route flush proto 86",
        "ip neigh del 2001:db8:1::2 dev eth0",
        "ip -6 route del fc00:0:1:1::/128; ip route del 198.51.100.0/24",
        "ip link set eth0 mtu 1500",
        "echo 0 > /proc/sys/net/ipv4/conf/all/forwarding",
        "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding",
        "echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter",
        "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6",
        "nft delete table ip6 segbox",
        "nft flush table ip6 segbox",
        "nft flush ruleset",
        // The kernel tells nothing of keys: a look that something else causes finds it.
        "echo | ip sr hmac set 7 sha256; ip -6 route del 2001:db8:2::/64",
    ] {
        kept.does(loss);
        // The loss may have been repaired before this process looks: then it was said.
        kept.is_whole_again(loss);
        // These are many losses within a minute: each begins anew.
        apply(&kept.lab["router"], &kept.file);
    }
    assert!(kept.lines("restored: + sid       fc00:0:1:1::/128") >= 3, "{}", kept.keeper.said());
    assert!(kept.lines("restored: + neighbor  2001:db8:1::2") >= 2, "{}", kept.keeper.said());
    assert!(kept.lines("restored: + address   2001:db8:1::1/64 dev eth0") >= 2, "{}", kept.keeper.said());
    assert!(kept.lines("restored: + hmac-key  7") >= 1, "{}", kept.keeper.said());
    assert!(kept.lines("restored: + filter    edge") >= 2, "{}", kept.keeper.said());
    assert_eq!(kept.lines("cannot"), 0, "{}", kept.keeper.said());
}

/// The kernel makes it once, and asks for no neighbour of a forwarded packet without it.
#[test]
fn a_link_local_address_comes_back_and_neighbours_are_asked_for() {
    let kept = Kept::new();
    kept.does("ip address flush dev eth0");
    kept.is_whole_again("a flush");
    assert_eq!(kept.lines("restored: + address   fe80::"), 1, "{}", kept.keeper.said());
    let [from, to] = ["2001:db8:3::9", "2001:db8:1::9"].map(|text| text.parse::<Ipv6Addr>().expect("an address"));
    let packet = udp((from.into(), 5), (to.into(), 7), b"to a neighbour that is not known yet");
    let core = kept.lab.wire("peer", "eth0").expect("its port");
    let [peer, router] = ["peer", "router"].map(|node| kept.lab.mac(node, "eth1"));
    let sent = kept.lab.wire("peer", "eth1").expect("its port").send(&Frame::new(peer, router, &packet));
    sent.expect("the port is up");
    // A neighbour solicitation (RFC 4861, 4.3).
    let asks = |frame: &Frame| frame.packet().get(40) == Some(&135) && frame.packet().get(48..64) == Some(&to.octets());
    kept.soon("the packet's neighbour is asked for", || {
        core.drain_with_noise().expect("readable").iter().any(|captured| asks(&captured.frame))
    });
    // Where a port comes up, the kernel makes its own.
    kept.does("ip link set eth0 down; ip link set eth0 up");
    kept.is_whole_again("a flap");
    assert_eq!(kept.lines("restored: + address   fe80::"), 1, "{}", kept.keeper.said());
}

/// Nothing tells of it, so it is found by the look of each minute.
#[test]
fn slow_a_key_that_nobody_tells_of_comes_back_within_a_minute() {
    let kept = Kept::new();
    kept.does("echo | ip sr hmac set 7 sha256");
    assert!(!kept.is_in_sync(), "the key is gone");
    std::thread::sleep(Duration::from_secs(20));
    kept.is_whole_again("a lost key");
    assert!(kept.lines("restored: + hmac-key  7") == 1, "{}", kept.keeper.said());
}

/// No fight: the kernel takes along what is on a port.
#[test]
fn a_port_that_flaps_gets_everything_back_each_time() {
    let kept = Kept::new();
    for _ in 0..6 {
        kept.does("ip link set eth0 down; ip link set eth0 up");
        kept.is_whole_again("a flap");
    }
    assert_eq!(kept.lines("not restored any more"), 0, "{}", kept.keeper.said());
}

/// A route that another program puts in the place of segbox's is that program's.
#[test]
fn a_route_that_another_program_put_there_stays_and_is_named() {
    let kept = Kept::new();
    kept.does("ip -6 route replace 2001:db8:2::/64 via 2001:db8:1::2 dev eth0 proto static");
    kept.soon("another's route", || kept.lines("cannot restore: + route     2001:db8:2::/64") > 0);
    assert_eq!(kept.lines("there is one of protocol static"), 1, "{}", kept.keeper.said());
    assert!(kept.run("ip -6 route show 2001:db8:2::/64 | grep -q 'proto static'"));
    kept.does("ip -6 route del 2001:db8:2::/64 proto static; ip -6 route del fc00:0:1:1::/128");
    kept.is_whole_again("the other has left");
}

#[test]
fn a_port_that_another_took_down_stays_down_and_is_named() {
    let kept = Kept::new();
    kept.does("ip link set eth0 down");
    kept.soon("the port is down", || kept.lines("eth0 is down, and stays so") > 0);
    // The rest of the router is repaired meanwhile.
    kept.does("ip -6 route del fc00:0:1:1::/128; ip address flush dev eth1 scope global");
    kept.soon("a loss elsewhere", || {
        kept.run("ip -6 route show fc00:0:1:1:: | grep -q End && ip -6 address show dev eth1 | grep -q 2001:db8:3::1")
    });
    assert!(!kept.run("ip link show dev eth0 up | grep -q eth0"), "segbox raised what another took down");
    kept.does("ip link set eth0 up");
    kept.is_whole_again("the port is up");
}

#[test]
fn a_fight_ends_and_the_other_is_named() {
    let kept = Kept::new();
    let fighter = "while :; do ip -6 route del 2001:db8:40::/64 proto 86 2>/dev/null; sleep 0.05; done";
    let mut fighter = kept.script(fighter).spawn().expect("a shell");
    let gives_up = "not restored any more: route 2001:db8:40::/64: three times within a minute";
    kept.soon("a fight", || kept.lines(gives_up) > 0);
    let repairs = kept.lines("restored: + policy    2001:db8:40::/64");
    assert!((3..=4).contains(&repairs), "{repairs} repairs: {}", kept.keeper.said());
    assert!(kept.keeper.lines(&[gives_up, "process "]) > 0, "{}", kept.keeper.said());
    // All else is repaired as before, and the route is left alone.
    kept.does("ip -6 route del fc00:0:1:1::/128");
    kept.soon("a loss elsewhere", || kept.run("ip -6 route show fc00:0:1:1:: | grep -q End"));
    assert_eq!(kept.lines("restored: + policy    2001:db8:40::/64"), repairs);
    drop(fighter.kill());
    drop(fighter.wait());
    // The next apply settles it, and the route is kept again.
    apply(&kept.lab["router"], &kept.file);
    kept.does("ip -6 route del 2001:db8:40::/64");
    kept.is_whole_again("the fight is over");
    assert_eq!(kept.lines(gives_up), 1);
}

#[test]
fn another_owners_things_and_a_cleared_router_are_left_alone() {
    let kept = Kept::new();
    kept.does("ip -6 route add 2001:db8:77::/64 dev eth1 && ip address add 2001:db8:3::77/64 dev eth1 nodad");
    kept.does("ip -6 route del fc00:0:1:1::/128");
    kept.is_whole_again("a loss");
    assert!(
        kept.run(
            "ip -6 route show 2001:db8:77::/64 | grep -q eth1 && ip address show dev eth1 | grep -q 2001:db8:3::77"
        )
    );
    let clear = segbox(&kept.lab["router"], ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
    kept.does("ip link set eth1 down; ip link set eth1 up");
    std::thread::sleep(Duration::from_secs(1));
    assert!(!kept.run("ip link show segbox0 2>/dev/null"), "a cleared router has come back");
    // Until somebody applies a file again.
    apply(&kept.lab["router"], &kept.file);
    kept.does("ip link del segbox0");
    kept.is_whole_again("the file is applied again");
}

#[test]
fn a_change_on_probation_is_not_touched_until_it_is_confirmed() {
    let kept = Kept::new();
    let longer = format!("{ROUTER}\n[[srv6.sid]]\nsid = \"fc00:0:1:9::\"\nbehavior = \"End\"\n");
    std::fs::write(&kept.file, longer).expect("the file is ours");
    let tried =
        segbox(&kept.lab["router"], ["apply".as_ref(), "--confirm".as_ref(), "10m".as_ref(), kept.file.as_os_str()]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    kept.does("ip -6 route del fc00:0:1:9::/128");
    std::thread::sleep(Duration::from_secs(2));
    assert!(!kept.is_in_sync(), "{}", kept.keeper.said());
    assert_eq!(segbox(&kept.lab["router"], ["confirm"]).code, Some(0));
    kept.is_whole_again("the change is confirmed");
}
