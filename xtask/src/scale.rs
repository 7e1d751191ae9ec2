//! Compares `segbox apply` with `ip -6 -batch` for the same seg6 routes, interleaved in one run, and measures its memory. Reports
//! ratios: an absolute time holds for one machine only.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use segbox_lab::Namespace;

use crate::failure::Failure;
use crate::{process, workspace};

/// Enough to exhaust the kernel's per-CPU allocator now and then, which is a part of the comparison.
const ROUTES: usize = 30_000;
/// Policies that one file may hold, as documented.
const MOST: usize = 100_000;

/// One round.
struct Round {
    apply: Duration,
    plan: Duration,
    batch: Duration,
    /// Routes that `ip` did not add: it does not try again where the kernel's allocator asks it to wait.
    lost: usize,
}

/// Measures and prints; with `write`, also writes docs/scale.md.
///
/// # Errors
/// Not root, or a command failed.
pub(crate) fn run(rounds: usize, write: bool) -> Result<(), Failure> {
    let segbox = workspace::target().join("release/segbox");
    let folder = workspace::target().join("scale");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    let (many, _) = files(&folder, MOST)?;
    let memory = memory(&segbox, &many)?;
    let (toml, batch) = files(&folder, ROUTES)?;
    let mut measured = Vec::new();
    for number in 1..=rounds {
        let round = round(&segbox, &toml, &batch)?;
        println!("round {number}: {}", line(&round));
        measured.push(round);
    }
    let text = report(&measured, memory);
    print!("\n{text}");
    if write {
        let path = workspace::root().join("docs/scale.md");
        // What follows the figures is written by hand.
        let old = fs::read_to_string(&path).unwrap_or_default();
        let kept = old.find("\n## ").map_or("", |at| &old[at..]);
        fs::write(&path, text + kept).map_err(|error| Failure::file("write", &path, &error))?;
    }
    Ok(())
}

/// The same routes for segbox and for ip.
fn files(folder: &Path, routes: usize) -> Result<(std::path::PathBuf, std::path::PathBuf), Failure> {
    let mut toml = String::new();
    let mut batch = String::new();
    for number in 0..routes {
        let (high, low) = (0x100 + (number >> 16), number & 0xffff);
        let (prefix, last) = (format!("2001:db8:{high:x}:{low:x}::/64"), format!("fc00:0:3:{low:x}::"));
        let _ = writeln!(
            toml,
            "[[srv6.policy]]\ndestination = \"{prefix}\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:2:1::\", \"{last}\"]\n"
        );
        let _ =
            writeln!(batch, "route add {prefix} encap seg6 mode encap segs fc00:0:2:1::,{last} dev segbox0 proto 86");
    }
    let paths = (folder.join(format!("{routes}.toml")), folder.join(format!("{routes}.batch")));
    fs::write(&paths.0, toml).map_err(|error| Failure::file("write", &paths.0, &error))?;
    fs::write(&paths.1, batch).map_err(|error| Failure::file("write", &paths.1, &error))?;
    Ok(paths)
}

fn namespace() -> Result<Namespace, Failure> {
    Namespace::new("scale")
        .map_err(|error| Failure::new("cannot make a network namespace", error.to_string(), "run as root"))
}

fn inside(namespace: &Namespace, program: impl AsRef<std::ffi::OsStr>) -> Result<Command, Failure> {
    let command = namespace.command(program);
    command.map_err(|error| Failure::new("cannot enter the namespace", error.to_string(), "run as root"))
}

/// Time of a command whose output is discarded.
fn time(command: &mut Command) -> Result<Duration, Failure> {
    let begin = Instant::now();
    command.stdout(Stdio::null());
    process::run(command, "read its message above")?;
    Ok(begin.elapsed())
}

fn round(segbox: &Path, toml: &Path, batch: &Path) -> Result<Round, Failure> {
    let ours = namespace()?;
    let apply = time(inside(&ours, segbox)?.arg("apply").arg(toml))?;
    let plan = time(inside(&ours, segbox)?.arg("plan").arg(toml))?;
    drop(ours);
    settle();

    let theirs = namespace()?;
    process::run(inside(&theirs, "ip")?.args(["link", "add", "segbox0", "type", "ifb"]), "iproute2 is needed")?;
    process::run(inside(&theirs, "ip")?.args(["link", "set", "segbox0", "up"]), "iproute2 is needed")?;
    let begin = Instant::now();
    // -force: it continues where a route is refused. The routes that are missing in the end are counted.
    let ended = inside(&theirs, "ip")?.args(["-6", "-force", "-batch"]).arg(batch).stderr(Stdio::null()).status();
    let batch = begin.elapsed();
    ended.map_err(|error| Failure::new("ip -6 -batch", error.to_string(), "install iproute2"))?;
    let listed =
        process::output(inside(&theirs, "ip")?.args(["-6", "route", "show", "proto", "86"]), "install iproute2")?;
    drop(theirs);
    settle();
    Ok(Round { apply, plan, batch, lost: ROUTES - listed.lines().count() })
}

