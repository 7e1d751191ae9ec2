//! H.Encaps.L2.Red and End.DX2: an L2 VPN of hs-1 and hs-2. A frame from one host arrives unchanged at the other, including its
//! Ethernet header and its hop limit.
//!
//! Linux selects frames for a policy by a route, so the frame must be addressed to the router's port. The kernel's script gives
//! the port the address of the far host. Here the far host has the address of the port, so the router needs no change.

use segbox_lab::expect::{dx2, encaps_l2_red, end};
use segbox_lab::{Frame, Mac};

use crate::mesh::{Family, Mesh, field, headend, made};
use crate::support::path;
use crate::support::segbox::run;

#[test]
fn frames_cross_the_core_whole() {
    let mut mesh = Mesh::new([
        field!("linux-hl2encap-red/rt-1.toml"),
        field!("linux-hl2encap-red/rt-2.toml"),
        field!("linux-hl2encap-red/rt-3.toml"),
        field!("linux-hl2encap-red/rt-4.toml"),
    ]);
    let ports = ["rt-1", "rt-2"].map(|router| mesh.lab.mac(router, "host"));
    give_address(&mesh, "hs-1", ports[1]);
    give_address(&mesh, "hs-2", ports[0]);

    for family in [Family::V4, Family::V6] {
        mesh.must_not_carry(1, 3, family);
        mesh.must_not_carry(3, 1, family);
        let [left, arrived] = mesh.carries(1, 2, family, |frame| {
            let only = made(encaps_l2_red(frame, headend(1), &path(["fcff:2::d2"])));
            assert_eq!(only.srhs, [], "one segment needs no SRH");
            (vec![(1, 2, only.bytes())], inside(dx2(&only)))
        });
        assert_eq!((arrived, &left[..6]), (left.clone(), &ports[0][..]), "the frame that arrived is the one that left");

        let [left, arrived] = mesh.carries(2, 1, family, |frame| {
            let first = made(encaps_l2_red(frame, headend(2), &path(["fcff:4::e", "fcff:3::e", "fcff:1::d2"])));
            let second = made(end(&first));
            let third = made(end(&second));
            let out = inside(dx2(&third));
            (vec![(2, 4, first.bytes()), (4, 3, second.bytes()), (3, 1, third.bytes())], out)
        });
        assert_eq!((arrived, &left[..6]), (left.clone(), &ports[1][..]), "the frame that arrived is the one that left");
    }
    mesh.settle(&[
        (1, "fcff:1::d2/128", 2),
        (2, "fcff:2::d2/128", 2),
        (3, "fcff:3::e/128", 2),
        (4, "fcff:4::e/128", 2),
    ]);
}

/// The packet inside the frame that comes out.
fn inside(frame: Option<Vec<u8>>) -> Vec<u8> {
    Frame(made(frame)).packet().to_vec()
}

fn give_address(mesh: &Mesh, host: &str, mac: Mac) {
    let text = mac.map(|byte| format!("{byte:02x}")).join(":");
    let mut ip = mesh.lab[host].command("ip").expect("the namespace is there");
    let given = run(ip.args(["link", "set", "eth0", "address", &text]));
    assert_eq!(given.code, Some(0), "{}", given.err);
}
