//! The state of a disk afterwards: complete, with a configuration, or not bootable.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::clang::compile;
use crate::disks::{Loop, MIB, Mount, bytes, flash, image, look, make_ext4, names, partition, sparse};
use crate::files::Files;
use crate::segbox::{SEGBOX, run};

/// A configuration that names a file of each kind.
const ROUTER: &str = r#"
[system]
hardware = "mine"
[srv6.hmac-key.7]
algorithm = "sha256"
secret-file = "keys/7.key"
[[srv6.sid]]
sid = "fc00:0:2:100::"
behavior = "End.BPF"
program = "own"
[program.own]
object = "selftest.o"
section = "lwt_seg6local/inspect_t"
[[srv6.sid]]
sid = "fc00:0:2:101::"
behavior = "End.BPF"
program = "stamp"
[program.stamp]
object = "builtin:end_add_tlv"
"#;

fn router(files: &Files) -> String {
    fs::create_dir(files.path().join("keys")).expect("a fresh folder");
    fs::create_dir(files.path().join("hw-profiles")).expect("a fresh folder");
    files.write("keys/7.key", "secret");
    files.write("hw-profiles/mine.toml", "description = \"a box of mine\"\n[match]\nboard = \"mine\"\n");
    files.write("hw-profiles/other.toml", "description = \"not named\"\n[match]\nboard = \"other\"\n");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects/selftest.c");
    compile(files, &fs::read_to_string(source).expect("the test's own source"), "selftest.o");
    files.write("r2.toml", ROUTER).display().to_string()
}

#[test]
fn a_disk_gets_the_image_and_all_that_the_configuration_names_and_can_be_copied() {
    let files = Files::new();
    let (file, place) = (router(&files), files.path());
    let image = image(place, 16);
    let disk = Loop::new(&sparse(place.join("disk"), 40), &[]);
    let flashed = flash(&image, &disk.0, &["--config", &file]);
    assert_eq!(flashed.code, Some(0), "{}{}", flashed.out, flashed.err);
    assert!(
        flashed.out.contains(", with selftest.o, keys/7.key, hw-profiles/mine.toml, segbox.toml"),
        "{}",
        flashed.out
    );
    assert!(flashed.out.contains("reading back 100 %"), "it is told how far it is, in a log too: {}", flashed.out);

    let all = ["hw-profiles/mine.toml", "keys/7.key", "segbox.toml", "selftest.o"];
    let config = look(&disk.0, "segbox-config", place.join("config"));
    assert_eq!(names(&config.0), all, "what it names, and nothing else");
    assert_eq!(fs::read_to_string(config.0.join("segbox.toml")).expect("copied"), ROUTER);
    assert_eq!(fs::read(config.0.join("keys/7.key")).expect("copied"), b"secret");
    let mode = fs::metadata(config.0.join("keys/7.key")).expect("copied").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a key is root's alone");
    drop(config);
    assert!(bytes(&disk.0, SeekFrom::Start(0), 9).starts_with(b"boot code"), "the boot code is there");
    let (start, size) = partition(&disk.0, "segbox-state");
    assert!(start + size > 39 * MIB, "the last partition takes the rest of the disk");

    // The disk serves as an image for a smaller one, without the state of its box.
    let log = place.join("state");
    let state = Mount::new(log, &["-t", "ext4", "-o", &format!("loop,offset={start}"), &disk.0.display().to_string()]);
    fs::write(state.0.join("random-seed"), "not for two").expect("room");
    drop(state);
    let copy = Loop::new(&sparse(place.join("copy"), 24), &[]);
    let copied = flash(&disk.0, &copy.0, &[]);
    assert_eq!(copied.code, Some(0), "{}{}", copied.out, copied.err);
    assert!(copied.out.contains("with its configuration"), "{}", copied.out);
    assert_eq!(names(&look(&copy.0, "segbox-config", place.join("config")).0), all);
    assert!(names(&look(&copy.0, "segbox-state", place.join("state")).0).is_empty(), "logs and seed stay");
    let same = flash(&disk.0, &disk.0, &[]);
    assert!(same.code == Some(1) && same.err.contains("the image is on this disk"), "{}", same.err);
}

