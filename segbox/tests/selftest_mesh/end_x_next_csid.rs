//! NEXT-CSID with End.X: the first C-SID of the container is removed, and the packet goes over one adjacency, whatever the
//! routing table says. The adjacency is given first by its global address, then by its link-local address.

use segbox_lab::expect::{Packet, dx4, dx6, encaps_red, next_csid};

use crate::mesh::{Family, Mesh, field, headend, made};
use crate::support::path;

/// The packet as a router forwards it that has no SID for it.
fn forwarded(packet: &Packet) -> Packet {
    Packet { hop_limit: packet.hop_limit - 1, ..packet.clone() }
}

#[test]
fn containers_choose_the_adjacency() {
    let mut mesh = Mesh::new([
        field!("linux-end-x-next-csid/rt-1.toml"),
        field!("linux-end-x-next-csid/rt-2.toml"),
        field!("linux-end-x-next-csid/rt-3.toml"),
        field!("linux-end-x-next-csid/rt-4.toml"),
    ]);
    mesh.must_not_carry(1, 3, Family::V6);
    mesh.must_not_carry(4, 2, Family::V4);
    there_and_back(&mut mesh);
    mesh.configure(3, field!("linux-end-x-next-csid/rt-3-link-local.toml"));
    mesh.configure(4, field!("linux-end-x-next-csid/rt-4-link-local.toml"));
    there_and_back(&mut mesh);
    mesh.settle(&[
        (1, "fcbb:0:100:d6::/128", 2),
        (1, "fcff:1::d4/128", 2),
        (2, "fcbb:0:200:d6::/128", 2),
        (2, "fcff:2::d4/128", 2),
        // A SID whose route was replaced goes on counting.
        (3, "fcbb:0:300::/48", 6),
        (4, "fcbb:0:400::/48", 2),
    ]);
}

fn there_and_back(mesh: &mut Mesh) {
    mesh.carries(1, 2, Family::V6, |inner| {
        let first = made(encaps_red(inner.packet(), headend(1), &path(["fcbb:0:300:200:d6::"])));
        assert_eq!(first.srhs, [], "a container needs no SRH");
        let second = made(next_csid(&first, 32, 16));
        let third = forwarded(&second);
        let out = made(dx6(&third));
        (vec![(1, 3, first.bytes()), (3, 4, second.bytes()), (4, 2, third.bytes())], out)
    });
    mesh.carries(2, 1, Family::V6, |inner| {
        let first = made(encaps_red(inner.packet(), headend(2), &path(["fcbb:0:400:100:d6::"])));
        let second = made(next_csid(&first, 32, 16));
        let out = made(dx6(&second));
        (vec![(2, 4, first.bytes()), (4, 1, second.bytes())], out)
    });
    for (from, to) in [(1, 2), (2, 1)] {
        mesh.carries(from.into(), to.into(), Family::V4, |inner| {
            let sids = path(["fcbb:0:300::", &format!("fcff:{to}::d4")]);
            let first = made(encaps_red(inner.packet(), headend(from), &sids));
            let second = made(next_csid(&first, 32, 16));
            let third = forwarded(&second);
            let out = made(dx4(&third));
            (vec![(from, 3, first.bytes()), (3, 4, second.bytes()), (4, to, third.bytes())], out)
        });
    }
}
