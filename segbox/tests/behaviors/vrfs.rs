//! Behaviors that need VRF devices (CONFIG_NET_VRF): End.DT4, End.DT46, and End.DT6 and End.T with a VRF's name.
//!
//! On a kernel without VRF devices the test still runs: `segbox check` must name the missing feature, and `segbox apply` must
//! change nothing.

use segbox_lab::expect::{self, Packet, protocol};
use segbox_lab::{Namespace, udp};

use crate::support::files::Files;
use crate::support::segbox::{run, segbox};
use crate::support::through::{Port, Through, all_hold, at_end, datagram, in_path};

const FILE: &str = concat!(include_str!("router.toml"), include_str!("vrfs.toml"));

/// Asks the kernel directly instead of segbox.
pub(crate) fn kernel_has_vrfs() -> bool {
    let namespace = Namespace::new("probe").expect("these tests make network namespaces: run them as root");
    let mut ip = namespace.command("ip").expect("the namespace is there");
    run(ip.args(["link", "add", "probe", "type", "vrf", "table", "99"])).code == Some(0)
}

#[test]
fn packets_come_out_in_the_vrf_or_its_lack_is_named() {
    if kernel_has_vrfs() { in_the_vrf() } else { named_as_missing() }
}

fn in_the_vrf() {
    let through = Through::new(FILE, |_, _| ());
    let (from, to) = ("198.51.100.1".parse().expect("one"), "198.51.100.2".parse().expect("one"));
    let v4 = udp((from, 5), (to, 7), b"IPv4 into the VRF");
    let four = |sid| Packet { protocol: protocol::IPV4, ..at_end(sid, &v4) };
    let six = |sid| at_end(sid, &datagram());
    let t = in_path(&["fc00:0:2:4::", "fc00:0:3:1::"], &datagram());
    let cases = [
        ("End.DT4", four("fc00:0:2:1::"), expect::dx4(&four("fc00:0:2:1::"))),
        ("End.DT6", six("fc00:0:2:2::"), expect::dx6(&six("fc00:0:2:2::"))),
        ("End.DT46, IPv4", four("fc00:0:2:3::"), expect::dx4(&four("fc00:0:2:3::"))),
        ("End.DT46, IPv6", six("fc00:0:2:3::"), expect::dx6(&six("fc00:0:2:3::"))),
        ("End.T", t.clone(), expect::end(&t).map(|packet| packet.bytes())),
    ];
    all_hold(cases.into_iter().map(|(name, packet, expected)| {
        let expected = expected.expect("the model forwards it");
        (name, through.expect(&packet.bytes(), Some((Port::Eth2, expected))))
    }));
    all_hold([("End.DT4 with IPv6 inside", through.expect(&six("fc00:0:2:1::").bytes(), None))]);
}

fn named_as_missing() {
    is_named_as_missing(FILE);
}

/// On a kernel without VRF devices.
pub(crate) fn is_named_as_missing(file: &str) {
    let namespace = Namespace::new("check").expect("root");
    let files = Files::new();
    let file = files.write("segbox.toml", file);
    for command in ["check", "apply"] {
        let refused = segbox(&namespace, [command.as_ref(), file.as_os_str()]);
        assert_eq!(refused.code, Some(1), "{command}: {}{}", refused.out, refused.err);
        assert!(refused.err.contains("CONFIG_NET_VRF"), "{command} names what is missing: {}", refused.err);
    }
    let plan = segbox(&namespace, ["observe"]);
    assert!(plan.out.contains("\"routes\": []"), "nothing was changed: {}", plan.out);
}
