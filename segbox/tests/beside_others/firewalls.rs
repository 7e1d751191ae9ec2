//! ufw, firewalld, iptables as Docker uses it, and rules of nft.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use segbox_lab::Namespace;

use crate::network::Network;
use crate::packages::Packages;
use crate::support::segbox::{Run, run, segbox};

const A: [&str; 2] = ["2001:db8:a::2", "192.0.2.2"];
const B: [&str; 2] = ["2001:db8:b::2", "198.51.100.2"];
/// The port of the core, of the headend and of the tail.
const CORE: [(&str, &str); 2] = [("r1", "eth1"), ("r2", "eth0")];

fn network() -> Network {
    Network::new(include_str!("../icmp_errors/core.toml"))
}

/// Whether datagrams get from a to b and back, of each family.
fn passes(network: &Network) -> [bool; 2] {
    [0, 1].map(|family| {
        let socket = |host: &str, address: &str, port| {
            let address: IpAddr = address.parse().expect("an address");
            let socket = network.at(host).enter(|| UdpSocket::bind((address, port)));
            let socket = socket.expect("there").expect("its address");
            socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a time");
            socket
        };
        let (near, far) = (socket("a", A[family], 0), socket("b", B[family], 7));
        let mut buffer = [0; 100];
        // The first packets wait for neighbours.
        (0..4).any(|_| {
            near.send_to(&[1], far.local_addr().expect("bound")).expect("a route");
            let there = far.recv_from(&mut buffer);
            there.is_ok_and(|(_, from)| far.send_to(&[2], from).is_ok() && near.recv(&mut buffer).is_ok())
        })
    })
}

const ALL: [bool; 2] = [true, true];
const NONE: [bool; 2] = [false, false];

fn doctor(namespace: &Namespace) -> Run {
    segbox(namespace, ["doctor"])
}

fn nft(namespace: &Namespace, rules: &str) {
    let done = run(namespace.command("nft").expect("there").arg(rules));
    assert_eq!(done.code, Some(0), "{rules}: {}", done.err);
}

/// What a row of the doctor says of the firewall.
fn expect_named(namespace: &Namespace, what: &str) {
    let said = doctor(namespace);
    assert_eq!(said.code, Some(3), "{}", said.out);
    assert!(said.out.contains(what), "{what} is not in:\n{}", said.out);
    let file = crate::support::files::Files::new();
    let file = file.write("sid.toml", "[[srv6.sid]]\nsid = \"fc00:0:9:1::\"\nbehavior = \"End\"\n");
    let checked = segbox(namespace, ["check".as_ref(), file.as_os_str()]);
    // The text is wrapped.
    let text = checked.err.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
    assert!(checked.code == Some(0) && text.contains("segbox::beside_others"), "{text}");
}

/// Does what the doctor prints: rules before all others, for each direction. `FIRST -I CHAIN` or `nft insert rule CHAIN`.
fn accept_first(network: &Network, router: &str, port: &str, family: &str, chain: &str) {
    let printed =
        ["iifname", "oifname"].map(|direction| format!("nft insert rule {family} {chain} {direction} PORT accept"));
    let said = doctor(network.at(router)).out;
    for rule in printed {
        assert!(said.contains(&rule), "{rule} is not in:\n{said}");
        nft(network.at(router), &rule.trim_start_matches("nft ").replace("PORT", port));
    }
}

/// Does what the doctor prints against rules for invalid connections.
fn untrack(network: &Network, router: &str) {
    let said = doctor(network.at(router)).out;
    let printed = said.split("`nft '").nth(1).and_then(|rest| rest.split("'`").next());
    nft(network.at(router), printed.unwrap_or_else(|| panic!("no command in:\n{said}")));
}

#[test]
fn slow_a_rule_against_invalid_connections() {
    for form in ["ct state invalid drop", "ct state vmap { established : accept, related : accept, invalid : drop }"] {
        for (router, _) in CORE {
            let network = network();
            assert_eq!(passes(&network), ALL);
            assert!(doctor(network.at(router)).out.contains("none that loses SRv6"));
            nft(
                network.at(router),
                &format!(
                    "add table inet own; add chain inet own watch {{ type filter hook forward priority 0; }}; \
                 add chain inet own deep; add rule inet own watch jump deep; add rule inet own deep {form}"
                ),
            );
            assert_eq!(passes(&network), NONE, "{router}: {form}");
            expect_named(
                network.at(router),
                "the chain `inet own deep` drops forwarded packets of the connection state invalid (nftables)",
            );
            untrack(&network, router);
            assert_eq!(passes(&network), ALL, "{router}: {form}");
            assert!(doctor(network.at(router)).out.contains("none that loses SRv6"), "{router}: {form}");
        }
    }
}

