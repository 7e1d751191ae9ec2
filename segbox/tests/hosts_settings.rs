//! A host as distributions set it up becomes a router by `segbox apply`, and is the same host after `segbox clear`: reverse-path filters,
//! IPv6 turned off, a default route by router advertisement. Needs root.

mod support;

use segbox_lab::{Cable, Frame, Lab, Topology};
use support::files::Files;
use support::routers::soon;
use support::segbox::{apply, segbox};

const ALL_ROUTERS: &str = "fe80::aa";

/// A host with two ports, and the router on each.
fn host() -> (Lab, Files) {
    let cables = [Cable("host", "eth0", "first", "eth0"), Cable("host", "eth1", "second", "eth0")];
    let topology = Topology { routers: &["host", "first", "second"], hosts: &[], cables: &cables };
    (topology.build().expect("these tests make network namespaces: run them as root"), Files::new())
}

fn said(lab: &Lab, program: &str, arguments: &[&str]) -> String {
    let output = lab["host"].command(program).expect("there").args(arguments).output().expect("it is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn is(lab: &Lab, sysctl: &str) -> String {
    said(lab, "cat", &[&format!("/proc/sys/{}", sysctl.replace('.', "/"))])
}

#[test]
fn what_a_distribution_set_is_no_obstacle_and_comes_back() {
    let (lab, files) = host();
    let before = [
        ("net.ipv4.conf.all.rp_filter", "1"),
        ("net.ipv4.conf.default.rp_filter", "2"),
        ("net.ipv4.conf.eth0.rp_filter", "1"),
        ("net.ipv4.conf.all.forwarding", "1"),
        ("net.ipv4.conf.eth0.forwarding", "0"),
        ("net.ipv6.conf.default.disable_ipv6", "1"),
        ("net.ipv6.conf.eth0.disable_ipv6", "1"),
        ("net.ipv6.conf.eth1.disable_ipv6", "1"),
    ];
    for (name, value) in before {
        lab["host"].sysctl(name, value).expect("the kernel has it");
    }
    let file = files.write(
        "segbox.toml",
        r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/24"]
srv6 = true
[[route]]
destination = "2001:db8:2::/64"
via = "2001:db8:1::2"
[[srv6.sid]]
sid = "fc00:0:1:4::"
behavior = "End.DX4"
next-hop = "192.0.2.2"
"#,
    );
    apply(&lab["host"], &file);
    for (name, value) in [
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        ("net.ipv4.conf.eth0.rp_filter", "0"),
        ("net.ipv4.conf.segbox0.rp_filter", "0"),
        ("net.ipv4.conf.eth0.forwarding", "1"),
        ("net.ipv6.conf.eth0.disable_ipv6", "0"),
        ("net.ipv6.conf.segbox0.disable_ipv6", "0"),
        // The file says nothing of it.
        ("net.ipv6.conf.eth1.disable_ipv6", "1"),
    ] {
        assert_eq!(is(&lab, name), value, "{name}");
    }
    assert_eq!(segbox(&lab["host"], ["clear"]).code, Some(0));
    for (name, value) in before {
        assert_eq!(is(&lab, name), value, "{name}");
    }
}

#[test]
fn a_routes_interface_gets_ipv6() {
    let (lab, files) = host();
    lab["host"].sysctl("net.ipv6.conf.eth1.disable_ipv6", "1").expect("the kernel has it");
    said(&lab, "ip", &["link", "set", "eth1", "up"]);
    said(&lab, "ip", &["addr", "add", "192.0.2.1/24", "dev", "eth1"]);
    let file = files.write(
        "segbox.toml",
        "[[route]]\ndestination = \"2001:db8:2::/64\"\nvia = \"fe80::2\"\ninterface = \"eth1\"\n",
    );
    apply(&lab["host"], &file);
    assert_eq!(is(&lab, "net.ipv6.conf.eth1.disable_ipv6"), "0", "the route's interface needs it");
}

#[test]
fn a_file_with_nothing_but_sids_forwards() {
    let (lab, files) = host();
    let file = files.write("segbox.toml", "[[srv6.sid]]\nsid = \"fc00:0:1:1::\"\nbehavior = \"End\"\n");
    apply(&lab["host"], &file);
    for name in ["net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.seg6_enabled"] {
        assert_eq!(is(&lab, name), "1", "{name}");
    }
    assert_eq!(segbox(&lab["host"], ["clear"]).code, Some(0));
    assert_eq!(is(&lab, "net.ipv6.conf.all.forwarding"), "0");
}

/// The default route by an advertisement stays, the next advertisement is taken as well, and only on the port that takes some.
#[test]
fn a_host_keeps_the_default_route_of_its_router() {
    let (lab, files) = host();
    for link in ["eth0", "eth1"] {
        lab["host"].sysctl(&format!("net.ipv6.conf.{link}.accept_ra"), "1").expect("the kernel has it");
    }
    let default = || said(&lab, "ip", &["-6", "route", "show", "default"]);
    let advertise = |prefix| {
        let router = lab.wire("first", "eth0").expect("a port");
        router.send(&advertisement(lab.mac("first", "eth0"), prefix)).expect("the port is up");
    };
    let comes = |done: &dyn Fn() -> bool| soon("it comes", done, default);
    comes(&|| {
        advertise([0x20, 1, 0xd, 0xb8, 0, 0xa]);
        default().contains("proto ra")
    });
    let file = files.write("segbox.toml", "[interface.eth1]\naddresses = [\"2001:db8:1::1/64\"]\nsrv6 = true\n");
    let plan = segbox(&lab["host"], ["plan".as_ref(), file.as_os_str()]).out;
    assert!(plan.contains("net.ipv6.conf.eth0.accept_ra  1 -> 2"), "{plan}");
    apply(&lab["host"], &file);
    assert_eq!(is(&lab, "net.ipv6.conf.all.forwarding"), "1");
    assert!(default().contains(&format!("via {ALL_ROUTERS} dev eth0 proto ra")), "{}", default());
    comes(&|| {
        advertise([0x20, 1, 0xd, 0xb8, 0, 0xb]);
        said(&lab, "ip", &["-6", "address", "show", "dev", "eth0"]).contains("2001:db8:b:")
    });
    assert_eq!(is(&lab, "net.ipv6.conf.eth1.accept_ra"), "1");
    assert_eq!(segbox(&lab["host"], ["clear"]).code, Some(0));
    assert_eq!(is(&lab, "net.ipv6.conf.eth0.accept_ra"), "1");
    assert!(default().contains("proto ra"), "{}", default());
}

/// A router advertisement (RFC 4861, 4.2) with a prefix for addresses.
fn advertisement(from: [u8; 6], prefix: [u8; 6]) -> Frame {
    let source: std::net::Ipv6Addr = ALL_ROUTERS.parse().expect("an address");
    let destination: std::net::Ipv6Addr = "ff02::1".parse().expect("an address");
    let mut body = vec![134, 0, 0, 0, 64, 0];
    body.extend(1800_u16.to_be_bytes());
    body.extend([0; 8]);
    body.extend([3, 4, 64, 0xc0]);
    body.extend(3600_u32.to_be_bytes());
    body.extend(3600_u32.to_be_bytes());
    body.extend([0; 4]);
    body.extend(prefix);
    body.extend([0; 10]);
    let length = u16::try_from(body.len()).expect("short");
    let mut sum = u32::from(length) + 58;
    for pair in source.octets().iter().chain(&destination.octets()).chain(&body).collect::<Vec<_>>().chunks(2) {
        sum += u32::from(u16::from_be_bytes([*pair[0], *pair[1]]));
    }
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("folded");
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([58, 255]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(body);
    Frame::new(from, [0x33, 0x33, 0, 0, 0, 1], &packet)
}

/// A view of this system with a distribution's kernel, where nf_tables is a module that may not be loaded.
const BLOCKED: &str = r#"set -e
release=$(uname -r)
mount -t tmpfs tmpfs "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work"
mount -t overlay overlay -o "lowerdir=/usr/lib,upperdir=$PLACE/upper,workdir=$PLACE/work" /usr/lib
mkdir -p "/usr/lib/modules/$release"
echo kernel/net/netfilter/nf_tables.ko.xz: > "/usr/lib/modules/$release/modules.dep"
module='s/^CONFIG_NF_TABLES=.*/CONFIG_NF_TABLES=m/'
if [ -e /proc/config.gz ]; then
    zcat /proc/config.gz | sed "$module" | gzip > "$PLACE/config"
    mount --bind "$PLACE/config" /proc/config.gz
else
    sed "$module" "/boot/config-$release" > "$PLACE/config"
    mount --bind "$PLACE/config" "/boot/config-$release"
fi
echo quiet module_blacklist=nf_tables > "$PLACE/words"
mount --bind "$PLACE/words" /proc/cmdline
"#;

#[test]
fn a_host_that_may_not_load_nf_tables_goes_without_the_filters_that_the_file_does_not_name() {
    let (lab, files) = host();
    let text = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
srv6 = true

[srv6]
locator = "fc00:0:2::/48"
source = "fc00:0:2::1"

[[srv6.sid]]
sid = "fc00:0:2:1::"
behavior = "End"

[[srv6.policy]]
destination = "198.51.100.0/24"
behavior = "H.Encaps"
segments = ["2001:db8:1::2"]
"#;
    let place = Files::new();
    let run = |words: &str| {
        let script = format!("{BLOCKED}\nexec {} {words}", support::segbox::SEGBOX);
        let mut command = lab["host"].command("unshare").expect("util-linux");
        command.args(["--mount", "sh", "-c", &script]).env("PLACE", place.path());
        support::segbox::run(&mut command)
    };
    let unwrapped = |text: &str| text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let file = files.write("segbox.toml", text);
    let applied = run(&format!("apply {}", file.display()));
    assert_eq!(applied.code, Some(0), "{}{}", applied.out, applied.err);
    for key in ["edge-filter", "mss-clamp", "dscp"] {
        let warning = format!("this kernel lacks nf_tables, so the filter of `{key}` is left out");
        assert!(unwrapped(&applied.err).contains(&warning), "{warning} is not in:\n{}", applied.err);
    }
    let status = run("status --json").out;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let deviations = status["deviations"].as_array().expect("a list");
    let lacks =
        deviations.iter().filter(|line| line.as_str().is_some_and(|line| line.contains("lacks nf_tables"))).count();
    assert_eq!((lacks, deviations.len()), (3, 3), "edge, MSS, DSCP: {status}");
    for key in ["edge-filter = true", "mss-clamp = true", "dscp = \"copy\""] {
        let named = files.write("named.toml", text.replacen("[srv6]", &format!("[srv6]\n{key}"), 1));
        let refused = run(&format!("apply {}", named.display()));
        let says = refused.err.contains("this kernel") && refused.err.contains("lacks nf_tables");
        assert!(refused.code == Some(1) && says, "{key}: {}", refused.err);
    }
}

#[test]
fn another_ipv4_address_takes_no_route_along() {
    let (lab, files) = host();
    let file = |address: &str| {
        files.write(
            "segbox.toml",
            format!(
                r#"
[interface.eth0]
addresses = ["{address}", "2001:db8:1::1/64"]
[[route]]
destination = "198.51.100.0/24"
via = "192.0.2.9"
interface = "eth0"
[srv6]
source = "2001:db8:1::1"
[[srv6.policy]]
destination = "203.0.113.0/24"
behavior = "H.Encaps"
segments = ["2001:db8:1::6"]
interface = "eth0"
"#
            ),
        )
    };
    apply(&lab["host"], &file("192.0.2.1/24"));
    said(&lab, "ip", &["route", "add", "10.9.0.0/16", "via", "192.0.2.7", "dev", "eth0"]);
    let routes = || said(&lab, "ip", &["-4", "route", "show", "proto", "boot"]);
    let others = routes();
    // In the same subnet, with another length, in another subnet.
    for address in ["192.0.2.2/24", "192.0.2.2/25", "192.0.2.130/25", "198.18.0.1/15", "192.0.2.1/24"] {
        let toml = file(address);
        let plan = segbox(&lab["host"], ["plan".as_ref(), toml.as_os_str()]);
        assert!(plan.out.contains("\n2 steps: 1 to add, 0 to change, 1 to remove"), "{address}: {}", plan.out);
        let apply = segbox(&lab["host"], ["apply".as_ref(), toml.as_os_str()]);
        assert!(apply.out.contains("(2 steps, "), "{address}: {}{}", apply.out, apply.err);
        assert_eq!((routes(), apply.code), (others.clone(), Some(0)), "{address}");
    }
}
