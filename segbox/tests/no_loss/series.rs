//! Files for one router that have a part in common, and the packets that go through that part: a SID, a program and a policy. The
//! campaigns of `cargo xtask trust` use them too.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use segbox_lab::expect::{self, Headend, Packet};
use segbox_lab::{Kind, udp};

/// What all of the files have.
const BASE: &str = concat!(include_str!("../behaviors/router.toml"), include_str!("untouched.toml"));

/// A file of the series: other SIDs, another program and other policies beside the unchanged ones.
pub(crate) fn variant(number: usize) -> String {
    let mut text = BASE.to_owned();
    for sid in (0..40).filter(|sid| !(sid + number).is_multiple_of(3)) {
        let behavior =
            if (sid + number).is_multiple_of(2) { "\"End\"" } else { "\"End.X\"\nnext-hop = \"2001:db8:3::2\"" };
        let _ = write!(text, "\n[[srv6.sid]]\nsid = \"fc00:0:2:a{sid:02}::\"\nbehavior = {behavior}\n");
        let _ = write!(
            text,
            "\n[[srv6.policy]]\ndestination = \"2001:db8:c{sid:02}::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3:{number}::\"]\n"
        );
    }
    let _ = write!(
        text,
        "\n[[srv6.sid]]\nsid = \"fc00:0:2:200::\"\nbehavior = \"End.BPF\"\nprogram = \"stamp\"\n\
         \n[program.stamp]\nobject = \"builtin:end_add_tlv\"\n[program.stamp.globals]\ntlv_type = {}\n",
        130 + number
    );
    text
}

/// The packets.
pub(crate) const KINDS: [Kind; 3] = [sid, program, policy];

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn numbered(number: u32, to: &str) -> Vec<u8> {
    udp((v6("2001:db8:a::2").into(), 9), (v6(to).into(), 9), &number.to_be_bytes())
}

/// As the previous headend made it.
fn to(sid: &str, number: u32) -> Packet {
    let headend = Headend { source: v6("fc00:0:1::1") };
    let inner = numbered(number, "2001:db8:b::2");
    expect::encaps(&inner, headend, &[v6(sid), v6("fc00:0:3:1::")]).expect("a hop limit of 64")
}

fn sid(number: u32) -> (Vec<u8>, Vec<u8>) {
    let packet = to("fc00:0:2:1::", number);
    (packet.bytes(), expect::end(&packet).expect("the model forwards it").bytes())
}

fn program(number: u32) -> (Vec<u8>, Vec<u8>) {
    let packet = to("fc00:0:2:2::", number);
    let out = expect::end_bpf(&packet, |srh| srh.tlvs = vec![124, 6, 0, 0, 0, 0, 0, 0]);
    (packet.bytes(), out.expect("the model forwards it").bytes())
}

fn policy(number: u32) -> (Vec<u8>, Vec<u8>) {
    let packet = numbered(number, "2001:db8:b0::2");
    let headend = Headend { source: v6("fc00:0:2::1") };
    let out = expect::encaps(&packet, headend, &[v6("fc00:0:3:1::"), v6("fc00:0:4:3::")]);
    (packet, out.expect("the model forwards it").bytes())
}
