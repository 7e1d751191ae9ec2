//! Leases of seconds from busybox's udhcpd: they are renewed, and they end when the server is gone.

use crate::box_of::{Daemon, Managed};
use crate::support::routers::ip;

/// Seconds of a lease.
const LEASE: u32 = 8;

fn udhcpd(managed: &Managed, first: u8, name: &str) -> Daemon {
    let leases = managed.files.path().join(format!("{name}.leases"));
    std::fs::write(&leases, "").expect("ours");
    let text = format!(
        "start 192.0.2.{first}\nend 192.0.2.{}\ninterface eth4\nlease_file {}\npidfile /dev/null\nmin_lease 1\n\
         auto_time 0\noption subnet 255.255.255.0\noption router 192.0.2.1\noption dns 192.0.2.53\noption lease {LEASE}\n",
        first + 5,
        leases.display(),
    );
    let file = managed.files.write(&format!("{name}.conf"), text);
    let log = managed.files.path().join(format!("{name}.log"));
    let file = file.to_str().expect("a plain name");
    Daemon::start(managed.peer(), "busybox", &["udhcpd", "-f", file], log)
}

#[test]
fn a_short_lease_is_renewed_and_ends_when_the_server_is_gone() {
    let mut managed = Managed::new(&["eth4"]);
    ip(managed.peer(), "address add 192.0.2.1/24 dev eth4");
    let server = udhcpd(&managed, 50, "first");
    managed.apply("[interface.eth4]\ndhcp = true\n");
    managed.keep();
    managed.soon("a lease", || managed.port("eth4")["dhcp"]["state"] == "bound");
    let lease = managed.port("eth4")["dhcp"]["lease"].clone();
    let address = lease["address"].as_str().expect("bound").to_owned();
    assert_eq!(lease["routes"].to_string(), "[\"192.0.2.0/24\",\"0.0.0.0/0 via 192.0.2.1\"]");
    let ends_in = || managed.port("eth4")["dhcp"]["lease"]["ends-in"].as_u64();
    // It lasts longer than one lease does.
    let begin = std::time::Instant::now();
    while begin.elapsed().as_secs() < u64::from(LEASE) + 2 {
        assert!(managed.has_address("eth4", &address), "{}", managed.said());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(ends_in().is_some_and(|left| left <= u64::from(LEASE)));
    managed.is_in_sync();

    drop(server);
    managed.soon("any server is asked, and that is told", || {
        let deviations = managed.deviations();
        deviations.contains("ends in ") && deviations.contains("does not renew it")
    });
    managed.soon("the address and its routes are gone", || managed.shows("eth4").is_empty());
    let words = format!("eth4: the lease of {address} has ended: no server has renewed it");
    managed.soon("it is said", || managed.said().contains(&words));
    assert!(managed.deviations().contains("eth4 has no lease: no server answered in "), "{}", managed.deviations());

    // Another server, with other addresses.
    let _other = udhcpd(&managed, 70, "second");
    managed.soon("a lease of the other one", || managed.shows("eth4").contains(" 192.0.2.7"));
    assert_eq!(managed.deviations(), "[]");
}
