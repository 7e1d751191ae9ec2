//! A server that lies changes nothing, and each lie has its own words.

use crate::box_of::Managed;
use crate::server::{ACK, Asked, DECLINE, DISCOVER, OFFER, REQUEST, Server};
use crate::support::segbox::status;

type Says = Box<dyn Fn(&Asked) -> Vec<Vec<u8>> + Send>;

/// Only the offer is answered for, in this way.
fn offer(bytes: impl Fn(&Asked) -> Vec<u8> + Send + 'static) -> Says {
    Box::new(move |asked| if asked.kind == DISCOVER { vec![bytes(asked)] } else { Vec::new() })
}

/// An offer for an hour with other options.
fn with(address: [u8; 4], other: &'static [(u8, &'static [u8])]) -> Says {
    offer(move |asked| asked.usual(OFFER, address, 3600, other))
}

const OWN: [u8; 4] = [192, 0, 2, 50];

fn lies() -> Vec<(&'static str, Says)> {
    vec![
        ("its lease is good for 0 s", with(OWN, &[(51, &[0, 0, 0, 0])])),
        ("its address 224.0.0.5 is a multicast address", with([224, 0, 0, 5], &[])),
        ("its address 0.0.0.0 is no address of a host", with([0, 0, 0, 0], &[])),
        ("its address 127.0.0.2 is a loopback address", with([127, 0, 0, 2], &[])),
        ("its address 192.0.2.255 is the broadcast address of its network", with([192, 0, 2, 255], &[])),
        ("its subnet mask 255.0.255.0 is no prefix", with(OWN, &[(1, &[255, 0, 255, 0])])),
        ("it does not say which server it is from", with(OWN, &[(54, &[])])),
        ("its address 198.51.100.1 is that of data", with([198, 51, 100, 1], &[])),
        ("its network 198.51.100.0/24 overlaps 198.51.100.0/24 of data", with([198, 51, 100, 7], &[])),
        ("its network 203.0.113.0/28 would draw packets away from the policy for 203.0.113.0/24", {
            with([203, 0, 113, 7], &[(1, &[255, 255, 255, 240])])
        }),
        ("its options are cut off", {
            offer(|asked| {
                let mut whole = asked.usual(OFFER, OWN, 3600, &[]);
                whole.truncate(whole.len() - 3);
                whole
            })
        }),
        ("it answers another request (a wrong transaction id)", {
            offer(|asked| {
                let mut other = asked.usual(OFFER, OWN, 3600, &[]);
                other[7] ^= 1;
                other
            })
        }),
        ("it is longer than the 1500 bytes that were asked for at most", {
            offer(|asked| [asked.usual(OFFER, OWN, 3600, &[]), vec![0; 1300]].concat())
        }),
        ("it gives 192.0.2.51, and another address was asked for", {
            Box::new(|asked| match asked.kind {
                DISCOVER => vec![asked.usual(OFFER, OWN, 3600, &[])],
                REQUEST => vec![asked.usual(ACK, [192, 0, 2, 51], 3600, &[])],
                _ => Vec::new(),
            })
        }),
        ("it is from 192.0.2.66, and another server was asked", {
            Box::new(|asked| match asked.kind {
                DISCOVER => vec![asked.usual(OFFER, OWN, 3600, &[])],
                REQUEST => vec![asked.usual(ACK, OWN, 3600, &[(54, &[192, 0, 2, 66])])],
                _ => Vec::new(),
            })
        }),
        ("the address 192.0.2.1 is another station's already", {
            // The server's own.
            Box::new(|asked| asked.honest([192, 0, 2, 1], 3600))
        }),
    ]
}

#[test]
fn each_lie_has_its_words_and_changes_nothing() {
    let lies = lies();
    let names: Vec<String> = (0..lies.len()).map(|number| format!("m{number}")).collect();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.push("data");
    let mut managed = Managed::new(&all);
    let ports: String = names.iter().map(|name| format!("[interface.{name}]\ndhcp = true\n")).collect();
    let srv6 = "[interface.data]\naddresses = [\"198.51.100.1/24\", \"2001:db8:1::1/64\"]\nsrv6 = true\n\
                [srv6]\nlocator = \"fc00:0:2::/48\"\nsource = \"fc00:0:2::1\"\n\
                [[srv6.policy]]\ndestination = \"203.0.113.0/24\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3::\"]\n";
    let mut words = Vec::new();
    let mut servers = Vec::new();
    for (name, (lie, says)) in names.iter().zip(lies) {
        let peer = managed.peer();
        // Of a frame that is longer than a client takes.
        for port in [(peer, name), (managed.router(), name)] {
            crate::support::routers::ip(port.0, &format!("link set {name} mtu 2000"));
        }
        servers.push(Server::new(peer, name, says));
        words.push((name.clone(), lie));
    }
    managed.apply(&format!("{ports}{srv6}"));
    let before = crate::support::routers::ip(managed.router(), "-4 -o address");
    managed.keep();
    managed.soon("each lie is told", || {
        let deviations = managed.deviations();
        let said = managed.said();
        let told = |(name, lie): &(String, &str)| {
            let of_port = |line: &str| line.starts_with(&format!("{name}: ")) && line.contains(lie);
            said.lines().any(of_port) && deviations.contains(&format!("{name} has no lease"))
        };
        words.iter().all(told)
    });
    assert_eq!(crate::support::routers::ip(managed.router(), "-4 -o address"), before);
    assert_eq!(crate::support::routers::ip(managed.router(), "-4 route show table all proto dhcp"), "");
    managed.is_in_sync();
    assert_eq!(servers.last().map(|server| server.heard(DECLINE).len()), Some(1), "the last one's address is taken");
    assert_eq!(status(managed.router())["healthy"], false);
    // The same servers, and the truth.
    let number = words.len();
    for (at, server) in servers.iter().enumerate().take(1) {
        server.says(move |asked| asked.honest([10, 0, u8::try_from(at).expect("few"), 9], 3600));
    }
    managed.soon("an honest offer is taken", || managed.has_address("m0", "10.0.0.9/24"));
    assert!(number > 15);
}
