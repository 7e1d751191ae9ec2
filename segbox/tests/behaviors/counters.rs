//! The counters of SIDs go on where segbox replaces their routes.

use segbox_lab::Namespace;

use crate::support::routers::{Keeper, ip, shell, soon};
use crate::support::segbox::{apply, run, segbox, status};
use crate::support::through::{Through, datagram, in_path};

const SID: &str = "fc00:0:2:1::";

fn file(flavors: &str) -> String {
    let sid = format!("[[srv6.sid]]\nsid = \"{SID}\"\nbehavior = \"End\"\nflavors = [{flavors}]\n");
    format!("{}\n[srv6]\n{sid}", include_str!("router.toml"))
}

/// Packets, bytes and errors of the SID, as `status --json` has them.
fn counters(router: &Namespace) -> [u64; 3] {
    let status = status(router);
    ["packets", "bytes", "errors"].map(|name| status["sids"][0][name].as_u64().unwrap_or_else(|| panic!("{status}")))
}

#[test]
fn a_sid_goes_on_counting_when_its_flavor_changes() {
    let through = Through::new(&file(""), |_, _| ());
    let router = through.router();
    let good = in_path(&[SID, "fc00:0:3:1::", "fc00:0:4:1::"], &datagram()).bytes();
    let bad = in_path(&[SID], &datagram()).bytes();
    let send = || {
        for packet in [&good, &good, &bad] {
            through.pass(packet);
        }
    };
    let bytes = u64::try_from(good.len()).expect("a packet");
    for round in 1..=3 {
        send();
        assert_eq!(counters(router), [2 * round, 2 * round * bytes, round], "round {round}");
        let next = through.files.write("next.toml", file(if round % 2 == 1 { "\"PSP\"" } else { "" }));
        apply(router, &next);
        assert_eq!(counters(router), [2 * round, 2 * round * bytes, round], "the route is new");
    }
    // An undo replaces the route, too.
    let next = through.files.write("next.toml", file(""));
    let tried = segbox(router, ["apply".as_ref(), next.as_os_str(), "--confirm".as_ref(), "1s".as_ref()]);
    assert_eq!(tried.code, Some(0), "{}{}", tried.out, tried.err);
    send();
    // Past the deadline it undoes the change itself, if the guard has not done so.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    segbox(router, ["confirm"]);
    assert!(segbox(router, ["plan".as_ref(), next.as_os_str()]).out.contains("PSP"), "the change is undone");
    assert_eq!(counters(router), [8, 8 * bytes, 4]);
    // Without the SID nothing is remembered, and clear removes all.
    let none = through.files.write("none.toml", include_str!("router.toml"));
    apply(router, &none);
    apply(router, &next);
    assert_eq!(counters(router), [0, 0, 0]);
}

#[test]
fn a_sid_that_another_program_replaced_goes_on_counting_after_the_repair() {
    let through = Through::new(&file(""), |_, _| ());
    let router = through.router();
    let good = in_path(&[SID, "fc00:0:3:1::", "fc00:0:4:1::"], &datagram()).bytes();
    through.pass(&good);
    // The protocol number is segbox's: so segbox sees a SID of its own that is not as its file says.
    let route = format!(
        "-6 route replace {SID}/128 encap seg6local action End.T table 254 count dev segbox0 proto 86 metric 1024"
    );
    let replaced = run(router.command("ip").expect("the namespace is there").args(route.split(' ')));
    assert_eq!(replaced.code, Some(0), "{}", replaced.err);
    through.pass(&good);
    through.pass(&good);
    assert_eq!(counters(router)[0], 2);
    apply(router, &through.files.path().join("segbox.toml"));
    assert_eq!(counters(router)[0], 2, "what segbox has replaced");
    through.pass(&good);
    assert_eq!(counters(router)[0], 3);
}

/// Nobody can read the counters of a route that is gone: what counts is what was noted before.
#[test]
fn a_sid_that_another_program_deleted_goes_on_counting_where_segbox_keep_looked_last() {
    let through = Through::new(&file(""), |_, _| ());
    let router = through.router();
    let good = in_path(&[SID, "fc00:0:3:1::", "fc00:0:4:1::"], &datagram()).bytes();
    through.pass(&good);
    through.pass(&good);
    let keeper = Keeper::start(router);
    let is_there = || shell(router, &format!("ip -6 route show {SID} | grep -q End"));
    // Once it has repaired something, it has looked.
    ip(router, "-6 route del default via 2001:db8:2::2");
    let works = || shell(router, "ip -6 route show default | grep -q 2001:db8:2::2");
    soon("the keeper works", works, || keeper.said());
    for _ in 0..2 {
        ip(router, &format!("-6 route del {SID}/128"));
        soon("the SID is back", is_there, || keeper.said());
    }
    through.pass(&good);
    assert_eq!(counters(router)[0], 3, "{}", keeper.said());
}