#[test]
fn slow_a_forward_policy_as_dockers() {
    let packages = Packages::new(&["iptables"]);
    let network = network();
    for (router, port) in CORE {
        let tool = |name: &str| format!("xtables-nft-multi {name}");
        let (v6, v4) = (tool("ip6tables"), tool("iptables"));
        let script =
            format!("{v4} -N DOCKER-USER && {v4} -P FORWARD DROP && {v6} -N DOCKER-USER && {v6} -P FORWARD DROP");
        let done = packages.run(network.at(router), &script);
        assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
        assert_eq!(passes(&network), NONE, "{router}");
        for family in ["ip6", "ip"] {
            let what =
                format!("the chain `{family} filter FORWARD` drops forwarded packets that no rule accepts (Docker)");
            expect_named(network.at(router), &what);
            accept_first(&network, router, port, family, "filter FORWARD");
        }
        assert_eq!(passes(&network), ALL, "{router}");
        assert!(doctor(network.at(router)).out.contains("none that loses SRv6"), "{router}");
    }
}

#[test]
fn slow_iptables_of_the_old_kind() {
    let packages = Packages::new(&["iptables"]);
    let network = network();
    let legacy = |rule: &str| {
        let done = packages.run(network.at("r1"), &format!("xtables-legacy-multi ip6tables {rule}"));
        assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    };
    legacy("-P FORWARD DROP");
    assert_eq!(passes(&network), NONE);
    expect_named(
        network.at("r1"),
        "the chain FORWARD of `ip6tables-legacy` drops forwarded packets that no rule accepts",
    );
    let said = doctor(network.at("r1")).out;
    for direction in ["-i", "-o"] {
        let printed = format!("-I FORWARD {direction} PORT -j ACCEPT");
        assert!(said.contains(&format!("`ip6tables-legacy {printed}`")), "{said}");
        legacy(&printed.replace("PORT", "eth1"));
    }
    assert_eq!(passes(&network), ALL);
    assert!(doctor(network.at("r1")).out.contains("none that loses SRv6"), "its rules are read");
}

const UFW: &str = "cp -n /usr/share/ufw/iptables/*.rules /usr/share/ufw/ufw.conf /etc/ufw/; cd /usr/sbin; \
                   for name in iptables ip6tables iptables-restore ip6tables-restore; do ln -sf xtables-nft-multi $name; done; \
                   ufw --force enable";

#[test]
fn slow_ufw() {
    let packages = Packages::new(&["ufw", "iptables"]);
    let network = network();
    assert_eq!(packages.run(network.at("r1"), UFW).code, Some(0));
    assert_eq!(passes(&network), NONE);
    expect_named(network.at("r1"), "the chain `ip6 filter FORWARD` drops forwarded packets that no rule accepts (ufw)");
    assert!(doctor(network.at("r1")).out.contains("`ufw default allow routed`"));
    let fixed = packages.run(network.at("r1"), &format!("{UFW} && ufw default allow routed"));
    assert_eq!(fixed.code, Some(0), "{}{}", fixed.out, fixed.err);
    assert_eq!(passes(&network), ALL);
    assert!(doctor(network.at("r1")).out.contains("none that loses SRv6"));
}

#[test]
fn slow_firewalld() {
    let packages = Packages::new(&["firewalld", "python3-dbus", "python3-gi", "dbus"]);
    let network = network();
    let start = |before: &str| {
        let script = format!(
            "{before}; dbus-daemon --system --fork; timeout 60 firewalld --nofork --nopid >/tmp/log 2>&1 & \
             for try in $(seq 60); do sleep 1; nft list chain inet firewalld filter_FORWARD >/dev/null 2>&1 && exit 0; done; \
             cat /tmp/log; exit 1"
        );
        let done = packages.run(network.at("r1"), &script);
        assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    };
    start("true");
    assert_eq!(passes(&network), NONE);
    let chain = "the chain `inet firewalld filter_FORWARD` drops forwarded packets";
    let forward = format!("{chain} that no rule accepts (firewalld)");
    let invalid = format!("{chain} of the connection state invalid (firewalld)");
    let way_back = "packets that come in by another way than their answer would go (firewalld)";
    for what in [&forward, &invalid, way_back] {
        expect_named(network.at("r1"), what);
    }
    assert!(doctor(network.at("r1")).out.contains("firewall-cmd --permanent --zone=trusted --change-interface=PORT"));
    assert!(doctor(network.at("r1")).out.contains("IPv6_rpfilter=no"));
    untrack(&network, "r1");

    // firewall-cmd needs polkit; firewall-offline-cmd writes the same files.
    nft(network.at("r1"), "delete table inet firewalld");
    start(
        "sed -i s/^IPv6_rpfilter=.*/IPv6_rpfilter=no/ /etc/firewalld/firewalld.conf; \
         for port in eth0 eth1; do firewall-offline-cmd --zone=trusted --change-interface=$port; done",
    );
    assert_eq!(passes(&network), ALL);
    assert!(doctor(network.at("r1")).out.contains("none that loses SRv6"), "{}", doctor(network.at("r1")).out);
}
