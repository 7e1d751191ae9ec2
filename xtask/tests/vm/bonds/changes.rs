//! Changes of bonds: by another file, by another program, and at the end. Not here: cables.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Edge, MOST, PORTS, file};
use crate::shell;

/// The names of other files beside the box's, and where the machine has them.
const ONE_MEMBER: (&str, &str) = ("opt/org.segbox/one.toml", "/run/segbox/brought/one.toml");
const OTHER_MODE: (&str, &str) = ("opt/org.segbox/mode.toml", "/run/segbox/brought/mode.toml");
const WHOLE: (&str, &str) = ("opt/org.segbox/whole.toml", "/run/segbox/brought/whole.toml");

/// The files, written into a folder.
pub(super) fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let one = file().replace(r#"["core1", "core2"]"#, r#"["core1"]"#);
    let mode = file().replace("802.3ad", "active-backup");
    let all = [(ONE_MEMBER.0, one), (OTHER_MODE.0, mode), (WHOLE.0, file())];
    let write = |(name, text): (&str, String)| {
        let path = folder.join(name.replace('/', "-"));
        fs::write(&path, text).expect("a fresh folder");
        (name.to_owned(), path)
    };
    all.map(write).into()
}

/// A member leaves and joins while the bond goes on; another mode is another bond.
pub(super) fn of_members_and_modes(edge: &mut Edge) {
    let own = mac(PORTS[1].1);
    let bonds = mac(PORTS[0].1);
    let seen = link(edge, "core2");
    assert!(seen.contains(&format!("link/ether {bonds}")) && seen.contains("mtu 9000 "), "{seen}");
    // The other end knows that this cable is not to be used.
    edge.avoided = Some(1);
    let holes = edge.holes_while_it_applies(ONE_MEMBER.1);
    assert!(holes.iter().all(|hole| *hole < MOST), "core2 left: {holes:?}");
    let seen = link(edge, "core2");
    let is_as_before = seen.contains(&format!("link/ether {own}")) && seen.contains("mtu 1500 ");
    assert!(is_as_before && seen.contains(",UP") && !seen.contains("master"), "{seen}");
    edge.heals();
    let holes = edge.holes_while_it_applies(WHOLE.1);
    edge.avoided = None;
    assert!(holes.iter().all(|hole| *hole < MOST), "core2 joined: {holes:?}");
    edge.heals();
    edge.forwards_right();
    edge.applies(OTHER_MODE.1);
    edge.heals();
    assert!(edge.forwards(), "core is active-backup now");
    edge.applies(WHOLE.1);
    edge.heals();
    edge.forwards_right();
}

/// Another program takes a member out, turns a knob, and removes a bond.
pub(super) fn of_others_are_mended(edge: &mut Edge) {
    shell::run(&mut edge.router, "ip link add theirs type bond mode balance-rr");
    for harm in ["ip link set core2 nomaster", "ip link set core type bond xmit_hash_policy layer2", "ip link del core"]
    {
        shell::run(&mut edge.router, harm);
        std::thread::sleep(Duration::from_millis(300));
        edge.heals();
        edge.forwards_right();
    }
}

/// All cards are what they were, and another program's bond stays.
pub(super) fn end_as_it_began(edge: &mut Edge) {
    let cleared = edge.router.answer("clear");
    assert!(cleared.contains("removed everything that segbox made"), "{cleared}");
    for (name, own) in PORTS {
        let seen = link(edge, name);
        let is_as_before = seen.contains(&format!("link/ether {}", mac(own))) && seen.contains("mtu 1500 ");
        assert!(is_as_before && !seen.contains("master"), "{seen}");
    }
    let bonds = shell::run(&mut edge.router, "ip -o link show type bond");
    assert!(bonds.lines().count() == 1 && bonds.contains("theirs"), "{bonds}");
}

fn link(edge: &mut Edge, name: &str) -> String {
    shell::run(&mut edge.router, &format!("ip -o link show {name}"))
}

fn mac(mac: segbox_lab::Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
