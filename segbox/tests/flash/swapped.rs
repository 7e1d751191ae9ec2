//! What happens between the question and its answer, and where root writes meanwhile: another disk under the same name stays as it is,
//! and no step needs a folder that other users can write.

use std::fs::{self, File};
use std::io::{Read, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::disks::{Loop, MIB, bytes, image, look, names, sparse};
use crate::files::Files;
use crate::segbox::{Run, SEGBOX, run};

/// Far above the numbers that `losetup --find` gives, so no other test takes it in between.
const FIRST_LOOP: u32 = 200;

/// A loop device with a number of its own.
fn attach(number: u32, file: &Path) -> Loop {
    let device = PathBuf::from(format!("/dev/loop{number}"));
    let made = run(Command::new("losetup").arg(&device).arg(file));
    assert_eq!(made.code, Some(0), "losetup: {}", made.err);
    Loop(device)
}

/// Answers the question of `segbox flash` at a terminal, after `meanwhile`.
fn answered(image: &Path, disk: &Path, meanwhile: impl FnOnce()) -> Run {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("/dev/ptmx");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("ours");
    let name = ptsname(&ours, Vec::new()).expect("ours").into_string().expect("ASCII");
    let open = || Stdio::from(File::options().read(true).write(true).open(&name).expect("a terminal"));
    let child = Command::new(SEGBOX)
        .args([Path::new("flash"), image, disk])
        .stdin(open())
        .stdout(open())
        .stderr(Stdio::piped())
        .spawn()
        .expect("segbox starts");
    let mut terminal = File::from(ours);
    let (mut said, mut piece, begin) = (String::new(), [0; 512], Instant::now());
    while !said.contains("Type yes") {
        let length = terminal.read(&mut piece).expect("segbox asks");
        said += &String::from_utf8_lossy(&piece[..length]);
        assert!(begin.elapsed() < Duration::from_secs(60), "{said}");
    }
    meanwhile();
    terminal.write_all(b"yes\n").expect("a terminal");
    // It would wait for a terminal that nobody reads.
    let reader = std::thread::spawn(move || {
        let mut rest = Vec::new();
        drop(terminal.read_to_end(&mut rest));
        rest
    });
    let output = child.wait_with_output().expect("it ends");
    let mut run = Run::from(output);
    run.out = said + &String::from_utf8_lossy(&reader.join().expect("no panic"));
    run
}

/// A disk full of one letter.
fn full_of(path: PathBuf, letter: u8) -> PathBuf {
    fs::write(&path, vec![letter; 16 * MIB as usize]).expect("room");
    path
}

fn is_full_of(path: &Path, letter: u8) -> bool {
    fs::read(path).expect("there").iter().all(|byte| *byte == letter)
}

#[test]
fn a_disk_that_took_the_place_of_the_one_that_was_shown_is_left_alone() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 12);
    let (shown, other) = (full_of(place.join("shown"), b's'), full_of(place.join("other"), b'o'));

    // A stick is pulled, and another one gets its name. So has a reader of cards another card.
    let disk = attach(FIRST_LOOP, &shown);
    let mut second = None;
    let refused = answered(&image, &disk.0.clone(), || {
        drop(disk);
        second = Some(attach(FIRST_LOOP, &other));
    });
    assert_eq!(refused.code, Some(1), "{}{}", refused.out, refused.err);
    let said = refused.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(said.contains("not the one that was shown") && said.contains("nothing was written"), "{said}");
    drop(second);
    assert!(is_full_of(&shown, b's') && is_full_of(&other, b'o'), "neither was touched");

    // The same for a file that serves as a disk.
    let kept = place.join("kept");
    let refused = answered(&image, &shown, || {
        fs::rename(&shown, &kept).and_then(|()| fs::rename(&other, &shown)).expect("ours");
    });
    assert_eq!(refused.code, Some(1), "{}{}", refused.out, refused.err);
    assert!(is_full_of(&kept, b's') && is_full_of(&shown, b'o'), "neither was touched");

    // And a file where a disk was.
    let disk = attach(FIRST_LOOP + 1, &kept);
    let link = place.join("link");
    std::os::unix::fs::symlink(&disk.0, &link).expect("room");
    let done = answered(&image, &link, || {
        fs::remove_file(&link).and_then(|()| std::os::unix::fs::symlink(&shown, &link)).expect("ours");
    });
    assert_eq!(done.code, Some(0), "the disk that the link led to is the one that was shown: {}", done.err);
    drop(disk);
    assert!(is_full_of(&shown, b'o') && bytes(&kept, SeekFrom::Start(0), 9) == *b"boot code");
}

#[test]
fn no_folder_for_temporary_files_is_needed() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 12);
    let router = files.write("r2.toml", "[system]\nhostname = \"r2\"\n");
    // The test's own files lie in a folder for temporary files: it goes elsewhere in the namespace.
    let script =
        "set -e; mkdir -p /run/segbox-flash-test; mount --bind \"$1\" /run/segbox-flash-test; cd /run/segbox-flash-test
        for folder in /tmp /var/tmp; do mount -t tmpfs -o ro none $folder; done
        \"$2\" flash image-12.raw disk --config r2.toml --yes; \"$2\" flash image-12.raw \"$3\" --config r2.toml --yes
        grep -c /run/segbox-flash-test /proc/self/mountinfo";
    let file = sparse(place.join("disk"), 16);
    let backing = sparse(place.join("backing"), 16);
    let disk = Loop::new(&backing, &[]);
    // The binary may lie below /tmp too.
    let binary = place.join("segbox");
    crate::segbox::copy(&binary);
    let done = run(Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .args([place, Path::new("./segbox"), &disk.0])
        .env("TMPDIR", "/tmp"));
    drop(fs::remove_dir("/run/segbox-flash-test"));
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    assert!(done.out.ends_with("\n1\n"), "no mount of it is left: {}", done.out);
    for disk in [&file, &disk.0] {
        let config = look(disk, "segbox-config", place.join("config"));
        assert_eq!(names(&config.0), ["segbox.toml"]);
        assert_eq!(fs::read(config.0.join("segbox.toml")).expect("there"), fs::read(&router).expect("there"));
    }
    assert!(image.exists());
}
