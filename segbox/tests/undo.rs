//! What an undo and `clear` put back on a real kernel: names, addresses, sysctls that the kernel changes along with others, HMAC keys. And what
//! an `apply` mends and waits for. Needs root.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use segbox_lab::{Cable, Lab, Namespace, Topology};
use support::files::Files;
use support::segbox::{Run, apply, run, segbox};

/// Longer than any of this takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A router with two ports that are up.
fn router() -> (Lab, Files) {
    let cables = [Cable("router", "eth0", "peer", "eth0"), Cable("router", "eth1", "peer", "eth1")];
    let topology = Topology { routers: &["router", "peer"], hosts: &[], cables: &cables };
    let lab = topology.build().expect("these tests make network namespaces: run them as root");
    // The link-local address is there, and through duplicate address detection: what is compared later does not change by itself.
    let is_up = |port| {
        let addresses = said(&lab["router"], &format!("ip -6 -o address show dev {port}"));
        addresses.contains("fe80::") && !addresses.contains("tentative")
    };
    let end = Instant::now() + PATIENCE;
    while !(is_up("eth0") && is_up("eth1")) {
        assert!(Instant::now() < end, "the ports do not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    (lab, Files::new())
}

fn said(namespace: &Namespace, words: &str) -> String {
    let mut all = words.split(' ');
    let mut command = namespace.command(all.next().expect("a program")).expect("the namespace is there");
    let run = run(command.args(all));
    assert_eq!(run.code, Some(0), "{words}: {}", run.err);
    run.out
}

/// Every sysctl of the namespace's interfaces.
fn sysctls(namespace: &Namespace) -> BTreeMap<String, String> {
    let words = ["-r", "--no-messages", "--exclude=stable_secret", "."];
    let places = ["/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf"];
    let mut command = namespace.command("grep").expect("the namespace is there");
    // It may meet a port that is just being renamed; whoever compares looks again.
    let text = run(command.args(words).args(places)).out;
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What others may see of the router, line by line.
fn state(namespace: &Namespace) -> BTreeSet<String> {
    let words = [
        "ip -o address show",
        "ip -6 route show table all",
        "ip -4 route show table all",
        "ip sr hmac show",
        "ip neighbor show nud permanent",
    ];
    let text = words.map(|words| said(namespace, words)).concat();
    // A device that is made anew has another number and another link-local address.
    // lo keeps the addresses that the kernel gives it as it comes up for the first time.
    let goes = |line: &str| line.contains(" 127.") || line.contains("segbox0") && line.contains("fe80:");
    let lines = text.lines().filter(|line| !goes(line)).map(|line| line.trim_end().to_owned());
    lines.chain(sysctls(namespace).into_iter().map(|(name, value)| format!("{name} = {value}"))).collect()
}

/// Links take a moment.
fn is_soon_as(namespace: &Namespace, before: &BTreeSet<String>, what: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = state(namespace);
        let gone: Vec<_> = before.difference(&now).collect();
        let new: Vec<_> = now.difference(before).collect();
        if gone.is_empty() && new.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{what}: {gone:#?} {new:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn on_probation(namespace: &Namespace, file: &Path) -> Run {
    let run = segbox(namespace, ["apply".as_ref(), file.as_os_str(), "--confirm".as_ref(), "1s".as_ref()]);
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    assert!(run.out.contains("unless you run `segbox confirm`"), "it has changed something: {}", run.out);
    run
}

/// A file that names ports of the router by their hardware.
fn naming(lab: &Lab, ports: &[(&str, &str)]) -> String {
    let port = |(number, (name, port)): (usize, &(&str, &str))| {
        let mac = lab.mac("router", port).map(|byte| format!("{byte:02x}")).join(":");
        format!(
            "[interface.{name}]\nmatch = {{ mac = \"{mac}\" }}\naddresses = [\"2001:db8:{number}::1/64\"]\nmtu = 1600\nsrv6 = true\n"
        )
    };
    ports.iter().enumerate().map(port).collect()
}

#[test]
fn an_unconfirmed_change_gives_every_port_its_name_and_addresses_back() {
    // The same card under another name; a name that another port has; both; a file that no longer names the card.
    type Names = [(&'static str, &'static str)];
    let pairs: [(&Names, &Names); 5] = [
        (&[("x1", "eth0")], &[("x2", "eth0")]),
        (&[("x1", "eth0")], &[("eth1", "eth0")]),
        (&[("eth1", "eth0"), ("eth0", "eth1")], &[("eth0", "eth0"), ("eth1", "eth1")]),
        (&[("x1", "eth0")], &[("x1", "eth1")]),
        (&[], &[("eth1", "eth0")]),
    ];
    std::thread::scope(|scope| {
        for (first, second) in pairs {
            scope.spawn(move || {
                let (lab, files) = router();
                let namespace = &lab["router"];
                let before = state(namespace);
                apply(namespace, &files.write("first.toml", naming(&lab, first)));
                let between = state(namespace);
                on_probation(namespace, &files.write("second.toml", naming(&lab, second)));
                is_soon_as(namespace, &between, &format!("{first:?}, then {second:?}"));
                assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
                is_soon_as(namespace, &before, &format!("{first:?}, {second:?}, cleared"));
            });
        }
    });
}

/// Sysctls that turning on forwarding, and writing `default`, change along; on ports that the file names, that it does not, that come later.
#[test]
fn the_kernels_other_switches_are_as_they_were() {
    const FILE: &str = r#"
[interface.eth0]
addresses = ["192.0.2.1/24"]
srv6 = true
[[srv6.sid]]
sid = "fc00:0:1:4::"
behavior = "End.DX4"
next-hop = "192.0.2.2"
"#;
    let tried: [&[(&str, &str)]; 4] = [
        &[
            ("ipv4.conf.all.accept_redirects", "0"),
            ("ipv4.conf.eth1.forwarding", "1"),
            ("ipv6.conf.eth1.forwarding", "1"),
        ],
        &[
            ("ipv4.conf.default.forwarding", "1"),
            ("ipv6.conf.default.forwarding", "1"),
            ("ipv4.conf.eth0.forwarding", "1"),
        ],
        &[("ipv4.conf.default.rp_filter", "2"), ("ipv4.conf.all.rp_filter", "1")],
        &[
            ("ipv4.conf.all.forwarding", "1"),
            ("ipv4.conf.all.accept_redirects", "1"),
            ("ipv4.conf.eth1.forwarding", "0"),
        ],
    ];
    for set in tried {
        for ending in ["clear", "unconfirmed"] {
            let (lab, files) = router();
            let namespace = &lab["router"];
            for (name, value) in set {
                namespace.sysctl(&format!("net.{name}"), value).expect("the kernel has it");
            }
            let before = sysctls(namespace);
            let file = files.write("segbox.toml", FILE);
            if ending == "clear" {
                apply(namespace, &file)
            } else {
                drop(on_probation(namespace, &file))
            }
            let now = sysctls(namespace);
            let other = "/proc/sys/net/ipv4/conf/eth1/rp_filter";
            assert_eq!(now[other], before[other], "{set:?}: another port's filter is its owner's");
            said(namespace, "ip link add later type ifb");
            if ending == "clear" {
                assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
            }
            let without_later = || {
                let mut now = sysctls(namespace);
                let later: BTreeMap<String, String> = now.extract_if(.., |name, _| name.contains("/later/")).collect();
                (now, later)
            };
            let end = Instant::now() + PATIENCE;
            while without_later().0 != before && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(100));
            }
            let (now, later) = without_later();
            let differ: Vec<_> = now.iter().filter(|(name, value)| before.get(*name) != Some(*value)).collect();
            assert_eq!(now.len(), before.len());
            assert!(differ.is_empty(), "{set:?}, {ending}: {differ:?}");
            for family in ["ipv4", "ipv6"] {
                let of = |group| format!("/proc/sys/net/{family}/conf/{group}/forwarding");
                assert_eq!(later[&of("later")], before[&of("default")], "{set:?}, {ending}: {family}");
            }
        }
    }
}

/// A port that was down goes down again in the end, and the kernel would take along what others have there.
#[test]
fn what_others_have_on_a_port_that_was_down_stays() {
    for ending in ["clear", "unconfirmed"] {
        let (lab, files) = router();
        let namespace = &lab["router"];
        for done in [
            "ip link set eth1 down",
            "ip link set lo down",
            "ip address add 2001:db8:7::1/64 dev eth1",
            "ip address add 192.0.2.1/24 dev eth1",
            "ip neighbor add 2001:db8:7::9 lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
            "ip neighbor add 192.0.2.9 lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
            "ip -6 route add blackhole 2001:db8:dead::/48 metric 77 proto static",
            // A port without an IPv4 address of others.
            "ip route add 198.51.100.0/24 dev eth0 proto static",
            "ip route add 203.0.113.0/24 dev eth0 table 77 proto bgp metric 7",
            "ip neighbor add 198.51.100.9 lladdr 02:00:00:00:00:98 dev eth0 nud permanent",
        ] {
            said(namespace, done);
        }
        let before = state(namespace);
        let file = files.write("segbox.toml", "[interface.eth1]\naddresses = [\"2001:db8:8::1/64\"]\nmtu = 1600\n[interface.eth0]\naddresses = [\"192.0.2.129/25\"]\n");
        if ending == "clear" {
            apply(namespace, &file);
            // Meanwhile, too.
            said(namespace, "ip address add 2001:db8:9::1/64 dev eth1");
            assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
            said(namespace, "ip address del 2001:db8:9::1/64 dev eth1");
        } else {
            on_probation(namespace, &file);
        }
        is_soon_as(namespace, &before, ending);
    }
}

#[test]
fn an_undone_changes_key_is_gone_and_others_keys_are_theirs() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let keys = |ids: &[u32]| -> String {
        let key = |id: &u32| {
            files.write(&format!("{id}.key"), format!("the secret of {id}"));
            format!("[srv6.hmac-key.{id}]\nalgorithm = \"sha256\"\nsecret-file = \"{id}.key\"\n")
        };
        ids.iter().map(key).collect()
    };
    let set =
        run(namespace.command("sh").expect("there").args(["-c", "printf 'of another\\n' | ip sr hmac set 5 sha256"]));
    assert_eq!(set.code, Some(0), "{}", set.err);
    let before = state(namespace);
    apply(namespace, &files.write("first.toml", keys(&[7])));
    let between = state(namespace);
    // Another's key among them, a new one, and one that segbox has.
    on_probation(namespace, &files.write("second.toml", keys(&[5, 7, 9])));
    is_soon_as(namespace, &between, "undone");
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
    is_soon_as(namespace, &before, "cleared: the other's key is not segbox's");
}

#[test]
fn a_device_that_another_took_down_is_mended_by_apply() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let mut file = "[interface.eth0]\naddresses = [\"2001:db8:1::1/64\"]\nsrv6 = true\n".to_owned();
    for number in 1..20 {
        file += &format!("[[srv6.sid]]\nsid = \"fc00:0:1:{number}::\"\nbehavior = \"End\"\n");
        file += &format!(
            "[[srv6.policy]]\ndestination = \"2001:db8:{number}00::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:2::\"]\n"
        );
    }
    let file = files.write("segbox.toml", file);
    apply(namespace, &file);
    let right = state(namespace);
    for harm in [
        "ip link set segbox0 down",
        "ip link set segbox0 mtu 1500",
        "ip link del segbox0",
        "sysctl -qw net.ipv6.conf.segbox0.disable_ipv6=1",
    ] {
        said(namespace, harm);
        let plan = segbox(namespace, ["plan".as_ref(), file.as_os_str()]);
        assert_eq!(plan.code, Some(2), "{harm}: {}", plan.out);
        apply(namespace, &file);
        is_soon_as(namespace, &right, harm);
    }
}

/// Outside of the image, the kernel checks link-local addresses for duplicates as a port comes up: until then neighbours do not answer.
#[test]
fn apply_says_in_sync_when_its_addresses_work() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    for port in ["eth0", "eth1"] {
        for (name, value) in [("accept_dad", "1"), ("dad_transmits", "1")] {
            namespace.sysctl(&format!("net.ipv6.conf.{port}.{name}"), value).expect("the kernel has it");
        }
    }
    let tentative = || said(namespace, "ip -6 -o address show tentative");
    said(namespace, "ip link set eth1 down");
    said(namespace, "ip link set eth0 down");
    let file = files.write("segbox.toml", "[interface.eth0]\naddresses = [\"2001:db8:1::1/64\"]\n[interface.eth1]\n");
    let run = segbox(namespace, ["apply".as_ref(), file.as_os_str()]);
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    assert_eq!(tentative(), "", "{}", run.out);
    assert!(said(namespace, "ip -6 -o address show dev eth0").contains("fe80::"), "the link-local address is there");
    assert!(!run.out.contains("detection"), "{}", run.out);
}
