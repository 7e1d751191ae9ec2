//! Many routes at once, routes that need others of the batch, and routes that change under traffic.

use std::net::{Ipv6Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use segbox_config::HeadendMode;
use segbox_linux::netlink::StepError;
use segbox_plan::route::{Encap, Hop, Route, RouteKey};
use segbox_plan::state::AddressKey;
use segbox_plan::{Delta, Step};

use super::world::*;

fn policy(node: u16) -> Route {
    let segments = vec![Ipv6Addr::new(0xfc00, 0, node, 0, 0, 0, 0, 1), Ipv6Addr::new(0xfc00, 0, 2, 0, 0, 0, 0, 1)];
    let encap =
        Encap::Seg6 { mode: HeadendMode::Encaps, segments: segments.into(), hmac_key: 0, source: None, table: None };
    Hop { interface: Some(name("segbox0")), encap, ..Hop::default() }.into()
}

/// So many routes exhaust the kernel's per-CPU reserve: it refuses some with ENOMEM, and accepts them later.
#[test]
fn no_route_of_many_is_lost() {
    in_namespace(|| {
        const COUNT: u32 = 60_000;
        let mut netlink = netlink();
        anchor(&mut netlink);
        let keys: Vec<RouteKey> =
            (0..COUNT).map(|at| key(&format!("2001:db8:{:x}:{:x}::/64", at >> 16, at & 0xffff))).collect();
        let adding: Vec<Step> = keys.iter().map(|key| route_step(*key, None, Some(policy(1)))).collect();
        // A wrong one among them is reported, and stops no other.
        let nowhere = Route::from(Hop { interface: Some(name("eth9")), ..Hop::default() });
        let mut with_a_wrong_one = adding.clone();
        with_a_wrong_one.insert(30_000, route_step(key("2001:db9::/64"), None, Some(nowhere)));
        let results = results(&mut netlink, &with_a_wrong_one);
        for (at, result) in results.iter().enumerate() {
            match result {
                Err(StepError::NoInterface { .. }) if at == 30_000 => {}
                Err(error) => panic!("{at}: {}", in_full(error)),
                Ok(()) => assert_ne!(at, 30_000),
            }
        }
        let found = observe(&mut netlink).state.routes;
        assert_eq!(found.len(), keys.len());
        assert!(keys.iter().all(|key| found.get(key) == Some(&policy(1))));
        let removing: Vec<Step> = adding.into_iter().filter_map(Step::inverse).collect();
        apply(&mut netlink, &removing);
        assert!(observe(&mut netlink).state.routes.is_empty());
    });
}

/// Each gateway lies behind the route after it: in this order only the last could be written.
#[test]
fn a_route_waits_for_the_one_that_its_gateway_is_behind() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        let hop = |via| Route::from(Hop { interface: Some(name("segbox0")), via, ..Hop::default() });
        let via = |gateway: &str| hop(Some(gateway.parse().expect("an address")));
        let link = hop(None);
        let address = AddressKey { interface: name("segbox0"), address: "192.0.2.1/24".parse().expect("an address") };
        apply(&mut netlink, &[Step::Address(Delta { key: address, before: None, after: Some(()) })]);
        let steps = [
            route_step(key("2001:db8:2::/64"), None, Some(via("2001:db8:1::7"))),
            route_step(key("203.0.113.0/24"), None, Some(via("198.51.100.7"))),
            route_step(key("2001:db8:3::/64"), None, Some(via("2001:db8:4::7"))),
            route_step(key("198.51.100.0/24"), None, Some(link.clone())),
            route_step(key("2001:db8:1::/64"), None, Some(link)),
        ];
        let results = results(&mut netlink, &steps);
        let done: Vec<bool> = results.iter().map(Result::is_ok).collect();
        assert_eq!(done, [true, true, false, true, true]);
        let error = results[2].as_ref().expect_err("nothing leads there");
        assert!(error.fix().is_some_and(|fix| fix.contains("next hop")), "{}", in_full(error));
        assert_eq!(observe(&mut netlink).state.routes.len(), 4);
    });
}

/// While a policy changes again and again, every look-up finds it: no packet is lost.
#[test]
fn a_change_leaves_no_gap() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        let address = AddressKey { interface: name("segbox0"), address: "2001:db8::1/64".parse().expect("an address") };
        apply(&mut netlink, &[Step::Address(Delta { key: address, before: None, after: Some(()) })]);
        let of_both = [key("2001:db8:1::/64"), key("198.51.100.0/24")];
        apply(&mut netlink, &of_both.map(|key| route_step(key, None, Some(policy(1)))));
        ip("address add 192.0.2.1/24 dev segbox0");

        let over = Arc::new(AtomicBool::new(false));
        let watch = {
            let over = Arc::clone(&over);
            // A thread starts in the namespace of the one that starts it.
            std::thread::spawn(move || {
                let mut looked = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    for (from, to) in [("[::]:0", "[2001:db8:1::7]:9"), ("0.0.0.0:0", "198.51.100.7:9")] {
                        let socket = UdpSocket::bind(from).expect("a socket");
                        socket.connect(to).expect("a route to look up");
                    }
                    looked += 1;
                }
                looked
            })
        };
        let mut was = 1;
        for node in (2..400).chain([1]) {
            apply(&mut netlink, &of_both.map(|key| route_step(key, Some(policy(was)), Some(policy(node)))));
            was = node;
        }
        over.store(true, Ordering::Relaxed);
        let looked = watch.join().expect("every look-up found the route");
        assert!(looked > 100, "only {looked} look-ups: nothing was tested");
        assert_eq!(observe(&mut netlink).state.routes.get(&of_both[0]), Some(&policy(1)));
    });
}
