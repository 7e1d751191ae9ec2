//! Writes every encap, reads it back equal, changes it in place, reads it back equal, and removes it: nothing is left.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use segbox_config::behavior::{Csid, Lookup};
use segbox_config::{Behavior, Endpoint, Flavors, HeadendMode, Hook};
use segbox_linux::Netlink;
use segbox_linux::netlink::StepError;
use segbox_plan::route::{Encap, Hop, Route, RouteKey};
use segbox_plan::state::Link;
use segbox_plan::{Materials, Step};

use super::world::*;

fn segments(count: u16) -> Vec<Ipv6Addr> {
    (1..=count).map(|node| Ipv6Addr::new(0xfc00, 0, node, 1, 0, 0, 0, 0)).collect()
}

fn policy(mode: HeadendMode, count: u16, hmac_key: u32) -> Encap {
    Encap::Seg6 { mode, segments: segments(count).into(), hmac_key, source: None, table: None }
}

fn sid(behavior: Behavior) -> Encap {
    flavored(behavior, Flavors::default())
}

fn flavored(behavior: Behavior, flavors: Flavors) -> Encap {
    Encap::Seg6Local(Box::new(Endpoint { behavior, flavors }))
}

fn policies() -> Vec<Encap> {
    use HeadendMode::{Encaps, EncapsL2, EncapsL2Red, EncapsRed, Insert};
    let modes = [Encaps, EncapsRed, EncapsL2, EncapsL2Red, Insert];
    let mut all: Vec<Encap> =
        modes.into_iter().flat_map(|mode| [policy(mode, 1, 0), policy(mode, 3, 0), policy(mode, 2, 7)]).collect();
    all.push(policy(Encaps, 127, 0));
    all.push(policy(Encaps, 125, u32::MAX));
    all.push(policy(Insert, 126, 0));
    all
}

fn sids() -> Vec<Encap> {
    let next_hop = "fe80::7".parse().expect("an address");
    let csid = |block_length, function_length| Some(Csid { block_length, function_length });
    let flavors = |psp, next_csid| Flavors { psp, next_csid };
    let end_x = |interface| Behavior::EndX { next_hop, interface };
    vec![
        sid(Behavior::End),
        flavored(Behavior::End, flavors(true, None)),
        flavored(Behavior::End, flavors(false, csid(32, 16))),
        flavored(Behavior::End, flavors(true, csid(48, 24))),
        sid(end_x(None)),
        flavored(end_x(None), flavors(false, csid(32, 16))),
        sid(Behavior::EndT { table: 100 }),
        sid(Behavior::EndT { table: 4_000_000_000 }),
        sid(Behavior::EndDx2 { interface: name("lo") }),
        sid(Behavior::EndDx4 { next_hop: [192, 0, 2, 7].into() }),
        sid(Behavior::EndDx6 { next_hop }),
        sid(Behavior::EndDx6 { next_hop: Ipv6Addr::UNSPECIFIED }),
        sid(Behavior::EndDt6 { lookup: Lookup::Table(254) }),
        sid(Behavior::EndB6Insert { segments: segments(1) }),
        sid(Behavior::EndB6Insert { segments: segments(3) }),
        sid(Behavior::EndB6Encaps { segments: segments(1) }),
        sid(Behavior::EndB6Encaps { segments: segments(4) }),
    ]
}

fn on_anchor(encap: Encap) -> Route {
    Hop { interface: Some(name("segbox0")), encap, ..Hop::default() }.into()
}

/// Writes each encap on a separate route, changes each into the next one, and removes them all.
fn round_trip(prefix: impl Fn(usize) -> RouteKey, encaps: &[Encap]) {
    let mut netlink = netlink();
    anchor(&mut netlink);
    let before: BTreeMap<RouteKey, Route> =
        encaps.iter().enumerate().map(|(at, encap)| (prefix(at), on_anchor(encap.clone()))).collect();
    let after: BTreeMap<RouteKey, Route> = encaps
        .iter()
        .cycle()
        .skip(1)
        .zip(0..encaps.len())
        .map(|(encap, at)| (prefix(at), on_anchor(encap.clone())))
        .collect();
    let steps = |from: Option<&BTreeMap<RouteKey, Route>>, to: Option<&BTreeMap<RouteKey, Route>>| -> Vec<Step> {
        let find = |map: Option<&BTreeMap<RouteKey, Route>>, key| map.and_then(|map| map.get(key)).cloned();
        before.keys().map(|key| route_step(*key, find(from, key), find(to, key))).collect()
    };
    apply(&mut netlink, &steps(None, Some(&before)));
    assert_eq!(observe(&mut netlink).state.routes, before);
    apply(&mut netlink, &steps(Some(&before), Some(&after)));
    assert_eq!(observe(&mut netlink).state.routes, after);
    apply(&mut netlink, &steps(Some(&after), None));
    assert_eq!(observe(&mut netlink).state.routes, BTreeMap::new());
}

