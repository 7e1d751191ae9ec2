//! A management port of the machine in a VRF of its own: QEMU's user network answers with a lease and with router advertisements. Not here: servers
//! that do something else (`segbox/tests/management`).

use std::time::Instant;

use segbox_vm::{Machine, Router};

use super::{PATIENCE, shell};

pub(super) const FILE: &str = "\n[interface.mgmt0]\nmatch = { mac = \"52:54:00:12:00:09\" }\ndhcp = true\naccept-ra = true\n\
                               [vrf.mgmt]\ntable = 1000\ninterfaces = [\"mgmt0\"]\n";

/// Puts its card into the machine.
pub(super) fn card(machine: &mut Machine<'_>) {
    let words = ["-netdev", "user,id=mgmt", "-device", "virtio-net-pci,netdev=mgmt,mac=52:54:00:12:00:09,romfile="];
    machine.also.extend(words.map(str::to_owned));
}

/// The port has a lease and an address of each family, all of its routes are in the VRF's table, and the box knows a server of names.
pub(super) fn has_a_lease(router: &mut Router) {
    let begin = Instant::now();
    let port = loop {
        let status = router.status();
        let port = status["management"][0].clone();
        // QEMU tells of a server by IPv6 only where its own host has one.
        let has_router = port["advertisements"]["routers"].as_array().is_some_and(|routers| !routers.is_empty());
        if port["dhcp"]["state"] == "bound" && has_router {
            let deviations = status["deviations"].to_string();
            assert!(!deviations.contains("mgmt0"), "{deviations}");
            break port;
        }
        assert!(begin.elapsed() < 2 * PATIENCE, "no lease: {status}");
    };
    let lease = &port["dhcp"]["lease"];
    assert_eq!(
        (lease["address"].as_str(), lease["server"].as_str()),
        (Some("10.0.2.15/24"), Some("10.0.2.2")),
        "{port}"
    );
    let routes = shell::run(router, "ip -4 route show table 1000 proto dhcp; ip -6 route show table 1000 proto ra");
    for route in ["default via 10.0.2.2 dev mgmt0", "10.0.2.0/24 dev mgmt0", "default via fe80::2 dev mgmt0"] {
        assert!(routes.lines().any(|line| line.contains(route) && line.contains("metric 4096")), "{route}: {routes}");
    }
    let beside = shell::run(router, "ip -4 route show table main proto dhcp; ip -6 route show table main proto ra");
    assert_eq!(beside.trim(), "", "in the main table");
    let resolver = shell::run(router, "while read -r line; do echo $line; done < /etc/resolv.conf");
    assert!(resolver.contains("nameserver 10.0.2.3"), "{resolver}");
    assert!(router.answer("plan").contains("nothing to do"));
}
