//! The stages beside the test binaries: what is compiled and built for them, and the checks that are no Rust test. Each is
//! a command of its own, so that the locks that it takes are not inherited by what runs beside it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use super::binaries::Binaries;
use super::job::Job;
use super::table::{BINARIES, CAMPAIGNS, COMPILE, DAEMONS, EXAMPLES, FUZZ, IMAGE, INSTRUCTIONS, PROGRAMS};
use super::targets::{Kind, Target};
use crate::{image, workspace};

/// All stages.
pub(super) fn all(binaries: &Arc<Mutex<Binaries>>) -> Vec<Job> {
    vec![
        programs(),
        compile(binaries, &everything()),
        build_image(),
        daemons(),
        fuzz(),
        campaigns(),
        instructions(),
        examples(),
    ]
}

fn everything() -> Vec<String> {
    vec!["--workspace".to_owned()]
}

/// One stage, with the stages that it needs.
pub(super) fn one(name: &str) -> Vec<Job> {
    match name {
        PROGRAMS => vec![programs()],
        COMPILE => vec![programs(), compile(&Arc::default(), &everything())],
        IMAGE => vec![programs(), build_image()],
        DAEMONS => vec![daemons()],
        EXAMPLES => vec![programs(), examples()],
        FUZZ => vec![programs(), fuzz()],
        CAMPAIGNS => vec![programs(), segbox(), campaigns()],
        INSTRUCTIONS => vec![programs(), instructions()],
        _ => Vec::new(),
    }
}

/// The stages that some targets need. `is_whole` says that they are all targets of their crates.
pub(super) fn before(targets: &[Target], is_whole: bool, binaries: &Arc<Mutex<Binaries>>) -> Vec<Job> {
    let mut jobs = vec![programs()];
    let is_needed = |stage| targets.iter().any(|target| target.rule().needs == Some(stage));
    jobs.extend(is_needed(BINARIES).then(segbox));
    jobs.push(compile(binaries, &selection(targets, is_whole)));
    jobs.extend(is_needed(IMAGE).then(build_image));
    jobs.extend(is_needed(DAEMONS).then(daemons));
    jobs
}

/// Cargo's options for some targets.
fn selection(targets: &[Target], is_whole: bool) -> Vec<String> {
    let mut options = BTreeSet::new();
    for target in targets {
        options.insert(format!("--package={}", target.package));
        options.extend((!is_whole).then(|| match target.kind {
            Kind::Library => "--lib".to_owned(),
            Kind::Program => format!("--bin={}", target.name),
            Kind::Integration => format!("--test={}", target.name),
        }));
    }
    options.into_iter().collect()
}

fn programs() -> Job {
    Job { is_wide: true, ..xtask(PROGRAMS, &[], &["ebpf"]) }
}

/// Compiles the tests that cargo's options select.
fn compile(binaries: &Arc<Mutex<Binaries>>, options: &[String]) -> Job {
    let mut arguments = vec!["test".to_owned(), "--no-run".to_owned()];
    arguments.push("--message-format=json-render-diagnostics".to_owned());
    arguments.extend_from_slice(options);
    let binaries = Arc::clone(binaries);
    let then = move |lines: &[String]| binaries.lock().unwrap_or_else(PoisonError::into_inner).add(lines);
    Job { is_wide: true, then: Box::new(then), ..cargo(COMPILE, &[PROGRAMS, BINARIES], arguments) }
}

/// segbox alone. Where everything is compiled, it is too.
fn segbox() -> Job {
    let arguments = ["build", "--package", "segbox"].map(str::to_owned).to_vec();
    Job { is_wide: true, ..cargo(BINARIES, &[PROGRAMS], arguments) }
}

fn build_image() -> Job {
    xtask(IMAGE, &[PROGRAMS], &["image"])
}

fn daemons() -> Job {
    xtask(DAEMONS, &[], &["daemons"])
}

fn fuzz() -> Job {
    xtask(FUZZ, &[PROGRAMS], &["fuzz"])
}

fn campaigns() -> Job {
    xtask(CAMPAIGNS, &[PROGRAMS, BINARIES, COMPILE], &["trust", "--short"])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_compiled() {
        let target = |kind, name: &str| Target {
            folder: "plan".to_owned(),
            package: "segbox-plan".to_owned(),
            kind,
            name: name.to_owned(),
        };
        let targets = [target(Kind::Library, "segbox_plan"), target(Kind::Integration, "laws")];
        assert_eq!(selection(&targets, true), ["--package=segbox-plan"]);
        assert_eq!(selection(&targets, false), ["--lib", "--package=segbox-plan", "--test=laws"]);
    }

    #[test]
    fn a_target_brings_the_stages_that_it_needs() {
        let target = |folder: &str, name: &str| Target {
            folder: folder.to_owned(),
            package: folder.to_owned(),
            kind: Kind::Integration,
            name: name.to_owned(),
        };
        let names = |targets: &[Target]| {
            let jobs = before(targets, false, &Arc::default());
            jobs.into_iter().map(|job| job.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[target("plan", "laws")]), [PROGRAMS, COMPILE]);
        assert_eq!(names(&[target("xtask", "vm")]), [PROGRAMS, COMPILE, IMAGE]);
        assert_eq!(names(&[target("segbox", "beside_others")]), [PROGRAMS, COMPILE, DAEMONS]);
        assert_eq!(names(&[target("bench", "real")]), [PROGRAMS, BINARIES, COMPILE]);
    }
}
