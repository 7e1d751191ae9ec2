//! Where a box has its configuration from: a stick labelled SEGBOX with a key beside the file, QEMU's fw_cfg before it; and the
//! configuration that runs instead of a file that cannot. Not here: power cuts while a file is written (`power`).

use std::path::{Path, PathBuf};

use segbox_vm::{Bus, FW_CFG, Fat, Machine, Router, image, quick, turn};

use segbox_vm::disk::Disk;

/// A router with an SID, and with a key that lies beside its file.
fn with_key(hostname: &str) -> String {
    format!(
        "[system]\nhostname = \"{hostname}\"\n[srv6]\nsource = \"fc00:0:2::1\"\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\n\
         secret-file = \"keys/7.key\"\n[[srv6.sid]]\nsid = \"fc00:0:2:1::\"\nbehavior = \"End\"\n"
    )
}

const GOOD: &str = "[system]\nhostname = \"good\"\n[srv6]\nsource = \"fc00:0:2::1\"\n[[srv6.sid]]\nsid = \"fc00:0:2:7::\"\nbehavior = \"End\"\n";

/// A FAT volume with this label, a segbox.toml and a key.
fn stick(tools: &Path, folder: &Path, label: &str, file: &str) -> PathBuf {
    let [volume, toml, key] = [label, "segbox.toml", "7.key"].map(|name| folder.join(name));
    std::fs::write(&toml, file).and_then(|()| std::fs::write(&key, "secret")).expect("room");
    let fat = Fat::create(tools, &volume, 16, &["-n", label]);
    fat.add_folder("keys");
    fat.copy_in(&toml, "segbox.toml");
    fat.copy_in(&key, "keys/7.key");
    volume
}

#[test]
fn a_stick_brings_a_file_and_its_key_and_fw_cfg_comes_before_it() {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let boot = |label: &str, prepare: &dyn Fn(&mut Machine<'_>)| {
        let mut machine = quick(&tools);
        machine.disks_bus = Bus::Usb;
        machine.disks.push(stick(&tools, folder.path(), label, &with_key("stick")));
        prepare(&mut machine);
        Router::boot(&machine)
    };
    let mut router = boot("SEGBOX", &|_| {});
    assert!(router.screen.contains("good: configured from volume SEGBOX on /dev/sda"), "{}", router.screen);
    assert!(router.answer("status").contains("fc00:0:2:1::"), "the key was found beside the file");
    // It is in memory: nothing of the stick is in use.
    assert!(router.answer("show").contains("hostname = \"stick\""));
    router.power_off();

    let handed = folder.path().join("handed.toml");
    std::fs::write(&handed, GOOD).expect("room");
    let router = boot("SEGBOX", &|machine| machine.files.push((FW_CFG.to_owned(), handed.clone())));
    assert!(router.screen.contains("good: configured from QEMU fw_cfg"), "{}", router.screen);
    drop(router);

    // A stick with another label is not segbox's.
    let router = boot("HOLIDAYS", &|_| {});
    assert!(router.screen.contains("configured from built in"), "{}", router.screen);
}

/// A text's digest as `attempt` has it (FNV-1a).
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A file that has no fault by itself; the kernel has no way to the gateway, and says so.
const REFUSED: &str = "[system]\nhostname = \"refused\"\n[[route]]\ndestination = \"2001:db8:99::/64\"\nvia = \"2001:db8:9::2\"\ninterface = \"lo\"\n";
/// A file with a fault.
const FAULTY: &str = "[system]\nhostnam = \"faulty\"\n";

/// The files of a config partition, the one that runs, and the box's words about it.
struct Case<'a> {
    files: Vec<(&'a str, &'a str)>,
    runs: &'a str,
    said: &'a str,
}

#[test]
fn a_file_that_cannot_run_gives_way_to_the_last_good_one_or_to_the_built_in_one() {
    let _turn = turn();
    let tools = image("tools");
    let attempt = format!("{:016x} 2\n", digest(GOOD));
    let older = GOOD.replace("fc00:0:2:7::", "fc00:0:2:6::");
    let good = ("good-000007.toml", GOOD);
    let cases = [
        Case { files: vec![("segbox.toml", FAULTY), good], runs: "last good (generation 7)", said: "hostname" },
        Case { files: vec![("segbox.toml", FAULTY)], runs: "built in", said: "hostname" },
        Case {
            files: vec![("segbox.toml", REFUSED), good],
            runs: "last good (generation 7)",
            said: "2001:db8:99::/64",
        },
        Case {
            files: vec![("segbox.toml", GOOD), ("good-000006.toml", &older), ("attempt", &attempt)],
            runs: "last good (generation 6)",
            said: "is passed over: 2 boots in a row failed with it",
        },
    ];
    for Case { files, runs: source, said } in cases {
        let disk = Disk::with(&tools, &files);
        let mut machine = quick(&tools);
        machine.disks.push(disk.path());
        let mut router = Router::boot(&machine);
        let steps = router.settled();
        assert!(router.screen.contains(&format!("configured from {source}")), "{source}:\n{}", router.screen);
        assert!(steps.contains("to fix"), "{source}: {steps}");
        assert!(steps.contains(said), "{source}: {said:?} is not in\n{steps}");
        let sids = router.status()["sids"].to_string();
        assert_eq!(sids.contains("fc00:0:2:"), source != "built in", "{source}: {sids}");
        // The file that does not run is as it was: it can be looked at and fixed.
        let wanted = files[0].1.lines().next_back().expect("a line");
        assert!(router.answer("show").contains(wanted), "{source}: the file is as it was");
    }
}
