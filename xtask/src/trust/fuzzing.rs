//! `fuzz`: coverage-guided fuzzing of everything that reads bytes of others. The corpus grows in the campaign's folder. Not here: the
//! targets (`fuzz/`), and how they are built.

use std::path::PathBuf;
use std::process::Stdio;

use segbox_vm::Chance;

use super::campaign::{Campaign, Work};
use crate::fuzz::{self, TARGETS};
use crate::process;

pub(super) const FUZZ: Campaign = Campaign {
    name: "fuzz",
    what: "coverage-guided inputs of every reader of foreign bytes: configurations, profiles, netlink, ELF objects, BTF, event records, \
           dumps, parts of disks, SRHs. None panics, overflows, takes 10 s or 1 GiB",
    unit: "inputs",
    goal: 1_000_000_000,
    // The stage `fuzz` runs each target for 15 s.
    short: None,
    prepare: |place| Ok(Box::new(Fuzz { programs: fuzz::build()?, folder: place.folder.clone() })),
};

/// Seconds per case.
const SECONDS: u32 = 60;

struct Fuzz {
    programs: PathBuf,
    folder: PathBuf,
}

impl Work for Fuzz {
    fn case(&mut self, number: u64, chance: &mut Chance) -> Result<u64, String> {
        let target = &TARGETS[usize::try_from(number % TARGETS.len() as u64).expect("a few")];
        let place = |kind: &str| self.folder.join(kind).join(target.name);
        let command = target.command(&self.programs, &place("corpus"), &place("artifacts"));
        let mut command = command.map_err(|failure| failure.to_string())?;
        // libFuzzer's seed has 32 bits, and 0 stands for any.
        command.args([format!("-seed={}", 1 + (chance.number() >> 33)), format!("-max_total_time={SECONDS}")]);
        command.stdin(Stdio::null());
        let output = process::ends_with_us(&mut command).output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            let from = said.len().saturating_sub(3000);
            return Err(format!("{}: {}\n{}", target.name, output.status, said.get(from..).unwrap_or(&said)));
        }
        let line = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        line.and_then(|count| count.trim().parse().ok()).ok_or_else(|| format!("{}: no count in {said}", target.name))
    }
}
