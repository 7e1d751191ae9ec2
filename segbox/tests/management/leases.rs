//! A lease from its beginning to its end: behind a filter that drops everything, over a link that flaps, a keeper that is killed, and files that ask
//! for it no more.

use crate::box_of::Managed;
use crate::server::{DISCOVER, NAK, RELEASE, REQUEST, Server};
use crate::support::routers::{ip, shell};
use crate::support::segbox::segbox;

/// A port outside of the SR domain, on a router with an edge filter.
const FILE: &str = "[system]\nhostname = \"r2\"\n[interface.eth4]\ndhcp = true\n\
                    [interface.eth0]\naddresses = [\"2001:db8:1::1/64\"]\nsrv6 = true\n\
                    [srv6]\nlocator = \"fc00:0:2::/48\"\n[[srv6.sid]]\nsid = \"fc00:0:2:1::\"\nbehavior = \"End\"\n";

const OWN: [u8; 4] = [192, 0, 2, 50];

/// The addresses of the options and the field of a request.
fn parts(asked: &crate::server::Asked) -> (Option<String>, Option<String>, String) {
    let text = |address: std::net::Ipv4Addr| address.to_string();
    (asked.wants.map(text), asked.of.map(text), asked.has.to_string())
}

#[test]
fn a_lease_outlives_filters_flaps_and_keepers_and_ends_with_the_file() {
    let mut managed = Managed::new(&["eth4", "eth0"]);
    let server = Server::new(managed.peer(), "eth4", |asked| asked.honest(OWN, 3600));
    // A host that drops all that comes in.
    managed.runs("nft 'table inet host { chain input { type filter hook input priority 0; policy drop; }; }'");
    managed.apply(FILE);
    let said = segbox(managed.router(), ["apply".as_ref(), managed.file.as_os_str()]).out;
    let nobody = "eth4: nobody asks for a lease, since `segbox keep` does not run here";
    assert!(said.contains(nobody), "{said}");
    assert!(managed.deviations().contains(nobody), "{}", managed.deviations());

    managed.keep();
    managed.soon("a lease", || managed.has_address("eth4", "192.0.2.50/24"));
    assert_eq!(managed.deviations(), "[]");
    let unknown = "0.0.0.0".to_owned();
    let first = server.heard(REQUEST).first().map(parts);
    assert_eq!(first, Some((Some("192.0.2.50".to_owned()), Some("192.0.2.1".to_owned()), unknown.clone())));
    let said = segbox(managed.router(), ["apply".as_ref(), managed.file.as_os_str()]).out;
    assert!(said.contains("nothing to do") && !said.contains("nobody"), "{said}");

    // Another program takes it away.
    managed.runs("ip address flush dev eth4 scope global");
    managed.soon("the address is back", || managed.has_address("eth4", "192.0.2.50/24"));
    managed.runs("ip route del 192.0.2.0/24 proto dhcp");
    managed.soon("the route is back", || managed.shows("eth4").contains("192.0.2.0/24"));

    // The cable is pulled, and put back (INIT-REBOOT).
    let asked = server.heard(REQUEST).len();
    ip(managed.peer(), "link set eth4 down");
    managed.soon("no carrier is seen", || managed.port("eth4")["dhcp"]["state"] == "no-carrier");
    ip(managed.peer(), "link set eth4 up");
    managed.soon("it is asked for again", || server.heard(REQUEST).len() > asked);
    let again = server.heard(REQUEST).get(asked).map(parts);
    assert_eq!(again, Some((Some("192.0.2.50".to_owned()), None, unknown.clone())));
    managed.soon("bound", || managed.port("eth4")["dhcp"]["state"] == "bound");

    // The service is killed, and another one goes on with the lease.
    managed.keeper = None;
    assert!(managed.has_address("eth4", "192.0.2.50/24"), "it is good as long as the server said");
    let (asked, discovered) = (server.heard(REQUEST).len(), server.heard(DISCOVER).len());
    managed.keep();
    managed.soon("it is asked for again", || server.heard(REQUEST).len() > asked);
    managed.soon("bound", || managed.port("eth4")["dhcp"]["state"] == "bound");
    assert_eq!(server.heard(DISCOVER).len(), discovered);

    // Another file, without it.
    managed.apply(&FILE.replace("dhcp = true", "dhcp = false"));
    assert_eq!(managed.shows("eth4"), "");
    managed.soon("the server is told", || server.heard(RELEASE).len() == 1);
    let released = parts(&server.heard(RELEASE)[0]);
    assert_eq!(released, (None, Some("192.0.2.1".to_owned()), "192.0.2.50".to_owned()));

    // And once more, until all is cleared.
    managed.apply(FILE);
    managed.soon("a lease", || managed.has_address("eth4", "192.0.2.50/24"));
    let cleared = segbox(managed.router(), ["clear"]);
    assert_eq!((cleared.code, managed.shows("eth4").as_str()), (Some(0), ""), "{}", cleared.err);
    managed.soon("the server is told", || server.heard(RELEASE).len() == 2);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(managed.shows("eth4"), "", "the service has seen it, too");
}

#[test]
fn a_refusal_after_the_cable_is_back_takes_the_address_away_and_addresses_of_the_file_stay() {
    let mut managed = Managed::new(&["eth4"]);
    let server = Server::new(managed.peer(), "eth4", |asked| asked.honest(OWN, 3600));
    // The file has an address of the same network, and another program has one.
    managed.apply("[interface.eth4]\ndhcp = true\naddresses = [\"192.0.2.7/24\"]\n");
    ip(managed.router(), "address add 198.51.100.9/24 dev eth4");
    managed.keep();
    managed.soon("a lease", || managed.has_address("eth4", "192.0.2.50/24"));
    managed.is_in_sync();
    ip(managed.peer(), "link set eth4 down");
    managed.soon("no carrier is seen", || managed.port("eth4")["dhcp"]["state"] == "no-carrier");
    server.says(|asked| match asked.kind {
        REQUEST => vec![asked.usual(NAK, [0; 4], 0, &[(1, &[]), (51, &[]), (56, b"another network")])],
        _ => Vec::new(),
    });
    ip(managed.peer(), "link set eth4 up");
    managed.soon("it is refused", || !managed.has_address("eth4", "192.0.2.50/24"));
    let words = "eth4 has no lease: the server 192.0.2.1 refuses the address: it says \\\\\\\"another network\\\\\\\"";
    assert!(managed.deviations().contains(&words.replace("\\\\\\", "\\")), "{}", managed.deviations());
    for stays in ["192.0.2.7/24", "198.51.100.9/24"] {
        assert!(managed.has_address("eth4", stays), "{}", managed.shows("eth4"));
    }
    assert!(shell(managed.router(), "ip route show 192.0.2.0/24 | grep -q 'proto kernel'"));
    managed.is_in_sync();
}
