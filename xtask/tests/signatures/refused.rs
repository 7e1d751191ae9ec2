//! Keys that cannot sign, and builds that are broken off: each says so before anything is built, and the last good image stays.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use crate::built::{SIGNED, run, said, tool, xtask_image};
use crate::keys::{PASSWORD, secure_boot};

/// Builds into the signed image's folder; it has to fail, and to say all of this.
fn refused(options: &[(&str, &Path)], password: Option<&str>, words: &[&str]) {
    let before = stamp(&SIGNED.folder);
    let mut command = xtask_image(&SIGNED.folder);
    command
        .env_remove("SEGBOX_MINISIGN_PASSWORD")
        .envs(password.map(|password| ("SEGBOX_MINISIGN_PASSWORD", password)));
    for (option, path) in options {
        command.arg(option).arg(path);
    }
    let output = command.output().expect("it starts");
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    for word in words.iter().chain(&["why:", "fix:"]) {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert_eq!(stamp(&SIGNED.folder), before, "the last image stays:\n{said}");
}

/// This differs between any two images.
fn stamp(folder: &Path) -> (String, std::time::SystemTime) {
    let time = fs::metadata(folder.join("segbox.raw")).and_then(|file| file.modified()).expect("an image");
    (fs::read_to_string(folder.join("manifest.json.minisig")).expect("a signature"), time)
}

#[test]
fn keys_that_cannot_sign_are_refused_before_anything_is_built() {
    let place = tempfile::tempdir().expect("a folder");
    let of = |name: &str| place.path().join(name);
    let (key, certificate) = (&SIGNED.keys.key, &SIGNED.keys.certificate);
    let (_, stranger) = secure_boot(place.path(), "stranger");

    let pair = |key: &Path, certificate: &Path, words: &[&str]| {
        refused(&[("--secure-boot-key", key), ("--secure-boot-certificate", certificate)], None, words);
    };
    pair(&of("none"), certificate, &["none", "No such file"]);
    pair(key, &stranger, &["stranger.crt", "is the certificate of another key"]);
    pair(certificate, certificate, &["db.crt", "cannot use"]);

    let locked = of("locked.key");
    run(tool("openssl").args(["pkey", "-aes256", "-passout", "pass:secret", "-in"]).arg(key).arg("-out").arg(&locked));
    pair(&locked, certificate, &["locked.key", "without a password"]);

    let (curve, its) = (of("curve.key"), of("curve.crt"));
    let mut make = tool("openssl");
    make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=curve"]);
    run(make.args(["-config", "/dev/null", "-keyout"]).arg(&curve).arg("-out").arg(&its));
    pair(&curve, &its, &["curve.key", "it is no RSA key"]);
}

#[test]
fn a_slots_key_needs_its_password() {
    let minisign = |key: &Path, password: Option<&str>, words: &[&str]| {
        refused(&[("--minisign-key", key)], password, words);
    };
    let key = &SIGNED.keys.minisign;
    minisign(key, Some(&PASSWORD.replace('c', "k")), &["slot.key", "SEGBOX_MINISIGN_PASSWORD"]);
    minisign(key, None, &["slot.key", "SEGBOX_MINISIGN_PASSWORD"]);
    minisign(&SIGNED.keys.certificate, None, &["db.crt", "as `minisign -G` makes it"]);
}

#[test]
fn a_folder_with_something_else_is_not_replaced() {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("letter"), "dear").expect("writable");
    let output = xtask_image(place.path()).output().expect("it starts");
    assert!(
        !output.status.success() && said(&output).contains("the folder is not empty and holds no image"),
        "{}",
        said(&output)
    );
    assert!(place.path().join("letter").exists());
}

#[test]
fn a_folder_that_mkosi_takes_for_two_is_refused() {
    let place = tempfile::tempdir().expect("a folder");
    let output = xtask_image(&place.path().join("one, two")).output().expect("it starts");
    assert!(!output.status.success() && said(&output).contains("with a comma"), "{}", said(&output));
}

/// Whether it has come to packing.
fn has_mkosi(build: &Child) -> bool {
    let id = build.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let is_mkosi =
        |child: &str| fs::read_to_string(format!("/proc/{child}/cmdline")).is_ok_and(|line| line.contains("-m\0mkosi"));
    children.split_whitespace().any(is_mkosi)
}

#[test]
fn a_build_that_is_broken_off_leaves_the_last_image_and_the_next_one_succeeds() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("image");
    run(Command::new("cp").args(["-a", "--sparse=always"]).arg(&SIGNED.folder).arg(&folder));
    let before = stamp(&folder);

    let ctrl_c = |build: &Child| kill_process_group(Pid::from_child(build), Signal::INT);
    let kill = |build: &Child| kill_process(Pid::from_child(build), Signal::KILL);
    for end in [&ctrl_c as &dyn Fn(&Child) -> rustix::io::Result<()>, &kill] {
        // Not signed: another image than the one that is there.
        // A shell that has started the test in the background has made all its descendants ignore SIGINT.
        let image = xtask_image(&folder);
        let mut build = Command::new("env");
        build.arg("--default-signal=INT").arg(image.get_program()).args(image.get_args());
        let mut child = build.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let soon = |what: &str, done: &mut dyn FnMut() -> bool| {
            let until = Instant::now() + Duration::from_secs(60);
            while !done() {
                assert!(Instant::now() < until, "{what}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        soon("mkosi does not start", &mut || {
            assert!(child.try_wait().expect("ours").is_none(), "it ends before mkosi starts");
            has_mkosi(&child)
        });
        end(&child).expect("ours");
        assert!(!child.wait().expect("ours").success());
        assert_eq!(stamp(&folder), before, "the last image stays");
        let group = Pid::from_child(&child);
        soon("what it has started goes on", &mut || test_kill_process_group(group) == Err(Errno::SRCH));
        assert!(!place.path().join("image.new/work/packed/segbox.efi").exists(), "mkosi went on to its end");
    }

    // Two at once: one builds, the other waits and finds it done.
    let both = [xtask_image(&folder), xtask_image(&folder)]
        .map(|mut command| command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts"));
    for build in both {
        let output = build.wait_with_output().expect("ours");
        assert!(output.status.success(), "{}", said(&output));
    }
    assert!(!folder.join("manifest.json.minisig").exists(), "the new image, which is not signed");
    assert!(!place.path().join("image.new").exists());
}
