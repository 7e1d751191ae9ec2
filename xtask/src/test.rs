//! `./dev test`: the fast tier, everything, or one part. The parts run side by side where that is safe; one red run tells
//! everything that is wrong, because a part that fails ends no other.
//!
//! The flow is here; `table` says what may run beside what. Tests themselves are in the crates.

mod binaries;
mod board;
mod job;
mod schedule;
mod stages;
mod table;
mod targets;
mod verdict;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::failure::Failure;
use crate::{progress, structure, times, workspace};
use binaries::Binaries;
use board::Board;
use job::Job;
use targets::Target;
use verdict::Totals;

/// How much is tested.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Everything: every boot, every signature, the long campaigns
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// One part, all of it: a stage, a crate's folder, or a test target such as `vm` or `config/cases`
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Only tests whose name contains one of these words
    #[arg(value_name = "FILTER", requires = "name")]
    filters: Vec<String>,
}

/// Runs what the options name.
///
/// # Errors
/// A name that nothing has, or a part that failed.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let begin = Instant::now();
    let mut totals = Totals::default();
    let all = targets::read()?;
    if options.name.is_none() || options.name.as_deref() == Some(table::STRUCTURE) {
        let checked = structure::run(&workspace::root());
        println!("{:<26} {}", table::STRUCTURE, if checked.is_ok() { "passed" } else { "FAILED" });
        totals.add_stage(table::STRUCTURE, checked.is_ok());
    }
    let jobs = jobs(options, all)?;
    if !jobs.is_empty() {
        announce(options, &jobs);
        let mut board = Board::new(jobs.len());
        for done in schedule::run(jobs, &mut board, &job::logs())? {
            totals.add(&done);
            if let verdict::Ended::Ran { is_success: true, took, .. } = done.ended {
                times::keep(&job::time_name(&done.name), took);
            }
        }
        board.close();
    }
    totals.print(begin.elapsed());
    totals.into_result()
}

fn announce(options: &Options, jobs: &[Job]) {
    let what = match (&options.name, options.all) {
        (Some(name), _) => name.clone(),
        (None, true) => "everything".to_owned(),
        (None, false) => "the fast tests".to_owned(),
    };
    let last: std::time::Duration = jobs.iter().filter_map(|job| times::last(&job.time_name())).sum();
    let sum =
        if last.is_zero() { String::new() } else { format!(", {} last time if run in series", times::words(last)) };
    progress::note(&format!("{what}: {} parts{sum}; logs in {}", jobs.len(), job::logs().display()));
}

/// The jobs, in the order in which they start where several could.
fn jobs(options: &Options, all: Vec<Target>) -> Result<Vec<Job>, Failure> {
    let Some(name) = &options.name else {
        let chosen: Vec<_> = all.into_iter().filter(|target| options.all || !target.rule().is_slow).collect();
        let binaries = Arc::new(Mutex::new(Binaries::default()));
        let mut jobs = stages::all(&binaries);
        jobs.extend(chosen.into_iter().map(|target| Job::of_tests(target, &binaries, options.all, &[])));
        jobs.sort_by_key(Job::rank);
        return Ok(jobs);
    };
    if table::STAGES.contains(&name.as_str()) {
        return Ok(stages::one(name));
    }
    let chosen: Vec<_> = all.iter().filter(|target| target.answers_to(name)).cloned().collect();
    if chosen.is_empty() {
        return Err(unknown(name, &all));
    }
    let binaries = Arc::new(Mutex::new(Binaries::default()));
    let is_whole = chosen.iter().all(|target| target.is_crate(name));
    let mut jobs = stages::before(&chosen, is_whole, &binaries);
    jobs.extend(chosen.into_iter().map(|target| Job::of_tests(target, &binaries, true, &options.filters)));
    jobs.sort_by_key(Job::rank);
    Ok(jobs)
}

fn unknown(name: &str, all: &[Target]) -> Failure {
    let targets = all.iter().map(Target::label).collect::<Vec<_>>().join("\n    ");
    Failure::new(
        format!("cannot test {name}"),
        "no stage, crate or test target has this name",
        format!(
            "use one of these; a crate's folder stands for all of its targets\n  \
             stages: {}\n  targets:\n    {targets}",
            table::STAGES.join(", ")
        ),
    )
}
