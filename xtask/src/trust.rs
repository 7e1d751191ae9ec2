//! `cargo xtask trust NAME`: a campaign, which tries many times over to lose or to break something, and counts what held.
//!
//! The frame is here: a run can be stopped and gone on with, each case can be had again by its number, and the result is a row of
//! docs/trust.md. A campaign is a row of `table`. Not here: keys and signatures of the image (`tests/signatures`).

mod bed;
mod campaign;
mod counts;
mod cycles;
mod fuzzing;
mod kills;
mod packets;
mod pairs;
mod power;
mod report;
mod rounds;
#[path = "../../segbox/tests/no_loss/series.rs"]
mod series;
mod show;
mod soak;
mod state;
mod table;
mod whole;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use segbox_vm::{Chance, fresh_seed};

use crate::failure::Failure;
use crate::{process, root, stop, workspace};
use campaign::{Campaign, Place, Work};
use show::Show;
use state::State;

/// So many failures end a campaign: more of them would tell the same.
const ENOUGH: usize = 20;
/// Longest case that a Ctrl-C waits for.
const GRACE: Duration = Duration::from_secs(120);

/// Which campaign, and how much of it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The campaign; without it all are listed
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How many [default: the campaign's goal]
    #[arg(long, value_name = "N", requires = "name")]
    count: Option<u64>,
    /// Seed of all cases [default: a fresh one, which is printed]
    #[arg(long, value_name = "S", requires = "name")]
    seed: Option<u64>,
    /// Go on with the last run of this campaign
    #[arg(long = "continue", requires = "name", conflicts_with_all = ["seed", "only"])]
    goes_on: bool,
    /// Only this case of the seed, to look at a failure
    #[arg(long, value_name = "CASE", requires = "seed")]
    only: Option<u64>,
    /// Write the result into docs/trust.md
    #[arg(long, requires = "name")]
    write: bool,
    /// The segbox to try [default: target/debug/segbox, compiled first]
    #[arg(long, value_name = "PROGRAM")]
    segbox: Option<PathBuf>,
    /// A short slice of every campaign that has one, for the fast tests; compiles nothing
    #[arg(long, conflicts_with = "name")]
    short: bool,
}

/// Runs what the options name.
///
/// # Errors
/// There is no such campaign, it cannot begin, or something did not hold.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if (options.short || options.name.is_some()) && !rustix::process::geteuid().is_root() {
        return root::again("a campaign");
    }
    if options.short {
        return short();
    }
    let Some(name) = &options.name else {
        print!("{}", report::list(table::ALL));
        return Ok(());
    };
    let campaign = table::ALL.iter().find(|campaign| campaign.name == name).ok_or_else(|| {
        let names: Vec<_> = table::ALL.iter().map(|campaign| campaign.name).collect();
        Failure::new(format!("cannot run {name}"), "there is no such campaign", format!("use one of {names:?}"))
    })?;
    let place = Place { segbox: segbox(options)?, folder: state::folder(campaign.name)? };
    if let Some(case) = options.only {
        let seed = options.seed.unwrap_or_default();
        let said = one(&mut *(campaign.prepare)(&place)?, seed, case);
        return said.map(|_| println!("{name} case {case} of seed {seed}: held")).map_err(|why| {
            Failure::new(format!("{name} case {case} of seed {seed}"), why, "make a test of it, then fix the class")
        });
    }
    let count = options.count.unwrap_or(campaign.goal);
    let state = if options.goes_on { State::read(campaign.name)? } else { None };
    let mut state = state.unwrap_or_else(|| State::new(options.seed.unwrap_or_else(fresh_seed)));
    let stop = stop::on_signal(GRACE, || {})?;
    go(campaign, &place, count, &mut state, &stop)?;
    print!("{}", report::told(campaign, &state));
    if options.write {
        report::write(campaign, &state)?;
    }
    if stop.load(Ordering::Relaxed) {
        println!("stopped; `cargo xtask trust {name} --count {count} --continue` goes on");
    }
    verdict(campaign, &state)
}

/// The seed of the short slices: two runs of the fast tests try the same, so a red one tells of a change. Other seeds are for campaigns.
const SHORT_SEED: u64 = 1;

/// A short slice of every campaign that has one.
fn short() -> Result<(), Failure> {
    let stop = stop::on_signal(GRACE, || {})?;
    let segbox = workspace::target().join("debug/segbox");
    let mut failed = Ok(());
    for campaign in table::ALL {
        let Some(count) = campaign.short else { continue };
        let folder = tempfile::tempdir().map_err(|error| Failure::file("make", &std::env::temp_dir(), &error))?;
        let place = Place { segbox: segbox.clone(), folder: folder.path().to_owned() };
        let mut state = State::passing(SHORT_SEED);
        go(campaign, &place, count, &mut state, &stop)?;
        print!("{}", report::told(campaign, &state));
        failed = failed.and(verdict(campaign, &state));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    failed
}

fn verdict(campaign: &Campaign, state: &State) -> Result<(), Failure> {
    let Some(first) = state.failures.first() else { return Ok(()) };
    Err(Failure::new(
        format!("{}: {} did not hold", campaign.name, state.failures.len()),
        format!("first, case {}: {}", first.case, first.why),
        format!("have it again: cargo xtask trust {} --seed {} --only {}", campaign.name, state.seed, first.case),
    ))
}

/// Goes on until so many are done, or until it is stopped.
fn go(campaign: &Campaign, place: &Place, count: u64, state: &mut State, stop: &AtomicBool) -> Result<(), Failure> {
    let mut ready = None;
    let mut show = Show::begin(campaign, state, count);
    while state.done < count && state.failures.len() < ENOUGH && !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let mut work: Box<dyn Work> = match ready.take() {
            Some(work) => work,
            None => (campaign.prepare)(place)?,
        };
        let result = one(&mut *work, state.seed, state.cases);
        if stop.load(Ordering::Relaxed) && result.is_err() {
            // Ctrl-C reaches the case's own processes too.
            break;
        }
        // After a failure the next case begins anew: what is left of this one may be broken.
        ready = result.is_ok().then_some(work);
        state.add(result, begin.elapsed());
        state.keep(campaign.name)?;
        show.at(state);
    }
    show.end();
    Ok(())
}

/// One case. A panic in it is a failure like any other.
fn one(work: &mut dyn Work, seed: u64, case: u64) -> Result<u64, String> {
    let run = AssertUnwindSafe(|| work.case(case, &mut Chance::of(seed, case)));
    catch_unwind(run).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned())
    })
}

/// The program to try.
fn segbox(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(path) = &options.segbox {
        return path.canonicalize().map_err(|error| Failure::file("find", path, &error));
    }
    let mut cargo = Command::new(workspace::cargo());
    cargo.current_dir(workspace::root()).args(["build", "--quiet", "--package", "segbox"]);
    process::run(&mut cargo, "read the compiler's message above")?;
    Ok(workspace::target().join("debug/segbox"))
}