fn ipv6(at: usize) -> RouteKey {
    RouteKey { table: 254 + u32::try_from(at % 2).expect("0 or 1"), ..key(&format!("2001:db8:{at:x}::/64")) }
}

#[test]
fn local_sids_read_back_as_they_were_put() {
    in_namespace(|| round_trip(|at| key(&format!("fc00:0:{at:x}::/128")), &sids()));
}

#[test]
fn ipv6_policies_read_back_as_they_were_put() {
    in_namespace(|| round_trip(|at| RouteKey { table: 300, ..ipv6(at) }, &policies()));
}

#[test]
fn ipv4_policies_read_back_as_they_were_put() {
    in_namespace(|| {
        let encaps: Vec<Encap> = policies()
            .into_iter()
            .filter(|encap| !matches!(encap, Encap::Seg6 { mode: HeadendMode::Insert, .. }))
            .collect();
        round_trip(
            |at| {
                let key = key(&format!("198.51.{}.0/24", at / 2));
                if at % 2 == 0 { key } else { RouteKey { metric: 7, table: 1000, ..key } }
            },
            &encaps,
        );
    });
}

/// Linux 6.17 added an interface beside End.X's next hop. An earlier kernel ignores it, and reading back shows that.
#[test]
fn end_x_has_an_interface_or_shows_that_it_has_none() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        let next_hop = "fe80::7".parse().expect("an address");
        let end_x = |interface| on_anchor(sid(Behavior::EndX { next_hop, interface }));
        let sid = key("fc00::/128");
        apply(&mut netlink, &[route_step(sid, None, Some(end_x(Some(name("lo")))))]);
        let found = end_x((kernel() >= (6, 17)).then(|| name("lo")));
        assert_eq!(observe(&mut netlink).state.routes.get(&sid), Some(&found));
    });
}

/// The running kernel's version, (6, 18).
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    let mut numbers = release.split('.').map(|part| part.parse().expect("a number"));
    (numbers.next().expect("a major"), numbers.next().expect("a minor"))
}

#[test]
fn decapsulation_into_a_vrf_reads_back_or_is_refused_by_a_kernel_without() {
    in_namespace(|| {
        let mut netlink = netlink();
        anchor(&mut netlink);
        let behaviors = [
            Behavior::EndDt4 { vrf_table: 100 },
            Behavior::EndDt6 { lookup: Lookup::VrfTable(100) },
            Behavior::EndDt46 { vrf_table: 100 },
        ];
        let steps: Vec<Step> = behaviors
            .into_iter()
            .zip(0..)
            .map(|(behavior, at): (_, u8)| {
                route_step(key(&format!("fc00:0:{at}::/128")), None, Some(on_anchor(sid(behavior))))
            })
            .collect();
        let vrf = Step::Link(segbox_plan::Delta { key: name("blue"), before: None, after: Some(Link::Vrf(100)) });
        if Path::new("/proc/sys/net/vrf").exists() {
            std::fs::write("/proc/sys/net/vrf/strict_mode", "1").expect("writable");
            apply(&mut netlink, &[vrf]);
            apply(&mut netlink, &steps);
            let found = observe(&mut netlink);
            assert_eq!(found.state.routes.len(), steps.len());
            assert_eq!(found.state.links.get(&name("blue")), Some(&Link::Vrf(100)));
        } else {
            for (step, result) in steps.iter().zip(results(&mut netlink, &steps)) {
                let error = result.expect_err("no VRF in this kernel");
                assert!(matches!(error, StepError::Route { .. }), "{step:?}: {}", in_full(&error));
            }
            let error = results(&mut netlink, &[vrf]).pop().expect("a result").expect_err("no VRF in this kernel");
            assert!(error.fix().is_some_and(|fix| fix.contains("doctor")), "{}", in_full(&error));
        }
    });
}

