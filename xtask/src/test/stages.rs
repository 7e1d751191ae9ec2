//! The stages beside the test binaries: what is compiled and built for them, and the checks that are no Rust test. Each is
//! a command of its own, so that the locks that it takes are not inherited by what runs beside it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use super::binaries::Binaries;
use super::job::Job;
use super::table::{BINARIES, COMPILE, EXAMPLES, FUZZ, IMAGE, INSTRUCTIONS, PROGRAMS};
use super::targets::{Kind, Target};
use crate::{image, workspace};

/// All stages.
pub(super) fn all(binaries: &Arc<Mutex<Binaries>>) -> Vec<Job> {
    vec![programs(), compile(binaries, &[]), build_image(), fuzz(), instructions(), examples()]
}

/// One stage, with what it needs.
pub(super) fn one(name: &str) -> Vec<Job> {
    match name {
        PROGRAMS => vec![programs()],
        COMPILE => vec![programs(), compile(&Arc::default(), &[])],
        IMAGE => vec![programs(), build_image()],
        EXAMPLES => vec![programs(), examples()],
        FUZZ => vec![programs(), fuzz()],
        INSTRUCTIONS => vec![programs(), instructions()],
        _ => Vec::new(),
    }
}

/// What some targets need.
pub(super) fn before(targets: &[Target], binaries: &Arc<Mutex<Binaries>>) -> Vec<Job> {
    let mut jobs = vec![programs()];
    if targets.iter().any(|target| target.kind == Kind::Integration) {
        jobs.push(binaries_of_a_build());
    }
    jobs.push(compile(binaries, targets));
    jobs.extend(targets.iter().any(|target| target.rule().needs_image).then(build_image));
    jobs
}

fn programs() -> Job {
    Job { is_wide: true, ..xtask(PROGRAMS, &[], &["ebpf"]) }
}

/// Compiles the tests: all of them, or those of some targets.
fn compile(binaries: &Arc<Mutex<Binaries>>, targets: &[Target]) -> Job {
    let mut arguments: Vec<String> = ["test", "--no-run", "--workspace"].map(str::to_owned).to_vec();
    arguments.push("--message-format=json-render-diagnostics".to_owned());
    for target in targets {
        match target.kind {
            Kind::Library => arguments.push("--lib".to_owned()),
            Kind::Program => arguments.extend(["--bin".to_owned(), target.name.clone()]),
            Kind::Integration => arguments.extend(["--test".to_owned(), target.name.clone()]),
        }
    }
    // Cargo takes `--lib` once.
    let mut seen_lib = false;
    arguments.retain(|argument| argument != "--lib" || !std::mem::replace(&mut seen_lib, true));
    let binaries = Arc::clone(binaries);
    let then = move |lines: &[String]| binaries.lock().unwrap_or_else(PoisonError::into_inner).add(lines);
    Job { is_wide: true, then: Box::new(then), ..cargo(COMPILE, &[PROGRAMS, BINARIES], arguments) }
}

fn binaries_of_a_build() -> Job {
    let arguments = ["build", "--workspace", "--bins"].map(str::to_owned).to_vec();
    Job { is_wide: true, ..cargo(BINARIES, &[PROGRAMS], arguments) }
}

fn build_image() -> Job {
    xtask(IMAGE, &[PROGRAMS], &["image"])
}

fn fuzz() -> Job {
    xtask(FUZZ, &[PROGRAMS], &["fuzz"])
}

fn instructions() -> Job {
    xtask(INSTRUCTIONS, &[PROGRAMS], &["instructions", "--check"])
}

/// Examples in comments.
fn examples() -> Job {
    let arguments = ["test", "--doc", "--workspace"].map(str::to_owned).to_vec();
    Job { is_tests: true, ..cargo(EXAMPLES, &[PROGRAMS, COMPILE], arguments) }
}

fn cargo(name: &str, needs: &[&'static str], arguments: Vec<String>) -> Job {
    let make = move || {
        let mut command = Command::new(workspace::cargo());
        command.current_dir(workspace::root()).args(arguments);
        Ok(command)
    };
    Job::stage(name, needs, Box::new(make))
}

/// A task of this program.
fn xtask(name: &str, needs: &[&'static str], arguments: &'static [&'static str]) -> Job {
    let program = me();
    let make = move || {
        let mut command = Command::new(program);
        command.args(arguments).env(image::KEEP_LISTS, "1");
        Ok(command)
    };
    Job::stage(name, needs, Box::new(make))
}

/// This program's file. A build that puts a new one into its place adds a word to the name that the kernel gives.
fn me() -> PathBuf {
    let path = std::env::current_exe().unwrap_or_else(|_| workspace::target().join("debug/xtask"));
    let text = path.to_string_lossy();
    text.strip_suffix(" (deleted)").map_or_else(|| path.clone(), PathBuf::from)
}
