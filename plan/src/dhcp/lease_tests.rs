use std::time::Duration;

use segbox_config::Mac;

use super::options::Options;
use super::wire::{Answer, Reply};
use super::*;
use crate::test_files::{config, name};

/// An offer of 192.0.2.9/24 for an hour, with these options instead of or beside the usual ones.
fn offer(address: [u8; 4], other: &[(u8, &[u8])]) -> Reply {
    let usual: [(u8, &[u8]); 4] =
        [(1, &[255, 255, 255, 0]), (3, &[192, 0, 2, 1]), (51, &[0, 0, 14, 16]), (54, &[192, 0, 2, 1])];
    let rows: Vec<_> =
        usual.iter().filter(|(code, _)| other.iter().all(|(one, _)| one != code)).chain(other).copied().collect();
    // An option without content is one that is left out.
    let rows: Vec<_> = rows.into_iter().filter(|(_, data)| !data.is_empty()).collect();
    let from = Mac([2, 0, 0, 0, 0, 2]);
    Reply { answer: Answer::Offer, xid: 7, address: address.into(), options: Options::of(&rows), from }
}

/// Port eth4 beside eth0 with 198.51.100.1/24, and a policy for 203.0.113.0/24.
fn bounds() -> Bounds {
    let file = "[interface.eth4]\ndhcp = true\n[interface.eth0]\naddresses = [\"198.51.100.1/24\"]\nsrv6 = true\n\
                [interface.eth1]\naddresses = [\"192.0.2.77/24\"]\n[vrf.blue]\ntable = 7\ninterfaces = [\"eth1\"]\n\
                [[srv6.policy]]\ndestination = \"203.0.113.0/24\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3::\"]\n\
                [[srv6.policy]]\ndestination = \"0.0.0.0/0\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3::\"]\n\
                [srv6]\nsource = \"fc00:0:2::1\"\n";
    Bounds::of(&config(file), name("eth4"))
}

fn read(reply: &Reply) -> Result<Lease, Lie> {
    Lease::read(reply, Duration::from_secs(100), &bounds())
}

#[test]
fn a_usual_offer_is_a_lease() {
    let search = b"\x03lab\x07example\x00";
    let lease = read(&offer(
        [192, 0, 2, 9],
        &[(6, &[192, 0, 2, 53, 224, 0, 0, 1]), (26, &[5, 120]), (42, &[192, 0, 2, 123]), (119, search)],
    ));
    let lease = lease.expect("no lie");
    assert_eq!(lease.address.to_string(), "192.0.2.9/24");
    let routes: Vec<_> =
        lease.routes.iter().map(|route| (route.to.to_string(), route.via.map(|via| via.to_string()))).collect();
    assert_eq!(routes, [("192.0.2.0/24".to_owned(), None), ("0.0.0.0/0".to_owned(), Some("192.0.2.1".to_owned()))]);
    assert_eq!((lease.mtu, lease.lasts), (Some(1400), Some(Duration::from_secs(3600))));
    assert_eq!((lease.renews, lease.rebinds), (Duration::from_secs(1800), Duration::from_secs(3150)));
    assert_eq!(lease.ends(), Some(Duration::from_secs(3700)));
    assert_eq!(lease.dns, [std::net::Ipv4Addr::new(192, 0, 2, 53)]);
    assert_eq!((lease.search, lease.ntp.len()), (vec!["lab.example".to_owned()], 1));
    assert_eq!(lease.remarks, ["the server 224.0.0.1 is left out: it is no host"]);
}

