//! Debian's dnsmasq as the server of both families: everything that a lease and an advertisement can give.

use crate::box_of::{Daemon, Managed};
use crate::support::routers::{ip, shell};
use crate::support::segbox::{run, segbox};

const FILE: &str = "[interface.eth4]\ndhcp = true\naccept-ra = true\naddresses = [\"2001:db8:4::7/64\"]\n\
                    [[route]]\ndestination = \"::/0\"\nvia = \"2001:db8:4::66\"\ninterface = \"eth4\"\n";

const ARGUMENTS: [&str; 16] = [
    "--keep-in-foreground",
    "--port=0",
    "--no-ping",
    "--conf-file=/dev/null",
    "--interface=eth4",
    "--bind-interfaces",
    "--log-dhcp",
    "--log-facility=-",
    "--dhcp-range=192.0.2.50,192.0.2.60,255.255.255.0,2m",
    "--dhcp-range=2001:db8:4::,ra-stateless,64,120",
    "--enable-ra",
    "--dhcp-option=option:dns-server,192.0.2.53",
    "--dhcp-option=option:domain-search,lab.example,example",
    "--dhcp-option=121,10.9.0.0/16,192.0.2.1,0.0.0.0/0,192.0.2.2",
    "--dhcp-option=option:mtu,1400",
    "--dhcp-option=option:ntp-server,192.0.2.123",
];

#[test]
fn a_port_gets_both_families_with_routes_and_servers() {
    let mut managed = Managed::new(&["eth4"]);
    let resolver = || std::fs::read("/etc/resolv.conf").ok();
    let before = resolver();
    ip(managed.peer(), "address add 192.0.2.1/24 dev eth4");
    ip(managed.peer(), "address add 2001:db8:4::1/64 dev eth4");
    let leases = format!("--dhcp-leasefile={}", managed.files.path().join("leases").display());
    let dns = "--dhcp-option=option6:dns-server,[2001:db8:4::53]";
    let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([leases.as_str(), dns]).collect();
    let log = managed.files.path().join("dnsmasq.log");
    let _server = Daemon::start(managed.peer(), "dnsmasq", &arguments, log.clone());
    managed.apply(FILE);
    managed.keep();
    let has_dns = || managed.port("eth4")["advertisements"]["dns"].to_string().contains("2001:db8:4::53");
    managed.soon("a lease", || managed.port("eth4")["dhcp"]["state"] == "bound");
    managed.soon("an advertisement", has_dns);
    let port = managed.port("eth4");
    let lease = &port["dhcp"]["lease"];
    assert!(lease["address"].as_str().is_some_and(|one| one.starts_with("192.0.2.") && one.ends_with("/24")), "{port}");
    assert_eq!(lease["dns"].to_string(), "[\"192.0.2.53\"]");
    assert_eq!(lease["search"].to_string(), "[\"lab.example\",\"example\"]");
    assert_eq!((lease["mtu"].as_u64(), lease["ntp"].to_string()), (Some(1400), "[\"192.0.2.123\"]".to_owned()));
    assert!((100..=120).contains(&lease["ends-in"].as_u64().expect("a number")), "{port}");
    let routes = ip(managed.router(), "-4 route show proto dhcp");
    for route in ["192.0.2.0/24 dev eth4 scope link", "10.9.0.0/16 via 192.0.2.1 dev eth4"] {
        let line = routes.lines().find(|line| line.starts_with(route)).unwrap_or_else(|| panic!("{route}: {routes}"));
        assert!(line.contains("metric 4096") && line.contains("mtu 1400"), "{line}");
    }
    let times = ip(managed.router(), "-4 address show dev eth4");
    assert!(times.contains("dynamic noprefixroute eth4") && times.contains("valid_lft 1"), "{times}");
    // The file's own default route goes before the router's, whose metric is not the kernel's.
    let v6 = || ip(managed.router(), "-6 route show default");
    assert!(v6().contains("via 2001:db8:4::66 dev eth4 proto 86 metric 1024"), "{}", v6());
    let is_the_routers = |line: &str| line.contains("proto ra") && line.contains("metric 4096");
    managed.soon("the router's default route", || v6().lines().any(is_the_routers));
    assert!(ip(managed.router(), "-6 address show dev eth4 scope global").contains("2001:db8:4:"));
    managed.is_in_sync();
    let text = segbox(managed.router(), ["status"]).out;
    for part in ["management", "from 192.0.2.1, ends in", "10.9.0.0/16 via 192.0.2.1", "DNS 2001:db8:4::53"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let address = lease["address"].as_str().and_then(|one| one.split('/').next()).expect("an address").to_owned();
    let reaches = |to: &str| shell(managed.peer(), &format!("ping -c 1 -W 5 {to} >/dev/null"));
    assert!(reaches(&address));
    assert_eq!(resolver(), before, "the resolver of a host is another program's");
    // The switches of the kernel go back, and the server knows that the address is free.
    let cleared = segbox(managed.router(), ["clear"]);
    assert_eq!(cleared.code, Some(0), "{}", cleared.err);
    assert_eq!(managed.shows("eth4"), "");
    let metric = "/proc/sys/net/ipv6/conf/eth4/ra_defrtr_metric";
    assert_eq!(run(managed.router().command("cat").expect("the namespace is there").arg(metric)).out, "1024\n");
    managed.soon("the server has its address back", || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("DHCPRELEASE"))
    });
}
