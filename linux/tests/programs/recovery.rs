//! Kills while programs are put: an incomplete folder never counts as a program, and the next `put` repairs it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use segbox_linux::Namespace;
use segbox_linux::bpf::{Programs, read_object};

use crate::house::{compile, folder_of, in_a_namespace, program, read};

/// The child prints that when it begins.
const BEGINS: &str = "puts programs from here on";

#[test]
fn a_half_made_folder_is_no_program_and_is_made_again() {
    in_a_namespace(|programs| {
        let plain = program(&read("plain"), "plain");
        programs.put("whole@1", &plain).expect("loaded");
        let folder = folder_of(Namespace::current().expect("Linux 5.14"));
        for half in ["~+half@1", "~-gone@1"] {
            std::fs::create_dir_all(folder.join(half).join("maps")).expect("a folder");
            std::fs::rename(folder.join("whole@1/maps/state"), folder.join(half).join("maps/state")).expect("a pin");
            programs.put("whole@1", &plain).expect("loaded");
            assert!(!folder.join(half).exists(), "{half} goes with the next put");
        }
        // A change that puts no program removes it too, and the namespace's folder with the last program.
        std::fs::create_dir_all(folder.join("~-gone@1").join("maps")).expect("a folder");
        programs.remove_unfinished().expect("removed");
        assert!(!folder.join("~-gone@1").exists() && folder.join("whole@1").exists());
        programs.remove("whole@1").expect("removed");
        std::fs::create_dir_all(folder.join("~-gone@1")).expect("a folder");
        programs.remove_unfinished().expect("removed");
        assert!(!folder.exists(), "nothing is left");
        programs.put("whole@1", &plain).expect("loaded");

        std::fs::create_dir_all(folder.join("foreign@1").join("rows")).expect("a folder");
        let seen = programs.observe().expect("the bpffs").programs;
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), ["whole@1"]);
        programs.put("foreign@1", &plain).expect("loaded");
        assert_eq!(programs.maps("foreign@1").expect("its maps"), ["state"]);
    });
}

#[test]
fn a_kill_at_any_time_leaves_whole_programs() {
    in_a_namespace(|programs| {
        // Compiled here: a compiler that outlives its killed parent would hold the namespace.
        let object = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(object.path(), compile("several")).expect("written");
        let mut most = 0;
        for round in 0..40 {
            // The child is in this thread's namespace.
            let mut child = Command::new(std::env::current_exe().expect("this test"))
                .args(["--exact", "recovery::puts_for_ever", "--ignored", "--nocapture", "--test-threads=1"])
                .env("SEGBOX_TEST_OBJECT", object.path())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a child");
            // The time counts from the child's first program, however long it took to start.
            let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
            assert!(said.map_while(Result::ok).any(|line| line.contains(BEGINS)), "the child ends before it begins");
            std::thread::sleep(Duration::from_millis(round));
            child.kill().expect("killed");
            child.wait().expect("gone");
            *programs = Programs::open().expect("root");
            let seen = programs.observe().expect("whatever was left").programs;
            most = most.max(seen.len());
            for name in seen.keys() {
                assert!(programs.fd(name).is_ok());
                assert_eq!(programs.maps(name).expect("its maps"), ["first_counts"], "{name} is not whole");
            }
        }
        assert!(most > 0, "no child lived long enough to put a program");
    });
}

#[test]
#[ignore = "the child that a_kill_at_any_time_leaves_whole_programs kills"]
fn puts_for_ever() {
    let object =
        std::fs::read(std::env::var_os("SEGBOX_TEST_OBJECT").expect("run by the test only")).expect("an object");
    let first = program(&read_object(&object).expect("an object"), "first");
    let mut programs = Programs::open().expect("root");
    println!("{BEGINS}");
    loop {
        for name in ["a@1", "b@1", "c@1"] {
            programs.put(name, &first).expect("loaded");
        }
        programs.remove("b@1").expect("removed");
    }
}
