//! A kernel that may not load nf_tables: the box goes without the filters that its file does not name, and says so. Not here: a host whose
//! modprobe may not load it (`segbox/tests`).

use segbox_lab::Namespace;
use segbox_vm::{FW_CFG, Router, image, machine, turn};

use super::faults::{file, forwards, with_port};

/// What comes by default, and what turns it on by name.
const FILTERS: [(&str, &str); 3] =
    [("edge-filter", "edge-filter = true"), ("mss-clamp", "mss-clamp = true"), ("dscp", "dscp = \"copy\"")];
/// With a policy for IPv4 each of them has something to do.
const POLICY: &str =
    "\n[[srv6.policy]]\ndestination = \"198.51.100.0/24\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3:1::\"]\n";

#[test]
fn a_box_that_may_not_load_nf_tables_forwards_without_the_filters_that_its_file_does_not_name() {
    let _turn = turn();
    let tools = image("tools");
    let namespace = Namespace::new("nofilters").expect("root");
    let folder = tempfile::tempdir().expect("a folder");
    let (handed, text) = (folder.path().join("segbox.toml"), file("hardware = \"none\"", "") + POLICY);
    std::fs::write(&handed, &text).expect("a fresh folder");
    let mut blocked = with_port(machine(&tools, "module_blacklist=nf_tables"), &namespace);
    blocked.files.push((FW_CFG.to_owned(), handed));
    let mut router = Router::boot(&blocked);
    assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);
    assert!(forwards(&namespace), "{}", router.answer("status"));

    let status = router.status();
    let deviations = status["deviations"].as_array().expect("a list");
    let lacks = deviations.iter().filter(|line| line.as_str().is_some_and(|line| line.contains("lacks nf_tables")));
    assert_eq!((lacks.count(), deviations.len()), (FILTERS.len(), FILTERS.len()), "{status}");
    let checked = router.answer("check");
    for (key, named) in FILTERS {
        assert!(checked.contains(&format!("`{key}`")), "{key} is not in:\n{checked}");
        let refused = router.paste(&text.replacen("[srv6]\n", &format!("[srv6]\n{named}\n"), 1));
        assert!(refused.contains("lacks nf_tables"), "{named}: {refused}");
    }
    assert!(forwards(&namespace), "a refused file changes nothing: {}", router.answer("status"));
}
