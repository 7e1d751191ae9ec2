//! End with PSP: the SRH that H.Insert put into the packet is removed at the last segment but one, and at no other.

use segbox_lab::expect::{Packet, end, insert, psp};

use crate::mesh::{Family, Mesh, field, made};
use crate::support::path;

#[test]
fn the_srh_goes_before_the_host() {
    let mut mesh = Mesh::new([
        field!("linux-flavors/rt-1.toml"),
        field!("linux-flavors/rt-2.toml"),
        field!("linux-flavors/rt-3.toml"),
        field!("linux-flavors/rt-4.toml"),
    ]);
    mesh.must_not_carry(1, 3, Family::V6);
    mesh.must_not_carry(2, 4, Family::V6);
    mesh.carries(1, 2, Family::V6, |inner| {
        let inner = made(Packet::parse(inner.packet()));
        let first = made(insert(&inner, &path(["fcff:3::e", "fcff:4::ef1", "fcff:2::ef1"])));
        let second = made(end(&first));
        let third = made(psp(&second));
        assert_eq!(third.srhs.len(), 1, "two segments were left at rt-4");
        let out = made(psp(&third));
        assert_eq!((&out.srhs[..], out.destination), (&[][..], inner.destination));
        (vec![(1, 3, first.bytes()), (3, 4, second.bytes()), (4, 2, third.bytes())], out.bytes())
    });
    mesh.carries(2, 1, Family::V6, |inner| {
        let first = made(insert(&made(Packet::parse(inner.packet())), &path(["fcff:1::ef1"])));
        (vec![(2, 1, first.bytes())], made(psp(&first)).bytes())
    });
    mesh.settle(&[
        (1, "fcff:1::ef1/128", 1),
        (2, "fcff:2::ef1/128", 1),
        (3, "fcff:3::e/128", 1),
        (4, "fcff:4::ef1/128", 1),
    ]);
}
