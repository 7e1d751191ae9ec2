//! The image boots: by BIOS, by UEFI and without a disk; from the image as it was built, and from a disk that it was
//! flashed to. Judged from outside, over the serial line and the machine's ports.
//!
//! Builds nothing: `cargo xtask image` has to have run, as it has in `./dev test`. Root only.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segbox_lab::expect::{Headend, encaps};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};
use segbox_vm::{Accelerator, Boot, Firmware, Machine, Model, Port, Vm};

/// Longest boot under emulation on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(240);
/// Longest answer to a command.
const ANSWER: Duration = Duration::from_secs(60);
/// The status screen's last row.
const UP: &str = "press a key";

/// One machine at a time: each has as many processors as this one.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of the image.
fn image(name: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| manifest.join("../target"), PathBuf::from);
    let path = target.join("image").join(name);
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask image` first", path.display()))
}

fn disk(image: PathBuf, firmware: Firmware) -> Boot {
    Boot::Disk { image, firmware, keep: false }
}

fn machine(tools: &Path, boot: Boot) -> Machine<'_> {
    // What the boot does must not depend on the accelerator, and TCG is everywhere.
    Machine::new(tools, boot, Accelerator::Tcg)
}

/// Waits for the status screen and calls the command line; gives the screen as it was.
fn call(vm: &mut Vm) -> String {
    let screen = vm.console.expect(UP, BOOT).unwrap_or_else(|error| panic!("{error}"));
    vm.console.send("\r").expect("the machine runs");
    vm.console.expect("> ", ANSWER).unwrap_or_else(|error| panic!("{error}"));
    screen
}

/// Types a command; gives its answer.
fn answer(vm: &mut Vm, command: &str) -> String {
    vm.console.send(&format!("{command}\r")).expect("the machine runs");
    vm.console.expect("> ", ANSWER).unwrap_or_else(|error| panic!("{command}: {error}"))
}

#[test]
fn boots_by_bios() {
    let _turn = turn();
    let tools = image("tools");
    let mut vm = machine(&tools, disk(image("segbox.raw"), Firmware::Bios)).start().expect("QEMU starts");
    let screen = call(&mut vm);
    assert!(screen.contains("slot a"), "booted from slot A:\n{screen}");
    assert!(screen.contains("good: configured from built in"), "{screen}");
}

#[test]
fn boots_by_uefi() {
    let _turn = turn();
    let tools = image("tools");
    let mut vm = machine(&tools, disk(image("segbox.raw"), Firmware::Uefi)).start().expect("QEMU starts");
    let screen = call(&mut vm);
    assert!(screen.contains("slot a"), "GRUB's command line reaches the UKI:\n{screen}");
    assert!(screen.contains("good: configured from built in"), "{screen}");
}

#[test]
fn boots_without_a_disk_and_ends_when_told() {
    let _turn = turn();
    let tools = image("tools");
    let boot = Boot::Direct {
        kernel: image("kernel"),
        initrd: image("initrd"),
        command_line: "console=ttyS0,115200 quiet".to_owned(),
    };
    let mut vm = machine(&tools, boot).start().expect("QEMU starts");
    call(&mut vm);
    vm.console.send("poweroff\r").expect("the machine runs");
    let until = std::time::Instant::now() + ANSWER;
    while !vm.has_ended() {
        assert!(std::time::Instant::now() < until, "it does not power off:\n{}", vm.console.transcript());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Address of the guest's first port, which the files below match.
const PORTS: [Mac; 2] = [[0x52, 0x54, 0, 0, 0, 0x0a], [0x52, 0x54, 0, 0, 0, 0x0b]];
const VM_TOML: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../image/vm.toml");

#[test]
fn a_flashed_disk_boots_by_both_firmwares_with_its_own_configuration_and_forwards() {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("disk");
    std::fs::File::create(&place).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let flashed = flash(&image("segbox.raw.zst"), &place, &["--yes", "--config", VM_TOML]);
    assert!(flashed.status.success(), "{}", said(&flashed));

    for firmware in [Firmware::Bios, Firmware::Uefi] {
        let hosts = ["a", "b"].map(|role| Namespace::new(role).expect("root"));
        let mut machine = machine(&tools, disk(place.clone(), firmware));
        let ports = hosts.iter().zip(PORTS);
        let port = |(namespace, mac)| Port { namespace, interface: "eth0", mac, model: Model::Virtio, queues: 2 };
        machine.ports = ports.map(port).collect();
        let mut vm = machine.start().expect("QEMU starts");
        hosts[1].address("eth0", "2001:db8:b::2/64".parse().expect("one")).expect("host B's port");
        let screen = call(&mut vm);
        assert!(screen.contains("good: configured from"), "{firmware:?}:\n{screen}");
        assert!(!screen.contains("built in"), "{firmware:?} does not find its configuration:\n{screen}");
        let missing = lost(&hosts, 50);
        assert_eq!(missing, 0, "{firmware:?}: packets were lost\n{}", answer(&mut vm, "status"));
    }
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
    // comes through. What comes after it need not wait, and must not be lost.
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
    refused(&large, &[], "nobody is there to be asked");
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, "[sytem]\n").expect("writable");
    refused(&large, &["--yes", "--config", &wrong.display().to_string()], "sytem");

    let output = flash(&small, &large, &["--yes"]);
    assert!(said(&output).contains("is no image of segbox"), "{}", said(&output));
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
