//! `kills`: segbox is killed in the middle of a change, at a random moment or at a system call that changes something. The next command
//! mends it, and the part of the router that stays loses no packet meanwhile.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use segbox_vm::Chance;

use super::bed::{Bed, said, words};
use super::campaign::{Campaign, Place, Work};
use super::series::{KINDS, variant};
use super::whole::Whole;
use crate::failure::Failure;

pub(super) const KILLS: Campaign = Campaign {
    name: "kills",
    what: "SIGKILL in apply, apply --confirm, confirm, clear and the guard, at a random moment or at a system call that changes \
           something: the next command mends it, and SIDs that stay lose no packet",
    unit: "kills",
    goal: 10_000,
    short: Some(25),
    prepare: |place| Ok(Box::new(Kills::new(place)?)),
};

/// System calls that change something outside of the process.
const CALLS: [&str; 14] = [
    "sendto",
    "sendmsg",
    "bpf",
    "write",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "fsync",
    "ioctl",
    "flock",
];
const FILES: usize = 4;
/// How long the change waits whose guard is killed.
const PROBATION: Duration = Duration::from_secs(1);
/// Packets per second through what stays.
const RATE: u32 = 2_000;

/// A command that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Apply,
    OnProbation,
    Confirm,
    Clear,
    Guard,
}

/// Drawn as often as each is here.
const WHAT: [What; 9] = [
    What::Apply,
    What::Apply,
    What::Apply,
    What::OnProbation,
    What::OnProbation,
    What::Confirm,
    What::Clear,
    What::Clear,
    What::Guard,
];

struct Kills {
    bed: Bed,
    files: Vec<PathBuf>,
    whole: Whole,
    /// Which of them is applied.
    now: usize,
    /// How long a command takes, and how often it makes each of the calls, as far as is known.
    times: [Duration; 5],
    calls: [[usize; CALLS.len()]; 5],
}

impl Kills {
    fn new(place: &Place) -> Result<Self, Failure> {
        let bed = Bed::new(&place.segbox)?;
        let files: Vec<_> = (0..FILES).map(|number| bed.file(&format!("{number}.toml"), variant(number))).collect();
        let begin = Instant::now();
        let whole = Whole::learn(&bed, &files)?;
        // Besides the applies it looks.
        let time = begin.elapsed() / u32::try_from(2 * FILES).expect("a few");
        let now = FILES - 1;
        Ok(Self { bed, files, whole, now, times: [time; 5], calls: [[20; CALLS.len()]; 5] })
    }

    fn other(&self, chance: &mut Chance) -> usize {
        (self.now + 1 + chance.below(self.files.len() - 1)) % self.files.len()
    }

    /// Has a command killed; gives whether it was, and how.
    fn kill(&mut self, what: What, to: usize, chance: &mut Chance) -> Result<(bool, String), String> {
        let path = self.files[to].clone();
        let file = path.as_os_str();
        let arguments: Vec<&std::ffi::OsStr> = match what {
            What::Apply => vec!["apply".as_ref(), file],
            What::OnProbation => vec!["apply".as_ref(), file, "--confirm".as_ref(), "10m".as_ref()],
            What::Confirm => {
                self.bed.ok(["apply".as_ref(), file, "--confirm".as_ref(), "10m".as_ref()])?;
                vec!["confirm".as_ref()]
            }
            What::Clear => vec!["clear".as_ref()],
            What::Guard => {
                self.bed.ok(["apply".as_ref(), file, "--confirm".as_ref(), "1s".as_ref()])?;
                return self.kill_guard(chance);
            }
        };
        if chance.once_in(2) {
            self.kill_at_call(what, &arguments, chance)
        } else {
            self.kill_at_moment(what, &arguments, chance)
        }
    }

    /// It undoes the change a second after `apply` began with it.
    fn kill_guard(&mut self, chance: &mut Chance) -> Result<(bool, String), String> {
        let (begin, time) = (Instant::now(), self.times[What::Guard as usize]);
        let moment = PROBATION.saturating_sub(time) + time.mul_f64(chance.share() * 2.5);
        std::thread::sleep(moment);
        let guards = self.bed.guards();
        for guard in &guards {
            if let Some(guard) = Pid::from_raw(*guard) {
                // One that has ended meanwhile is as good.
                let _ = kill_process(guard, Signal::KILL);
            }
        }
        // Before that the change may still be confirmed, and no other one is made.
        std::thread::sleep((PROBATION + time).saturating_sub(begin.elapsed()));
        Ok((!guards.is_empty(), format!("the guard after {moment:.1?}")))
    }

