//! Refusals, with nothing written: disks in use, disks that do not fit the image, and incomplete configurations.

use std::fs::{self, File};
use std::io::SeekFrom;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::disks::{Loop, Mount, bytes, flash, image, make_ext4, sparse};
use crate::files::Files;
use crate::segbox::{SEGBOX, run};

fn refused(image: &Path, disk: &Path, options: &[&str], words: &[&str]) {
    let flashed = flash(image, disk, options);
    assert_eq!(flashed.code, Some(1), "{}", flashed.out);
    // The report is wrapped into lines.
    let said = flashed.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(said.contains(word), "{word:?} is not said: {said}");
    }
}

#[test]
fn disks_that_are_in_use_or_do_not_fit() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 12);
    let file = sparse(place.join("disk"), 16);

    let disk = Loop::new(&file, &["--sector-size", "4096"]);
    refused(&image, &disk.0, &[], &["its sectors have 4096 bytes", "the image needs 512"]);
    drop(disk);
    let disk = Loop::new(&file, &["--read-only"]);
    refused(&image, &disk.0, &[], &["it is read-only"]);
    drop(disk);
    let small = Loop::new(&sparse(place.join("small"), 8), &[]);
    refused(&image, &small.0, &[], &["it has 8 MiB and the image needs 12"]);
    drop(small);

    let disk = Loop::new(&file, &[]);
    refused(&image, &file, &[], &["it is attached as loop"]);
    let held = File::options().read(true).custom_flags(libc::O_EXCL).open(&disk.0).expect("root");
    refused(&image, &disk.0, &[], &["it is in use", "nothing was written"]);
    drop(held);
    make_ext4(&disk.0);
    let mounted = Mount::new(place.join("on"), &[&disk.0.display().to_string()]);
    refused(&image, &disk.0, &[], &["is mounted on", "unmount it"]);
    drop(mounted);
    // The disk is no longer in use, so its content is shown and the disk is accepted.
    let flashed = flash(&image, &disk.0, &[]);
    assert_eq!(flashed.code, Some(0), "{}", flashed.err);
    assert!(flashed.out.contains("16 MiB  ext4"), "{}", flashed.out);
}

#[test]
fn a_configuration_that_lacks_what_it_names() {
    let files = Files::new();
    let place = files.path();
    let image = image(place, 12);
    let disk = sparse(place.join("disk"), 12);
    let key = |named: &str| format!("[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"{named}\"\n");
    let program = |named: &str| {
        format!(
            "[[srv6.sid]]\nsid = \"fc00:0:2:100::\"\nbehavior = \"End.BPF\"\nprogram = \"own\"\n[program.own]\nobject = \"{named}\"\n"
        )
    };
    let outside = tempfile::tempdir().expect("a folder");
    let elsewhere = outside.path().join("7.key");
    fs::write(&elsewhere, "secret")
        .and_then(|()| fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)))
        .expect("room");
    let absolute = elsewhere.display().to_string();
    let upwards = format!("../{}", elsewhere.strip_prefix("/tmp").unwrap_or(&elsewhere).display());
    files.write("not-an-object.o", "text");
    files.write("open.key", "secret");
    fs::set_permissions(place.join("open.key"), fs::Permissions::from_mode(0o644)).expect("ours");
    fs::create_dir(place.join("hw-profiles")).expect("a fresh folder");
    files.write("hw-profiles/wrong.toml", "[match]\nbord = \"x\"\n");
    let mut cases = vec![
        (key("missing.key"), vec!["missing.key", "No such file"]),
        (key("open.key"), vec!["open.key"]),
        (key(&absolute), vec!["is not in its folder", "nothing was written"]),
        (program("missing.o"), vec!["missing.o"]),
        (program("not-an-object.o"), vec!["not-an-object.o"]),
        ("[system]\nhardware = \"yours\"\n".to_owned(), vec!["there is no hardware profile `yours`"]),
        ("[system]\nhardware = \"wrong\"\n".to_owned(), vec!["wrong.toml", "bord"]),
    ];
    if place.parent() == outside.path().parent() {
        cases.push((key(&upwards), vec!["is not in its folder"]));
    }
    for (text, words) in cases {
        let file = files.write("r2.toml", text);
        refused(&image, &disk, &["--config", &file.display().to_string()], &words);
    }
    refused(&image, &disk, &["--config", "/nowhere/r2.toml"], &["cannot read /nowhere/r2.toml"]);
    assert_eq!(bytes(&disk, SeekFrom::Start(0), 4096), [0; 4096], "nothing was written");
}

#[test]
fn without_a_disk_it_shows_what_there_is() {
    let told = run(std::process::Command::new(SEGBOX).arg("flash"));
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(told.out.contains("disks") && told.out.contains("`segbox flash IMAGE "), "{}", told.out);
    let half = run(std::process::Command::new(SEGBOX).args(["flash", "x.raw"]));
    assert_eq!(half.code, Some(1), "a disk is missing");
    let nothing = run(std::process::Command::new(SEGBOX).args(["flash", "self", "/dev/null"]));
    assert!(nothing.code == Some(1) && nothing.err.contains("booted from"), "{}", nothing.err);
}
