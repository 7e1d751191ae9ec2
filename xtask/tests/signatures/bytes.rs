//! The same sources give the same bytes, whichever user builds them. Not here: whether compiling does so too, which `cargo xtask image
//! --reproduce` shows in a much longer time.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use segbox_vm::image;

use crate::built::{run, xtask_image};
use crate::released::FILES;

#[test]
fn another_user_at_another_place_gets_the_same_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let output = place.path().join("another place");
    let home = place.path().join("home");
    fs::create_dir(&home).expect("a fresh folder");
    let own = |name: &str, otherwise: &str| {
        std::env::var_os(name).map_or_else(|| std::env::home_dir().unwrap_or_default().join(otherwise), PathBuf::from)
    };

    // One processor, and a umask that keeps everything to its owner.
    let mut command = Command::new("taskset");
    command.args(["-c", &first_processor(), "sh", "-c", "umask 077 && exec \"$@\"", "sh"]);
    let build = xtask_image(&output);
    command.arg(build.get_program()).args(build.get_args());
    for (name, folder) in [("XDG_CACHE_HOME", ".cache"), ("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        command.env(name, own(name, folder));
    }
    command.envs([("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C.UTF-8"), ("USER", "another")]).env("HOME", &home);
    run(&mut command);

    let key = |folder: PathBuf| fs::read_to_string(folder).expect("an image");
    assert_eq!(key(image(".key")), key(output.join(".key")), "target/image is out of date: run `cargo xtask image`");
    let read = |path: PathBuf| fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let differ: Vec<_> = FILES.into_iter().filter(|name| read(image(name)) != read(output.join(name))).collect();
    assert!(differ.is_empty(), "these differ: {differ:?}");
}

/// One that this process may use.
fn first_processor() -> String {
    let status = fs::read_to_string("/proc/self/status").expect("readable");
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("Linux says it");
    allowed.trim().split([',', '-']).next().unwrap_or_default().to_owned()
}