    fn kill_at_moment(
        &mut self,
        what: What,
        arguments: &[&std::ffi::OsStr],
        chance: &mut Chance,
    ) -> Result<(bool, String), String> {
        let moment = self.times[what as usize].mul_f64(chance.share() * 1.1);
        let mut command = self.bed.segbox();
        let mut child = command.args(arguments).spawn().map_err(|error| error.to_string())?;
        std::thread::sleep(moment);
        drop(child.kill());
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let how = format!("{} after {moment:.1?}", words(&command));
        let was_killed = is_killed(&command, &output)?;
        // It looks for the command's length from both sides.
        let time = &mut self.times[what as usize];
        *time = time.mul_f64(if was_killed { 1.01 } else { 0.9 });
        Ok((was_killed, how))
    }

    fn kill_at_call(
        &mut self,
        what: What,
        arguments: &[&std::ffi::OsStr],
        chance: &mut Chance,
    ) -> Result<(bool, String), String> {
        let call = chance.below(CALLS.len());
        let most = &mut self.calls[what as usize][call];
        let number = 1 + chance.below(*most);
        let name = CALLS[call];
        let mut options = ["-qq", "-o", "/dev/null", "-e", &format!("trace={name}")].map(str::to_owned).to_vec();
        options.extend(["-e".to_owned(), format!("inject={name}:signal=KILL:when={number}")]);
        if what != What::OnProbation {
            // Its guard would be waited for.
            options.push("-f".to_owned());
        }
        let mut command = self.bed.under("strace", &options);
        let output = command.args(arguments).output().map_err(|error| format!("strace: {error}"))?;
        let was_killed = is_killed(&command, &output)?;
        *most = if was_killed { (*most).max(number * 3 / 2 + 1) } else { (number - 1).max(1) };
        Ok((was_killed, format!("{} at {name} number {number}", words(&command))))
    }

    /// The next command, which mends it; gives what it was. A change on probation asks for an answer before the next one.
    fn mend(&mut self, what: What, to: usize, chance: &mut Chance) -> Result<String, String> {
        if matches!(what, What::OnProbation | What::Confirm) {
            self.bed.confirm()?;
        }
        let next = *chance.pick(&[to, self.now, (to + 1) % self.files.len()]);
        let file = self.files[next].as_os_str();
        let how = format!("then apply {next}.toml");
        self.bed.ok(["apply".as_ref(), file]).map_err(|why| format!("{how}: {why}"))?;
        self.now = next;
        Ok(how)
    }

    /// Gives whether it was killed; `tried` says what was done.
    fn kill_and_mend(
        &mut self,
        what: What,
        to: usize,
        chance: &mut Chance,
        tried: &mut String,
    ) -> Result<bool, String> {
        let (was_killed, how) = self.kill(what, to, chance)?;
        *tried = how;
        *tried += &format!(", {}", self.mend(what, to, chance)?);
        self.whole.is_right(&self.bed, &self.files, self.now)?;
        Ok(was_killed)
    }
}

impl Work for Kills {
    fn case(&mut self, _: u64, chance: &mut Chance) -> Result<u64, String> {
        let (what, to) = (*chance.pick(&WHAT), self.other(chance));
        let mut tried = format!("{what:?} {to}.toml");
        let tester = Arc::clone(&self.bed.tester);
        let mut work = || self.kill_and_mend(what, to, chance, &mut tried);
        let result = if what == What::Clear {
            work()
        } else {
            let (result, passed) = tester.during(&KINDS, RATE, work);
            result.and_then(|was_killed| passed.is_whole().map(|()| was_killed))
        };
        let was_killed = result.and_then(|was_killed| self.bed.is_unguarded().map(|()| was_killed));
        was_killed.map(u64::from).map_err(|why| format!("{tried}: {why}"))
    }
}

/// Whether a command was killed. One that was not has to have succeeded.
fn is_killed(command: &Command, output: &std::process::Output) -> Result<bool, String> {
    use std::os::unix::process::ExitStatusExt;
    // strace ends as its child did.
    match output.status.signal() {
        Some(libc::SIGKILL) => Ok(true),
        None if output.status.success() => Ok(false),
        _ => Err(format!("{}: {}", words(command), said(output))),
    }
}
