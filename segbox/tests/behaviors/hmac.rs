//! Signed SRHs (RFC 8754 section 2.1.2): the modes of an interface, and a policy that signs.

use segbox_lab::expect::{self, Headend, Packet};
use segbox_lab::udp;

use crate::support::through::{Port, Through, all_hold, datagram, in_path};
use crate::support::{path, v6};

const FILE: &str = concat!(include_str!("router.toml"), include_str!("hmac.toml"));
const KEY_ID: u32 = 7;
const SECRET: &[u8] = b"a secret of 32 bytes, not longer";

fn router(mode: &str) -> Through {
    let asks = format!("[interface.eth0]\nhmac = \"{mode}\"");
    let file = FILE.replacen("[interface.eth0]", &asks, 1);
    Through::new(&file, |_, files| drop(files.write("hmac-7.key", SECRET)))
}

#[test]
fn an_interface_takes_what_its_mode_lets_through() {
    let unsigned = in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram());
    let sign = |key, secret| {
        let mut packet = unsigned.clone();
        let source = packet.source;
        expect::sign(&mut packet.srhs[0], source, key, secret);
        packet
    };
    let (right, wrong, unknown) = (sign(KEY_ID, SECRET), sign(KEY_ID, b"another secret"), sign(8, SECRET));
    let mut moved = right.clone();
    moved.source = v6("fc00:0:1::2");
    let packets: [(&str, &Packet, &[&str]); 5] = [
        ("without an HMAC", &unsigned, &["ignore", "check"]),
        ("signed", &right, &["ignore", "check", "require"]),
        ("signed with another secret", &wrong, &["ignore"]),
        ("signed with a key that is not here", &unknown, &["ignore"]),
        ("signed, with another source address", &moved, &["ignore"]),
    ];
    for mode in ["ignore", "check", "require"] {
        let through = router(mode);
        all_hold(packets.iter().map(|(name, packet, passes)| {
            let out = || (Port::Eth1, expect::end(packet).expect("the model forwards it").bytes());
            let result = through.expect(&packet.bytes(), passes.contains(&mode).then(out));
            (*name, result.map_err(|difference| format!("with hmac = \"{mode}\"\n{difference}")))
        }));
    }
}

#[test]
fn a_policy_signs() {
    let through = router("check");
    let inner = udp((v6("2001:db8:a::2").into(), 40000), (v6("2001:db8:b0::2").into(), 7), b"signed");
    let headend = Headend { source: v6("fc00:0:2::1") };
    let segments = path(["fc00:0:3:1::", "fc00:0:4:3::"]);
    let mut expected = expect::encaps(&inner, headend, &segments).expect("the model forwards it");
    expect::sign(&mut expected.srhs[0], headend.source, KEY_ID, SECRET);
    all_hold([("H.Encaps, signed", through.expect(&inner, Some((Port::Eth1, expected.bytes()))))]);
}
