//! NEXT-CSID with End: a whole path in one destination address, from which each router removes the first C-SID; and a container
//! that is followed by a plain segment.

use std::fmt::Write as _;

use segbox_lab::Namespace;
use segbox_lab::expect::{dx4, dx6, encaps_red, next_csid};

use crate::mesh::{Family, Mesh, field, headend, made};
use crate::support::files::Files;
use crate::support::segbox::{apply, segbox};
use crate::support::{path, v6};

#[test]
fn containers_are_cut_hop_by_hop() {
    let mut mesh = Mesh::new([
        field!("linux-next-csid/rt-1.toml"),
        field!("linux-next-csid/rt-2.toml"),
        field!("linux-next-csid/rt-3.toml"),
        field!("linux-next-csid/rt-4.toml"),
    ]);
    for (from, to, by) in [(1, 2, [4, 3]), (2, 1, [3, 4])] {
        mesh.must_not_carry(from.into(), 3, Family::V6);
        mesh.carries(from.into(), to.into(), Family::V6, |inner| {
            let container = format!("fcbb:0:{}00:{}00:{to}00:d6::", by[0], by[1]);
            let first = made(encaps_red(inner.packet(), headend(from), &path([&container])));
            let second = made(next_csid(&first, 32, 16));
            let third = made(next_csid(&second, 32, 16));
            assert_eq!((&third.srhs[..], third.destination), (&[][..], v6(&format!("fcbb:0:{to}00:d6::"))));
            let out = made(dx6(&third));
            (vec![(from, by[0], first.bytes()), (by[0], by[1], second.bytes()), (by[1], to, third.bytes())], out)
        });
        mesh.carries(from.into(), to.into(), Family::V4, |inner| {
            let last = format!("fcff:{to}::d4");
            let first = made(encaps_red(inner.packet(), headend(from), &path(["fcbb:0:300::", &last])));
            assert_eq!(first.srhs[0].segments, path([&last]), "the container is not in the list");
            let second = made(next_csid(&first, 32, 16));
            assert_eq!(second.destination, v6(&last), "an empty container makes room for the next segment");
            let out = made(dx4(&second));
            (vec![(from, 3, first.bytes()), (3, to, second.bytes())], out)
        });
    }
    mesh.settle(&[
        (1, "fcbb:0:100:d6::/128", 1),
        (1, "fcff:1::d4/128", 1),
        (2, "fcbb:0:200:d6::/128", 1),
        (2, "fcff:2::d4/128", 1),
        (3, "fcbb:0:300::/48", 4),
        (4, "fcbb:0:400::/48", 2),
    ]);
}

/// The script's lengths of block and function; None: the kernel's default.
const GOOD: [Option<(u16, u16)>; 5] = [None, Some((16, 16)), Some((16, 32)), Some((48, 8)), Some((8, 48))];
const BAD: [(u16, u16); 11] =
    [(32, 0), (0, 16), (0, 32), (17, 16), (32, 17), (120, 16), (16, 120), (0, 128), (128, 0), (130, 0), (0, 0)];

fn sid(number: usize, behavior: &str, lengths: Option<(u16, u16)>) -> String {
    let mut toml = format!(
        "[[srv6.sid]]\nsid = \"dead:beaf:{number}::/48\"\nbehavior = \"{behavior}\"\nflavors = [\"NEXT-CSID\"]\n"
    );
    if behavior == "End.X" {
        toml += "next-hop = \"2001:db8::1\"\n";
    }
    if let Some((block, function)) = lengths {
        let _ = writeln!(toml, "csid = {{ block-length = {block}, function-length = {function} }}");
    }
    toml
}

#[test]
fn lengths_that_the_kernel_takes_are_taken_and_no_others() {
    let (namespace, files) = (Namespace::new("csid").expect("root"), Files::new());
    for behavior in ["End", "End.X"] {
        let all: String =
            GOOD.into_iter().enumerate().map(|(number, lengths)| sid(number, behavior, lengths)).collect();
        apply(&namespace, &files.write("good.toml", all));
        for lengths in BAD {
            let file = files.write("bad.toml", sid(0, behavior, Some(lengths)));
            let check = segbox(&namespace, ["check".as_ref(), file.as_os_str()]);
            assert_eq!(check.code, Some(1), "{behavior} {lengths:?}: {}", check.out);
            assert!(check.err.contains("-length") || check.err.contains("csid"), "{lengths:?}: {}", check.err);
        }
    }
}
