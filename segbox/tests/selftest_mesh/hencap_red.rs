//! H.Encaps.Red: an IPv4 and IPv6 VPN of hs-1 and hs-2, and an IPv6 VPN of hs-3 and hs-4. The first segment is only in the
//! destination address, so a path of one segment has no SRH.

use segbox_lab::expect::{dx4, dx6, encaps_red, end};

use crate::mesh::{Family, Mesh, field, headend, made};
use crate::support::path;

#[test]
fn reduced_encapsulation_makes_two_vpns() {
    let mut mesh = Mesh::new([
        field!("linux-hencap-red/rt-1.toml"),
        field!("linux-hencap-red/rt-2.toml"),
        field!("linux-hencap-red/rt-3.toml"),
        field!("linux-hencap-red/rt-4.toml"),
    ]);
    for family in [Family::V4, Family::V6] {
        for (one, other) in [(1, 3), (1, 4), (2, 3), (2, 4)] {
            mesh.must_not_carry(one, other, family);
            mesh.must_not_carry(other, one, family);
        }
    }
    mesh.must_not_carry(3, 4, Family::V4);
    mesh.must_not_carry(4, 3, Family::V4);

    mesh.carries(1, 2, Family::V6, |inner| {
        let first = made(encaps_red(inner.packet(), headend(1), &path(["fcff:3::e", "fcff:4::e", "fcff:2::d6"])));
        assert_eq!(first.srhs[0].segments, path(["fcff:2::d6", "fcff:4::e"]), "the first segment is not in the list");
        let second = made(end(&first));
        let third = made(end(&second));
        let out = made(dx6(&third));
        (vec![(1, 3, first.bytes()), (3, 4, second.bytes()), (4, 2, third.bytes())], out)
    });
    mesh.carries(2, 1, Family::V6, |inner| {
        let only = made(encaps_red(inner.packet(), headend(2), &path(["fcff:1::d6"])));
        assert_eq!(only.srhs, [], "one segment needs no SRH");
        (vec![(2, 1, only.bytes())], made(dx6(&only)))
    });
    mesh.carries(1, 2, Family::V4, |inner| {
        let only = made(encaps_red(inner.packet(), headend(1), &path(["fcff:2::d4"])));
        (vec![(1, 2, only.bytes())], made(dx4(&only)))
    });
    mesh.carries(2, 1, Family::V4, |inner| {
        let first = made(encaps_red(inner.packet(), headend(2), &path(["fcff:4::e", "fcff:3::e", "fcff:1::d4"])));
        let second = made(end(&first));
        let third = made(end(&second));
        let out = made(dx4(&third));
        (vec![(2, 4, first.bytes()), (4, 3, second.bytes()), (3, 1, third.bytes())], out)
    });
    for (from, to, by) in [(3, 4, 2), (4, 3, 1)] {
        mesh.carries(from.into(), to.into(), Family::V6, |inner| {
            let sids = [format!("fcff:{by}::e"), format!("fcff:{to}::d6")];
            let first = made(encaps_red(inner.packet(), headend(from), &path([&sids[0], &sids[1]])));
            let second = made(end(&first));
            let out = made(dx6(&second));
            (vec![(from, by, first.bytes()), (by, to, second.bytes())], out)
        });
    }
    mesh.settle(&[
        (1, "fcff:1::e/128", 1),
        (1, "fcff:1::d4/128", 1),
        (1, "fcff:1::d6/128", 1),
        (2, "fcff:2::e/128", 1),
        (2, "fcff:2::d4/128", 1),
        (2, "fcff:2::d6/128", 1),
        (3, "fcff:3::e/128", 2),
        (3, "fcff:3::d6/128", 1),
        (4, "fcff:4::e/128", 2),
        (4, "fcff:4::d6/128", 1),
    ]);
}
