//! The ways into a namespace, and the state that must not remain after it is gone.

use std::path::Path;

use segbox_lab::expect;

use crate::endpoints::fill_table_100;
use crate::support::segbox::{SEGBOX, run, segbox};
use crate::support::through::{Port, Through, all_hold, datagram, in_path};

const ROUTER: &str = include_str!("router.toml");
const PROGRAMS: &str = concat!(include_str!("router.toml"), include_str!("programs.toml"));

/// `ip netns exec` gives a command a separate /sys, without the box's bpffs and with the links of the namespace.
#[test]
fn a_router_made_through_ip_netns_exec_is_the_same_router() {
    let through = Through::new(ROUTER, fill_table_100);
    let file = through.files.write("programs.toml", PROGRAMS);
    let typed = run(through.router().exec(SEGBOX).arg("apply").arg(&file));
    assert_eq!(typed.code, Some(0), "{}{}", typed.out, typed.err);
    for again in [
        run(through.router().exec(SEGBOX).arg("plan").arg(&file)),
        segbox(through.router(), ["plan".as_ref(), file.as_os_str()]),
    ] {
        assert_eq!(again.code, Some(0), "in sync, whichever way one looks: {}{}", again.out, again.err);
    }
    let packet = in_path(&["fc00:0:2:101::", "fc00:0:3:1::"], &datagram());
    let stamped = expect::end_bpf(&packet, |srh| srh.tlvs = vec![130, 6, 1, 2, 3, 4, 5, 6]).expect("forwarded");
    all_hold([("end_add_tlv", through.expect(&packet.bytes(), Some((Port::Eth1, stamped.bytes()))))]);

    let cleared = run(through.router().exec(SEGBOX).arg("clear"));
    assert_eq!(cleared.code, Some(0), "{}{}", cleared.out, cleared.err);
    let status = segbox(through.router(), ["observe"]);
    let observed: serde_json::Value = serde_json::from_str(&status.out).expect("JSON");
    for part in ["routes", "programs", "addresses", "links"] {
        assert_eq!(observed["state"][part], serde_json::json!([]), "{part} are gone");
    }
}

/// A test that fails half-way leaves no namespace behind, whatever runs in it.
#[test]
fn a_failing_test_leaves_nothing() {
    let name = std::sync::OnceLock::new();
    let failed = std::panic::catch_unwind(|| {
        let through = Through::new(ROUTER, |_, _| ());
        name.set(through.router().name().to_owned()).expect("set once");
        through.expect(&datagram(), None).expect("plain forwarding sends it on, so this fails");
    });
    assert!(failed.is_err());
    let name = name.get().expect("the router was built");
    assert!(!Path::new("/run/netns").join(name).exists());
}
