//! A part of the run: a stage or a test binary, with what it needs before it starts and what may run beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use super::binaries::Binaries;
use super::table::{self, Beside};
use super::targets::Target;
use crate::failure::Failure;
use crate::toolchain::on_path;
use crate::{image, process, workspace};

/// Makes the command once everything that the job needs is done.
type Make = Box<dyn FnOnce() -> Result<Command, Failure> + Send>;
/// Looks at the standard output of a job that succeeded.
type Then = Box<dyn FnOnce(&[String]) + Send>;

/// A part of the run.
pub(super) struct Job {
    pub(super) name: String,
    /// Names of jobs that have to succeed first. A name that no job has is no obstacle.
    pub(super) needs: Vec<&'static str>,
    pub(super) beside: Beside,
    /// Whether it uses all processors.
    pub(super) is_wide: bool,
    /// Whether its output has the lines of a test binary.
    pub(super) is_tests: bool,
    pub(super) make: Make,
    pub(super) then: Then,
}

impl Job {
    /// A stage: a command with an exit status.
    pub(super) fn stage(name: &str, needs: &[&'static str], make: Make) -> Self {
        Self {
            name: name.to_owned(),
            needs: needs.to_vec(),
            beside: Beside::Anything,
            is_wide: false,
            is_tests: false,
            make,
            then: Box::new(|_| {}),
        }
    }

    /// The tests of a binary, without the slow ones unless they are wanted.
    pub(super) fn of_tests(
        target: Target,
        binaries: &Arc<Mutex<Binaries>>,
        with_slow: bool,
        filters: &[String],
    ) -> Self {
        let (rule, binaries, filters) = (target.rule(), Arc::clone(binaries), filters.to_vec());
        let mut needs = vec![table::COMPILE];
        needs.extend(rule.needs);
        let name = target.label();
        let make = move || {
            let path = binaries.lock().unwrap_or_else(PoisonError::into_inner).path(&target);
            let path = path.ok_or_else(|| {
                Failure::new(format!("cannot find the tests of {}", target.label()), "cargo named none", "report this")
            })?;
            let mut command = tests(&target, &path)?;
            command.args(filters);
            if !with_slow {
                skip_slow(&mut command, &target, &path)?;
            }
            Ok(command)
        };
        Self { beside: rule.beside, is_tests: true, ..Self::stage(&name, &needs, Box::new(make)) }
    }

    /// What starts first where several could: what others need, machines (which take longest), other tests, the rest, and at the
    /// end what runs alone.
    pub(super) fn rank(&self) -> u8 {
        match self.beside {
            Beside::Nothing => 4,
            Beside::NoMachine => 1,
            Beside::Anything if table::NEEDED.contains(&self.name.as_str()) => 0,
            Beside::Anything if table::STAGES.contains(&self.name.as_str()) => 3,
            Beside::Anything => 2,
        }
    }

    /// The name that its time is kept under.
    pub(super) fn time_name(&self) -> String {
        time_name(&self.name)
    }
}

/// The name that a job's time is kept under.
pub(super) fn time_name(job: &str) -> String {
    format!("test {job}")
}

/// Where the output of each job goes.
pub(super) fn logs() -> PathBuf {
    workspace::target().join("test-logs")
}

/// A test binary as `cargo test` starts it: as root, in its crate's folder.
fn tests(target: &Target, path: &Path) -> Result<Command, Failure> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(path)
    } else {
        let sudo = on_path("sudo").ok_or_else(|| {
            Failure::new("the tests need root", "you are not root and there is no sudo", "run ./dev test as root")
        })?;
        let mut command = Command::new(sudo);
        command.arg("--preserve-env").arg(path);
        command
    };
    command
        .current_dir(target.place())
        .env("CARGO_MANIFEST_DIR", target.place())
        .env("CARGO_PKG_NAME", &target.package)
        .env(image::KEEP_LISTS, "1");
    Ok(command)
}

/// Leaves out the tests whose name begins with `slow_`.
fn skip_slow(command: &mut Command, target: &Target, path: &Path) -> Result<(), Failure> {
    let mut list = tests(target, path)?;
    let listed = process::output(list.args(["--list", "--format", "terse"]), "the test binary cannot list its tests")?;
    let slow: Vec<_> =
        listed.lines().filter_map(|line| line.strip_suffix(": test")).filter(|name| is_slow(name)).collect();
    if !slow.is_empty() {
        // By their whole names: `--skip` alone would also leave out a test that has the word anywhere in its name.
        command.arg("--exact").args(slow.iter().flat_map(|name| ["--skip", name]));
    }
    Ok(())
}

fn is_slow(name: &str) -> bool {
    name.rsplit("::").next().is_some_and(|name| name.starts_with("slow_"))
}

#[cfg(test)]
mod tests {
    use super::is_slow;

    #[test]
    fn a_slow_test_is_told_by_how_its_name_begins() {
        assert!(is_slow("slow_boots") && is_slow("power::slow_cut"));
        assert!(!is_slow("one_slow_round_is_no_loss") && !is_slow("slow_paths::quick"));
    }
}