#[test]
fn each_lie_has_its_own_words() {
    let mask = |mask: [u8; 4]| offer([192, 0, 2, 9], &[(1, &mask)]);
    let cases: [(&str, Reply); 21] = [
        ("its lease is good for 4 s, and 5 s are the least", offer([192, 0, 2, 9], &[(51, &[0, 0, 0, 4])])),
        ("its lease is good for 0 s", offer([192, 0, 2, 9], &[(51, &[0, 0, 0, 0])])),
        ("it does not say how long the lease is good", offer([192, 0, 2, 9], &[(51, &[])])),
        ("it does not say which server it is from (no server identifier)", offer([192, 0, 2, 9], &[(54, &[])])),
        (
            "it does not say which server it is from (no server identifier)",
            offer([192, 0, 2, 9], &[(54, &[0, 0, 0, 0])]),
        ),
        ("its address 0.0.0.0 is no address of a host (0.0.0.0/8)", offer([0, 0, 0, 0], &[])),
        ("its address 127.0.0.1 is a loopback address", offer([127, 0, 0, 1], &[])),
        ("its address 169.254.3.4 is a link-local address", offer([169, 254, 3, 4], &[])),
        ("its address 224.0.0.9 is a multicast address", offer([224, 0, 0, 9], &[])),
        ("its address 255.255.255.255 is the broadcast address", offer([255, 255, 255, 255], &[])),
        ("its address 240.0.0.1 is a reserved address (240.0.0.0/4)", offer([240, 0, 0, 1], &[])),
        ("it has no subnet mask", offer([192, 0, 2, 9], &[(1, &[])])),
        ("its subnet mask 255.0.255.0 is no prefix", mask([255, 0, 255, 0])),
        ("its subnet mask has 0 bits, and 8 are the least", mask([0, 0, 0, 0])),
        ("its subnet mask has 7 bits, and 8 are the least", mask([254, 0, 0, 0])),
        ("its address 192.0.2.0 is the network address of its network", offer([192, 0, 2, 0], &[])),
        ("its address 192.0.2.255 is the broadcast address of its network", offer([192, 0, 2, 255], &[])),
        ("its address 198.51.100.1 is that of eth0", offer([198, 51, 100, 1], &[])),
        ("its network 198.51.100.0/24 overlaps 198.51.100.0/24 of eth0", offer([198, 51, 100, 9], &[])),
        (
            "its network 198.51.0.0/16 overlaps 198.51.100.0/24 of eth0",
            offer([198, 51, 7, 9], &[(1, &[255, 255, 0, 0])]),
        ),
        (
            "its network 203.0.113.0/25 would draw packets away from the policy for 203.0.113.0/24",
            offer([203, 0, 113, 9], &[(1, &[255, 255, 255, 128])]),
        ),
    ];
    for (words, reply) in cases {
        assert_eq!(read(&reply).map_err(|lie| lie.to_string()), Err(words.to_owned()));
    }
    assert!(read(&offer([192, 0, 2, 9], &[])).is_ok(), "192.0.2.77/24 is in another VRF");
    assert!(read(&offer([192, 0, 2, 8], &[(1, &[255, 255, 255, 254])])).is_ok(), "RFC 3021");
}

#[test]
fn what_is_wrong_with_a_part_is_left_out_and_said() {
    let route = |bytes: &[u8]| offer([192, 0, 2, 9], &[(121, bytes)]);
    let many: Vec<u8> = (0..40).flat_map(|net| [24, 10, 0, net, 192, 0, 2, 1]).collect();
    let cases: [(&str, Reply, usize); 11] = [
        (
            "the router 198.18.0.1 is left out: it is not on the link",
            offer([192, 0, 2, 9], &[(3, &[198, 18, 0, 1])]),
            1,
        ),
        ("the router 192.0.2.9 is left out: it is not on the link", offer([192, 0, 2, 9], &[(3, &[192, 0, 2, 9])]), 1),
        ("the MTU of 576 is left out: it is below 1280", offer([192, 0, 2, 9], &[(26, &[2, 64])]), 2),
        (
            "the route to 10.0.0.0/8 is left out: its gateway 198.18.0.1 is not on the link",
            route(&[8, 10, 198, 18, 0, 1]),
            1,
        ),
        ("the route to 127.0.0.0/8 is left out: no packet is forwarded there", route(&[8, 127, 192, 0, 2, 1]), 1),
        (
            "the route to 198.51.100.128/25 is left out: it would draw packets away from 198.51.100.0/24 of eth0",
            route(&[25, 198, 51, 100, 128, 192, 0, 2, 1]),
            1,
        ),
        (
            "the route to 203.0.113.7/32 is left out: it would draw packets away from the policy for 203.0.113.0/24",
            route(&[32, 203, 0, 113, 7, 192, 0, 2, 1]),
            1,
        ),
        ("the classless routes are left out: they cannot be read", route(&[33, 1, 2, 3, 4, 5, 192, 0, 2, 1]), 2),
        ("the classless routes are left out: they cannot be read", route(&[24, 10, 0, 0, 192, 0]), 2),
        ("8 routes are left out: 32 are the most", route(&many), 33),
        (
            "the times of renewal are left out: they are not in their order",
            offer([192, 0, 2, 9], &[(58, &[0, 1, 0, 0])]),
            2,
        ),
    ];
    for (words, reply, count) in cases {
        let lease = read(&reply).expect(words);
        assert_eq!(lease.remarks, [words]);
        assert_eq!(lease.routes.len(), count, "{words}: {:?}", lease.routes);
    }
}

#[test]
fn a_router_beside_the_network_is_reached_by_a_route_on_the_link() {
    let routes = [&[32, 192, 0, 2, 1, 0, 0, 0, 0][..], &[0, 192, 0, 2, 1]].concat();
    let lease = read(&offer([10, 7, 0, 5], &[(1, &[255, 255, 255, 255]), (121, &routes)])).expect("no lie");
    assert_eq!(lease.remarks, [""; 0]);
    let routes: Vec<_> = lease.routes.iter().map(|route| route.to.to_string()).collect();
    assert_eq!(routes, ["10.7.0.5/32", "192.0.2.1/32", "0.0.0.0/0"]);
    assert_eq!(lease.routes[2].via, Some([192, 0, 2, 1].into()), "the option of the router does not count beside");
}