#[test]
fn programs_read_back_by_their_names() {
    in_namespace(|| {
        let local = load(Hook::Seg6Local);
        let on_the_way_in = load(Hook::LwtIn);
        let programs = |name: &str| match name {
            "stamp@00000001" => Some(local.as_raw_fd()),
            "push@00000002" => Some(on_the_way_in.as_raw_fd()),
            _ => None,
        };
        let mut netlink = netlink();
        anchor(&mut netlink);
        let end_bpf = |program: &str| on_anchor(sid(Behavior::EndBpf { program: program.into() }));
        let h_bpf = |program: &str| on_anchor(Encap::BpfIn(program.into()));
        let routes = BTreeMap::from([
            (key("fc00:0:1::/128"), end_bpf("stamp@00000001")),
            (key("2001:db8:1::/64"), h_bpf("push@00000002")),
            (key("198.51.100.0/24"), h_bpf("push@00000002")),
        ]);
        let steps: Vec<Step> = routes.iter().map(|(key, route)| route_step(*key, None, Some(route.clone()))).collect();
        let missing = route_step(key("fc00:0:2::/128"), None, Some(end_bpf("gone@00000003")));
        let all: Vec<&Step> = steps.iter().chain([&missing]).collect();
        let mut results = netlink.apply(&all, &programs, &Materials::default());
        let last = results.pop().expect("a result a step");
        assert!(matches!(&last, Err(StepError::NoProgram { program, .. }) if program == "gone@00000003"), "{last:?}");
        for result in results {
            result.unwrap_or_else(|error| panic!("{}", in_full(&error)));
        }
        let mut pinned = BTreeMap::from([(id_of(&local), "stamp@00000001".to_owned())]);
        let seen = |netlink: &mut Netlink, pinned: &_| netlink.observe(pinned).expect("readable").actual.state.routes;
        assert_eq!(seen(&mut netlink, &pinned), routes);

        // The pinned program of that name is another one: a plan has to replace the route.
        let other = load(Hook::Seg6Local);
        pinned = [(id_of(&other), "stamp@00000001".to_owned())].into();
        let mut expected = routes;
        expected.insert(key("fc00:0:1::/128"), end_bpf(&format!("prog#{}", id_of(&local))));
        assert_eq!(seen(&mut netlink, &pinned), expected);
    });
}

/// A program's id, as its descriptor tells it.
fn id_of(program: &OwnedFd) -> u32 {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd())).expect("open");
    let id = info.lines().find_map(|line| line.strip_prefix("prog_id:")).expect("a program");
    id.trim().parse().expect("a number")
}

/// The smallest program: it returns BPF_OK.
fn load(hook: Hook) -> OwnedFd {
    // mov64 r0, 0; exit.
    let instructions: [u64; 2] = [0xb7, 0x95];
    let kind: u32 = match hook {
        Hook::Seg6Local => 19,
        Hook::LwtIn => 10,
        Hook::TcEgress => 3,
        Hook::Xdp => 6,
    };
    // The head of union bpf_attr for BPF_PROG_LOAD (5): type, count, instructions, licence; the rest is zero.
    let licence = c"GPL";
    let mut attributes = [0_u64; 16];
    attributes[0] = u64::from(kind) | (instructions.len() as u64) << 32;
    attributes[1] = instructions.as_ptr() as u64;
    attributes[2] = licence.as_ptr() as u64;
    // SAFETY: the attributes have this size, and what they point to outlives the call.
    #[expect(unsafe_code, reason = "bpf(2)")]
    let fd = unsafe { libc::syscall(libc::SYS_bpf, 5, attributes.as_ptr(), size_of_val(&attributes)) };
    assert!(fd >= 0, "bpf(BPF_PROG_LOAD): {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just made it for this process.
    #[expect(unsafe_code, reason = "a new file descriptor")]
    unsafe {
        OwnedFd::from_raw_fd(i32::try_from(fd).expect("a file descriptor"))
    }
}

#[test]
fn ip_shows_what_was_put_in_its_own_words() {
    in_namespace(|| {
        let mut netlink: Netlink = netlink();
        anchor(&mut netlink);
        let put = |at: &str, encap| route_step(key(at), None, Some(on_anchor(encap)));
        apply(
            &mut netlink,
            &[
                put("2001:db8:1::/64", policy(HeadendMode::Encaps, 2, 7)),
                put("2001:db8:2::/64", policy(HeadendMode::Insert, 1, 0)),
                put("fc00::1/128", sid(Behavior::EndDx6 { next_hop: "2001:db8::7".parse().expect("an address") })),
                put("fc00::2/128", sid(Behavior::EndB6Encaps { segments: segments(2) })),
            ],
        );
        let shown = ip("-6 route show proto OURS");
        for words in [
            "encap seg6 mode encap segs 2 [ fc00:0:1:1:: fc00:0:2:1:: ] hmac 7 dev segbox0",
            "encap seg6 mode inline segs 2 [ fc00:0:1:1:: :: ] dev segbox0",
            "encap seg6local action End.DX6 nh6 2001:db8::7 dev segbox0",
            "encap seg6local action End.B6.Encaps segs 2 [ fc00:0:1:1:: fc00:0:2:1:: ] dev segbox0",
        ] {
            assert!(shown.contains(words), "{words}\nis not in\n{shown}");
        }
    });
}
