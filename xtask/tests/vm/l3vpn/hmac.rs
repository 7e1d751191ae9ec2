//! `hmac = "require"` at the port of the core guards the SIDs of VRFs: what blue's edge signs comes out, what green's does not sign is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use segbox_lab::{carry, send};
use segbox_vm::Router;

use super::{CUSTOMERS, SITE_1, SITE_2, Vpns, ip, segbox, shell};

/// The names of its files beside the box's.
pub(super) const FILES: [&str; 2] = ["opt/org.segbox/hmac.toml", "opt/org.segbox/7.key"];
pub(super) const SECRET: &str = "between the edges";
const KEY: &str = "\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"7.key\"\n";

/// The example with a key, and a port that lets through to SIDs only what is signed with it.
pub(super) fn file(example: &str) -> String {
    example.replacen("srv6 = true", "srv6 = true\nhmac = \"require\"", 1) + KEY
}

pub(super) fn guards_sids_of_vrfs(router: &mut Router, vpns: &mut Vpns<'_>, folder: &Path) {
    let applied = router.answer("apply /run/segbox/brought/hmac.toml");
    assert!(applied.contains(": applied"), "{applied}");
    for device in ["blue", "green", "core"] {
        // The shell reads byte by byte, and sees no end of line: a sysctl is read from its beginning only.
        let read = format!("read -r mode </proc/sys/net/ipv6/conf/{device}/seg6_require_hmac; echo $mode");
        assert_eq!(shell::run(router, &read).trim(), "1", "{device}");
    }
    let mut unsigned = Vec::new();
    for customer in [0, 1] {
        for family in [0, 1] {
            let payload = vpns.payload(&format!("not signed by {}'s edge", CUSTOMERS[customer]));
            let from = (&vpns.lab[&*format!("{}-2", CUSTOMERS[customer])], ip(SITE_2[family]));
            send(from, ip(SITE_1[family]), payload.as_bytes()).expect("sent");
            unsigned.push(payload);
        }
    }
    let signs = include_str!("blue.toml").replace("H.Encaps.Red\"", "H.Encaps\"\nhmac-key = 7") + KEY;
    let (file, key) = (folder.join("signs.toml"), folder.join("7.key"));
    fs::write(&file, signs).and_then(|()| fs::write(&key, SECRET)).expect("the folder is ours");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
    segbox(&vpns.lab["blue"], ["apply".as_ref(), file.as_os_str()]);
    for family in [0, 1] {
        let from = (&vpns.lab["blue-2"], ip(SITE_2[family]));
        let arrived = carry(from, (&vpns.site_1[0], ip(SITE_1[family])), b"signed by blue's edge").expect("sent");
        assert!(arrived, "family {family}");
    }
    // By now these have had their time.
    for payload in &unsigned {
        let seen = vpns.links.passages(payload.as_bytes()).expect("read in time");
        assert!(seen.iter().any(|seen| seen.to == "machine"), "{payload}: never came");
        assert!(seen.iter().all(|seen| seen.from != "machine"), "{payload}: came out of the machine");
    }
}
