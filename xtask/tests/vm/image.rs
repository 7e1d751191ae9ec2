//! The image boots: by BIOS, by UEFI and without a disk; from the image as it was built, from a stick that it was flashed to, and
//! from a disk that the stick installed itself on. Not here: a boot loader that has a choice (`slots`), and Secure Boot (`trust`).

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use segbox_lab::expect::{Headend, encaps};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};
use segbox_vm::{Accelerator, Boot, Bus, Fat, Firmware, Machine, Model, Port, Router, image, machine, turn};

use crate::closed::is_closed;

/// Longest copy of a disk under emulation.
const FLASH: Duration = Duration::from_secs(600);

fn with_disk(tools: &Path, image: PathBuf, firmware: Firmware) -> Machine<'_> {
    Machine::new(tools, Boot::Disk { image, firmware, keep: false }, Accelerator::Tcg)
}

// The fast tests boot by either firmware too: from qcow2, and from the disk that a stick installed itself on.
#[test]
fn slow_boots_by_bios() {
    let _turn = turn();
    let tools = image("tools");
    let screen = Router::boot(&with_disk(&tools, image("segbox.raw"), Firmware::Bios)).screen;
    assert!(screen.contains("slot a"), "booted from slot A:\n{screen}");
    assert!(screen.contains("good: configured from built in"), "{screen}");
}

#[test]
fn slow_boots_by_uefi() {
    let _turn = turn();
    let tools = image("tools");
    let screen = Router::boot(&with_disk(&tools, image("segbox.raw"), Firmware::Uefi)).screen;
    assert!(screen.contains("slot a"), "GRUB's command line reaches the UKI:\n{screen}");
    assert!(screen.contains("good: configured from built in"), "{screen}");
}

#[test]
fn boots_from_qcow2_as_a_virtual_machine_has_it() {
    let _turn = turn();
    let tools = image("tools");
    let mut router = Router::boot(&with_disk(&tools, image("segbox.qcow2"), Firmware::Bios));
    let screen = &router.screen;
    assert!(screen.contains("slot a") && screen.contains("good: configured from built in"), "{screen}");
    is_closed(&mut router);
}

#[test]
fn slow_a_board_starts_the_uki_by_itself() {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path().join("fat");
    let fat = Fat::create(&tools, &volume, 64, &["-F", "32"]);
    for folder in ["EFI", "EFI/BOOT"] {
        fat.add_folder(folder);
    }
    fat.copy_in(&image("segbox.efi"), "EFI/BOOT/BOOTX64.EFI");
    let mut router = Router::boot(&with_disk(&tools, volume, Firmware::Uefi));
    let screen = &router.screen;
    assert!(screen.contains("good: configured from built in"), "the UKI's command line has the consoles:\n{screen}");
    assert!(!screen.contains("slot "), "there is none:\n{screen}");
    is_closed(&mut router);
}

#[test]
fn boots_without_a_disk_and_ends_when_told() {
    let _turn = turn();
    let tools = image("tools");
    Router::boot(&machine(&tools, "")).power_off();
}

/// Address of the guest's first port, which the files below match.
const PORTS: [Mac; 2] = [[0x52, 0x54, 0, 0, 0, 0x0a], [0x52, 0x54, 0, 0, 0, 0x0b]];
const VM_TOML: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../image/vm.toml");

/// A key beside the router of `./dev vm`: without it the configuration is not applied.
const KEY: &str = "\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"keys/7.key\"\n";

