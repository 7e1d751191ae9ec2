//! What is closed on a box, whoever has started it: a boot loader of either firmware, the UKI by itself, or QEMU with a command line of
//! its own. And the console's password, at the serial port and at the screen. Not here: the boot loaders' own checks (`signatures`).

use std::collections::BTreeMap;

use segbox_vm::{Router, image, machine, turn};
use serde_json::Value;

use crate::console::shows;
use segbox_vm::disk::Disk;

/// Every door of the kernel that `segbox doctor` knows.
const DOORS: [&str; 8] = [
    "unsigned modules",
    "lockdown",
    "kernel addresses",
    "kernel log",
    "unprivileged BPF",
    "kexec",
    "links in /tmp",
    "hard links",
];

/// What `segbox doctor` says of each: whether it is closed, and how it knows.
fn doors(router: &mut Router) -> BTreeMap<String, (Option<bool>, String)> {
    said_of("door", router)
}

fn said_of(kind: &str, router: &mut Router) -> BTreeMap<String, (Option<bool>, String)> {
    let said = router.answer("doctor --json");
    let (Some(from), Some(to)) = (said.find('['), said.rfind(']')) else { panic!("no JSON in: {said}") };
    let rows: Vec<Value> = serde_json::from_str(&said[from..=to]).unwrap_or_else(|error| panic!("{error} in: {said}"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_else(|| panic!("no {key} in {row}")).to_owned();
    let rows = rows.iter().filter(|row| row["kind"] == kind);
    rows.map(|row| (text(row, "name"), (row["found"].as_bool(), text(row, "detail")))).collect()
}

/// Checks a box that is up.
pub(crate) fn is_closed(router: &mut Router) {
    let doors = doors(router);
    for door in DOORS {
        let found = doors.get(door);
        assert!(found.is_some_and(|(closed, _)| *closed == Some(true)), "{door} is not closed: {found:?}");
    }
    let lockdown = &doors["lockdown"].1;
    assert!(lockdown.contains("[integrity]"), "confidentiality would forbid tracing: {lockdown}");
    assert!(doors["kernel addresses"].1.ends_with("is 1"), "2 would hide addresses from root: {doors:?}");
    assert!(!router.answer("status boot").contains("cannot set"), "a setting was refused");
    // The image's kernel says which package of Debian's it is, and has no changelog beside it.
    let fixes = said_of("fix", router);
    assert_eq!(fixes.get("CVE-2026-31668").map(|(found, _)| *found), Some(Some(true)), "{fixes:?}");
    assert!(fixes.values().all(|(found, _)| *found != Some(false)), "{fixes:?}");
}

fn has_password(router: &mut Router) -> bool {
    doors(router)["console password"].0 == Some(true)
}

/// The password is `segbox`.
const LOCKED: &str = r#"
[system]
hostname = "locked"
[management.console]
password-hash = "$y$j9T$LdJMENpBABJJ3hIHjB1Bi.$gvpqjYFrcQkPlFBkjxjqXoAp2E5uAEc7SOuWvInByu."
"#;

#[test]
fn the_console_asks_for_its_password_and_the_built_in_configuration_has_none() {
    let _turn = turn();
    let tools = image("tools");
    let disk = Disk::new(&tools, LOCKED);
    let mut locked = machine(&tools, "console=tty0");
    locked.memory = 256;
    locked.ends_at_reboot = false;
    locked.disks.push(disk.path());
    locked.also = ["-vga", "std"].map(str::to_owned).to_vec();
    let mut router = Router::start(&locked);
    router.wait_booting("press a key");
    for wrong in ["", "Segbox"] {
        router.type_in("\r");
        router.wait("password: ");
        router.type_in(&format!("{wrong}\r"));
        let said = router.wait("wrong password");
        assert!(!said.contains("Segbox"), "it is not shown: {said}");
        // Input before the pause has ended is no guess.
        router.type_in("segbox\r");
        let said = router.wait("press a key");
        assert!(!said.contains("> "), "{said}");
    }
    router.unlock("segbox");
    assert!(has_password(&mut router));
    let log = router.answer("log");
    assert!(log.contains("wrong password, 2 in a row"), "{log}");

    // The screen in the rack asks as well.
    let mut monitor = router.vm.monitor().expect("QEMU runs");
    shows(&mut monitor, "press a key");
    monitor.type_in("sendkey ret").expect("a keyboard");
    shows(&mut monitor, "password:");
    for key in "segbox".chars().map(String::from).chain(["ret".to_owned()]) {
        monitor.type_in(&format!("sendkey {key}")).expect("a keyboard");
    }
    shows(&mut monitor, "locked>");
    drop(monitor);

    // The password is that of the configuration that runs: without one from the next `apply` on.
    router.edit("[system]\nhostname = \"locked\"\n");
    router.answer("apply");
    router.type_in("exit\r");
    router.again();
    assert!(!has_password(&mut router));
    router.edit(LOCKED);
    router.answer("apply");
    router.power_off();

    // Whoever can restart the box and change its command line gets in, and the router stops for it.
    let mut open = machine(&tools, "segbox.failsafe");
    open.memory = 256;
    open.ends_at_reboot = false;
    open.disks.push(disk.path());
    let mut router = Router::boot(&open);
    assert!(router.screen.contains("segbox.failsafe") && router.screen.contains("built in"), "{}", router.screen);
    is_closed(&mut router);
    router.power_off();
}
