//! A change of the fast path's program loses no packet, and `clear` leaves nothing of it.

use crate::bed::{Bed, FILE};
use crate::support::routers::shell;
use crate::support::segbox::{segbox, status};
use crate::support::through::{datagram, in_path};

fn end() -> Vec<u8> {
    in_path(&["fc00:0:2:1::", "fc00:0:3:1::"], &datagram()).bytes()
}

#[test]
fn a_new_program_takes_the_place_of_the_old_one_and_counters_go_on() {
    let bed = Bed::forwarding(&FILE);
    assert!(bed.takes(&end()));
    let program = || status(bed.through.router())["programs"][0]["name"].as_str().expect("a name").to_owned();
    let links = || {
        let ports = status(bed.through.router())["fast-path"]["ports"].clone();
        ports.as_object().expect("ports").len()
    };
    let (before, packets) = (program(), bed.counted("sids", "sid", "fc00:0:2:1::/128"));
    assert!(packets > 0);
    // Another policy is another row, and no other program.
    let more =
        "[[srv6.policy]]\ndestination = \"2001:db8:77::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3:1::\"]\n";
    bed.apply(&(FILE.clone() + more));
    assert_eq!(program(), before);
    assert!(bed.counted("sids", "sid", "fc00:0:2:1::/128") >= packets);
    // The clamp is part of the program.
    bed.apply(&FILE.replace("fast-path", "mss-clamp = false\nfast-path"));
    assert_ne!(program(), before);
    assert_eq!(links(), 3);
    bed.forwards();
    assert!(bed.takes(&end()));
    let syn = {
        let mut packet = segbox_lab::tcp(
            (crate::support::v6("2001:db8:a::2").into(), 1),
            (crate::support::v6("2001:db8:b::2").into(), 7),
            b"",
        );
        packet[40 + 13] = 2;
        packet
    };
    assert!(bed.takes(&syn), "nobody clamps it");
}

#[test]
fn clear_leaves_no_program_at_a_port() {
    let bed = Bed::forwarding(&FILE);
    let router = bed.through.router();
    assert!(shell(router, "ip -d link show eth0 | grep -q xdp"));
    let clear = segbox(router, ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
    assert!(!shell(router, "ip -d link | grep -q xdp"), "a program is left");
    assert!(!clear.out.contains("refused"), "{}", clear.out);
}

#[test]
fn a_port_that_is_off_has_no_program_and_check_tells_who_forwards() {
    let with_eth2 = |mode: &str| {
        let (before, after) = FILE.split_once("[interface.eth2]").expect("it has the port");
        format!("{before}[interface.eth2]{}", after.replacen("native", mode, 1))
    };
    let bed = Bed::new(&with_eth2("off"));
    let router = bed.through.router();
    assert!(!shell(router, "ip -d link show eth2 | grep -q xdp"));
    let generic = with_eth2("generic");
    bed.apply(&generic);
    assert!(shell(router, "ip -d link show eth2 | grep -q xdpgeneric"));
    let file = bed.through.files.write("generic.toml", &generic);
    let check = segbox(router, ["check".as_ref(), file.as_os_str()]);
    assert!(check.out.contains("fast path: xdp forwards 8 of 10 SIDs and policies"), "{}", check.out);
    assert!(
        check.out.contains("kernel: SID fc00:0:2:4::/128  End.T table 254: End.T is not in the fast path"),
        "{}",
        check.out
    );
    assert!(check.out.contains("H.Insert is not in the fast path"), "{}", check.out);
}