#[test]
fn a_stick_installs_itself_on_a_disk_that_boots_by_both_firmwares_and_forwards() {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r2.toml");
    let key = folder.path().join("keys/7.key");
    let text = std::fs::read_to_string(VM_TOML).expect("it is in the sources") + KEY;
    std::fs::create_dir(folder.path().join("keys"))
        .and_then(|()| std::fs::write(&file, text))
        .and_then(|()| std::fs::write(&key, "secret"))
        .and_then(|()| std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)))
        .expect("a fresh folder");
    let sparse = |name: &str, mib: u64| {
        let place = folder.path().join(name);
        std::fs::File::create(&place).and_then(|file| file.set_len(mib << 20)).expect("a sparse file");
        place
    };
    let (stick, place) = (sparse("stick", 1024), sparse("disk", 800));
    let flashed = flash(&image("segbox.raw.zst"), &stick, &["--yes", "--config", &file.display().to_string()]);
    assert!(flashed.status.success(), "{}", said(&flashed));

    let hosts = hosts();
    let mut machine = router(&tools, stick, Firmware::Uefi, &hosts);
    (machine.bus, machine.disks_bus) = (Bus::Usb, Bus::Sata);
    machine.disks = vec![place.clone(), stick_with_file(&tools, &folder.path().join("fat"), "not-an.raw")];
    install(Router::boot(&machine));

    for (firmware, bus) in [(Firmware::Bios, Bus::Sata), (Firmware::Uefi, Bus::Nvme)] {
        let hosts = self::hosts();
        let mut machine = router(&tools, place.clone(), firmware, &hosts);
        machine.bus = bus;
        let mut router = Router::start(&machine);
        hosts[1].address("eth0", "2001:db8:b::2/64".parse().expect("one")).expect("host B's port");
        router.again();
        let screen = &router.screen;
        assert!(screen.contains("slot a"), "{firmware:?}, {bus:?}: the boot loader's words arrive:\n{screen}");
        assert!(screen.contains("good: configured from"), "{firmware:?}, {bus:?}:\n{screen}");
        assert!(!screen.contains("built in"), "{firmware:?}, {bus:?} does not find its configuration:\n{screen}");
        let missing = lost(&hosts, 50);
        assert_eq!(missing, 0, "{firmware:?}, {bus:?}: packets were lost\n{}", router.answer("status"));
    }
}

fn hosts() -> [Namespace; 2] {
    ["a", "b"].map(|role| Namespace::new(role).expect("root"))
}

/// A machine with the ports that its configuration is for.
fn router<'a>(tools: &'a Path, disk: PathBuf, firmware: Firmware, hosts: &'a [Namespace; 2]) -> Machine<'a> {
    let mut machine = with_disk(tools, disk, firmware);
    let port = |(namespace, mac)| Port { namespace, interface: "eth0", mac, model: Model::Virtio, queues: 2 };
    machine.ports = hosts.iter().zip(PORTS).map(port).collect();
    machine
}

/// At the console of a box that was booted from a stick: copies the stick to the disk that is offered.
fn install(mut router: Router) {
    let screen = &router.screen;
    assert!(screen.contains("good: configured from"), "the stick has its configuration and the key:\n{screen}");
    let listed = router.answer("flash");
    assert!(listed.contains("USB") && listed.contains("SATA"), "{listed}");
    assert!(listed.contains("cannot be flashed: this box was booted from it"), "{listed}");
    let named = |before: &str| {
        let rest = listed.split_once(before).unwrap_or_else(|| panic!("{before:?} is not in:\n{listed}")).1;
        rest.split(['`', ' ', '\r']).next().unwrap_or_default().to_owned()
    };
    let disk = named("`segbox flash self ");
    // The image that is a file on another stick is found, read, and none.
    let file = listed.split_whitespace().find(|word| word.ends_with("/not-an.raw"));
    let file = file.unwrap_or_else(|| panic!("no image is found:\n{listed}"));
    assert!(!file.starts_with(&disk), "the stick that brings an image is not what is offered:\n{listed}");
    let refused = router.answer(&format!("flash {file} {disk}"));
    assert!(refused.contains("is not a segbox image"), "{refused}");
    let own = listed.lines().find(|line| line.contains("USB")).and_then(|line| line.split_whitespace().next());
    let refused = router.answer(&format!("flash self {}", own.expect("the stick")));
    assert!(refused.contains("booted from it"), "{refused}");

    router.type_in(&format!("flash self {disk}\r"));
    router.wait("Type yes");
    let written = router.answer_within("yes", FLASH);
    assert!(written.contains("read it back without a difference"), "{written}");
    // The file systems that were copied while they were mounted go on.
    let kept = router.answer("apply");
    assert!(kept.contains("in sync") || kept.contains("nothing"), "{kept}");
    router.power_off();
}