/// Waits: the kernel removes a namespace's routes after the namespace is gone, on a CPU that the next measurement needs.
fn settle() {
    std::thread::sleep(Duration::from_secs(2));
}

/// Peak memory in MiB of `segbox apply` with a file of [`MOST`] policies, and of the plan in sync after it.
fn memory(segbox: &Path, toml: &Path) -> Result<[f64; 2], Failure> {
    let namespace = namespace()?;
    let mut most = [0.0; 2];
    for (peak, command) in most.iter_mut().zip(["apply", "plan"]) {
        let child = inside(&namespace, segbox)?.arg(command).arg(toml).stdout(Stdio::null()).spawn();
        let child = child.map_err(|error| Failure::new("segbox", error.to_string(), "build it: ./dev build"))?;
        *peak = peak_of(child)?;
    }
    drop(namespace);
    settle();
    Ok(most)
}

/// Waits for a child and reads its peak resident memory from the kernel's account.
#[expect(unsafe_code, reason = "wait4 alone tells one child's resources, and rustix does not have it")]
fn peak_of(child: std::process::Child) -> Result<f64, Failure> {
    let mut status = 0;
    // SAFETY: rusage is a plain struct of integers, for which all zeroes are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let pid = libc::pid_t::try_from(child.id()).expect("a process id fits its type");
    // SAFETY: the child is ours and not yet waited for; the pointers are those of living variables.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let status = std::process::ExitStatus::from_raw(status);
    if waited == pid && status.success() {
        // In KiB, getrusage(2).
        Ok(usage.ru_maxrss as f64 / 1024.0)
    } else {
        Err(Failure::new(format!("segbox with {MOST} policies"), status.to_string(), "read its message above"))
    }
}

fn line(round: &Round) -> String {
    let ratio = |time: Duration| time.as_secs_f64() / round.batch.as_secs_f64();
    format!(
        "apply {:.2} of ip -6 -batch, plan in sync {:.2}, routes that ip lost {}",
        ratio(round.apply),
        ratio(round.plan),
        round.lost
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn report(rounds: &[Round], memory: [f64; 2]) -> String {
    let of = |time: fn(&Round) -> Duration| {
        rounds.iter().map(move |round| time(round).as_secs_f64() / round.batch.as_secs_f64())
    };
    let row = |name: &str, ratios: Vec<f64>| {
        let (least, most) =
            (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max));
        format!("| {name} | {:.2} | {least:.2} to {most:.2} |\n", median(ratios))
    };
    let lost = rounds.iter().filter(|round| round.lost > 0).count();
    let routes = ROUTES;
    format!(
        "# Scale\n\n\
        `segbox apply` of a file of {routes} H.Encaps policies, two segments each, into an empty network namespace: parsing, plan and\n\
        read-back included. Beside it `ip -6 -force -batch` of the same {routes} routes. {} rounds, one after the other in turn;\n\
        a ratio below 1 is faster than `ip`. Made by `cargo xtask scale --write` on a machine with {} CPUs.\n\n\
        | | median ratio to `ip -6 -batch` | all rounds |\n|---|---|---|\n{}{}\n\
        `ip` gives a route up where the kernel's per-CPU allocator asks for patience (ENOMEM): it lost some in {lost} of {} rounds.\n\
        segbox waits and tries again; it has read every route back before it says that it is in sync.\n\n\
        | peak memory with {MOST} policies | MiB |\n|---|---|\n| `segbox apply` | {:.0} |\n| `segbox plan`, in sync | {:.0} |\n",
        rounds.len(),
        std::thread::available_parallelism().map_or(1, usize::from),
        row("`segbox apply`", of(|round| round.apply).collect()),
        row("`segbox plan`, in sync", of(|round| round.plan).collect()),
        rounds.len(),
        memory[0],
        memory[1],
    )
}