#[test]
fn an_image_is_read_from_a_file_on_a_stick_that_is_not_mounted() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 12);
    let stick = Loop::new(&sparse(place.join("stick"), 24), &[]);
    make_ext4(&stick.0);
    let mounted = Mount::new(place.join("on"), &[&stick.0.display().to_string()]);
    fs::create_dir(mounted.0.join("images")).expect("room");
    fs::copy(&image, mounted.0.join("images/small.raw")).expect("room");
    drop(mounted);
    let disk = sparse(place.join("disk"), 12);
    let flashed = flash(&stick.0.join("images/small.raw"), &disk, &[]);
    assert_eq!(flashed.code, Some(0), "{}{}", flashed.out, flashed.err);
    partition(&disk, "segbox-config");
    let missing = flash(&stick.0.join("images/large.raw"), &disk, &[]);
    assert!(missing.code == Some(1) && missing.err.contains("No such file"), "{}", missing.err);
}

/// The disk has neither a boot sector nor a partition table at either end, but a text that says so.
fn assert_dead(disk: &Path) {
    let start = bytes(disk, SeekFrom::Start(0), 1024);
    assert!(start.starts_with(b"segbox flash: not finished"), "{:?}", &start[..32]);
    assert!(start[510..] != [0x55, 0xaa] && &start[512..520] != b"EFI PART", "no firmware boots it");
    assert!(!bytes(disk, SeekFrom::End(-512), 8).starts_with(b"EFI PART"), "nor by the table of before at its end");
}

#[test]
fn a_disk_that_fails_half_way_is_reported_and_does_not_boot() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 64);
    let mut file = File::options().write(true).open(&image).expect("just made");
    file.seek(SeekFrom::Start(8 * MIB)).expect("a file");
    file.write_all(&vec![0x5a; 40 << 20]).expect("room");
    // A disk that has less room than it reports.
    let lying = Mount::new(place.join("small"), &["-t", "tmpfs", "-o", "size=24m", "none"]);
    let backing = sparse(lying.0.join("disk"), 64);
    let disk = Loop::new(&backing, &[]);
    let flashed = flash(&image, &disk.0, &[]);
    assert_eq!(flashed.code, Some(1), "{}", flashed.out);
    assert!(flashed.err.contains("Input/output error") && flashed.err.contains("does not boot now"), "{}", flashed.err);
    assert_dead(&backing);
}

#[test]
fn a_flash_that_is_stopped_or_killed_leaves_a_disk_that_does_not_boot() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 2048);
    // Before this the disk boots, with a table at its end too: firmware falls back to that one.
    let backing = sparse(place.join("disk"), 2048);
    let small = self::image(place, 16);
    let disk = Loop::new(&backing, &[]);
    for signal in ["INT", "KILL"] {
        let before = flash(&small, &disk.0, &[]);
        assert_eq!(before.code, Some(0), "{}", before.err);
        let child = Command::new(SEGBOX)
            .args([Path::new("flash"), &image, &disk.0, Path::new("--yes")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("segbox starts");
        let begun = Instant::now();
        while !bytes(&backing, SeekFrom::Start(0), 12).starts_with(b"segbox flash") {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
            std::thread::sleep(Duration::from_millis(1));
        }
        if signal == "INT" {
            let second = flash(&image, &disk.0, &[]);
            assert!(second.code == Some(1) && second.err.contains("locked"), "two at once: {}", second.err);
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().expect("kill").success());
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if signal == "INT" {
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("stopped by Ctrl-C") && said.contains("does not boot now"), "{said}");
        } else {
            assert_eq!(output.status.code(), None, "killed: {said}");
        }
        assert_dead(&backing);
    }
    // Once more, to the end.
    let flashed = flash(&small, &disk.0, &[]);
    assert_eq!(flashed.code, Some(0), "{}", flashed.err);
    run(&mut Command::new("sync"));
    partition(&backing, "segbox-config");
}