/// A FAT volume with a file on it.
fn stick_with_file(tools: &Path, volume: &Path, name: &str) -> PathBuf {
    let content = volume.with_file_name(name);
    std::fs::write(&content, [0x5a; 4096]).expect("room");
    Fat::create(tools, volume, 16, &["-n", "IMAGES"]).copy_in(&content, name);
    volume.to_owned()
}

/// Sends packets in an SRv6 path through a program of the machine's, and counts those that do not come out with its TLV.
fn lost(hosts: &[Namespace; 2], count: u16) -> usize {
    let v6 = |text: &str| -> std::net::Ipv6Addr { text.parse().expect("an address") };
    let (near, far) = (Wire::open(&hosts[0], "eth0").expect("a port"), Wire::open(&hosts[1], "eth0").expect("a port"));
    let (a, b) = (v6("2001:db8:a::2"), v6("2001:db8:b::2"));
    let path = [v6("fc00:0:2:100::"), v6("fc00:0:3:1::")];
    let send = |number: u16| {
        let inner = udp((a.into(), number), (b.into(), 7), b"through the machine");
        let packet = encaps(&inner, Headend { source: a }, &path).expect("a hop limit of 64");
        near.send(&Frame::new([2, 0, 0, 0, 0, 0x0a], PORTS[0], &packet.bytes())).expect("the port is up");
    };
    // The first one waits for host B's address, and a card that is still being tuned may reset under it: it is sent until one
    // comes through. The others need not wait, and must not be lost.
    let expected = |number: u16, captured: &segbox_lab::Captured| {
        let text = segbox_lab::outline(&captured.frame);
        !captured.outgoing && text.contains("TLV") && text.contains(&format!("UDP   {number} → 7"))
    };
    let first = (0..30).any(|_| {
        send(0);
        far.find(Duration::from_secs(1), |captured| expected(0, captured)).expect("readable").is_some()
    });
    assert!(first, "no packet comes through at all");
    let passes = |number: &u16| {
        send(*number);
        far.find(Duration::from_secs(5), |captured| expected(*number, captured)).expect("readable").is_some()
    };
    (1..=count).filter(|number| !passes(number)).count()
}

#[test]
fn flash_refuses_what_must_not_be_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = folder.path().join("small");
    std::fs::write(&small, [0; 4096]).expect("writable");
    let raw = image("segbox.raw.zst");
    let refused = |disk: &Path, options: &[&str], why: &str| {
        let output = flash(&raw, disk, options);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(why), "expected {why:?}:\n{said}");
    };
    refused(&small, &["--yes"], "the image needs");
    refused(Path::new("/dev/null"), &["--yes"], "neither a disk nor a file");
    assert_eq!(std::fs::read(&small).expect("readable"), [0; 4096], "it was not touched");
    let large = folder.path().join("large");
    std::fs::File::create(&large).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    refused(&large, &[], "standard input is not a terminal");
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, "[sytem]\n").expect("writable");
    refused(&large, &["--yes", "--config", &wrong.display().to_string()], "sytem");

    let output = flash(&small, &large, &["--yes"]);
    assert!(said(&output).contains("is not a segbox image"), "{}", said(&output));
    assert_eq!(first_sectors(&large), [0; 2048], "nothing was written");
}

fn first_sectors(path: &Path) -> [u8; 2048] {
    use std::io::Read;
    let mut start = [1; 2048];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).expect("readable");
    start
}

#[test]
fn flash_refuses_disks_in_use_and_partitions() {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("readable");
    let device = |line: &str| Some(PathBuf::from(line.split(" - ").nth(1)?.split(' ').nth(1)?));
    let Some(used) = mounts.lines().filter_map(device).find(|path| path.starts_with("/dev") && path.exists()) else {
        panic!("no disk is mounted here, so there is none to be refused");
    };
    let output = flash(&image("segbox.raw.zst"), &used, &["--yes"]);
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("is mounted on") || said.contains("it is a partition"), "{said}");
}

fn flash(image_file: &Path, disk: &Path, options: &[&str]) -> Output {
    let segbox = image("segbox");
    let mut command = Command::new(segbox);
    command.arg("flash").arg(image_file).arg(disk).args(options).stdin(std::process::Stdio::null());
    command.output().expect("segbox starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
