//! The stages' names, which test binaries may run beside others, and which are too slow for the fast tier. A target without a
//! row is fast and may run beside anything.
//!
//! Within a binary a slow test has a name that begins with `slow_`; the fast tier skips it.

/// Circles of files and the like; in this process.
pub(super) const STRUCTURE: &str = "structure";
/// The BPF programs, which other crates embed.
pub(super) const PROGRAMS: &str = "bpf-programs";
/// The test binaries.
pub(super) const COMPILE: &str = "compile";
/// The program segbox of a development build.
pub(super) const BINARIES: &str = "binaries";
/// The firmware image.
pub(super) const IMAGE: &str = "build-image";
/// Daemons and firewalls that run beside segbox.
pub(super) const DAEMONS: &str = "daemons";
/// A short run of every fuzz target.
pub(super) const FUZZ: &str = "fuzz";
/// A short slice of each campaign of `cargo xtask trust`.
pub(super) const CAMPAIGNS: &str = "campaigns";
/// BPF instructions of the programs and of their peers in C.
pub(super) const INSTRUCTIONS: &str = "instructions";
/// Examples in comments.
pub(super) const EXAMPLES: &str = "doc-examples";

/// Stages that tests need.
pub(super) const NEEDED: [&str; 5] = [PROGRAMS, BINARIES, COMPILE, IMAGE, DAEMONS];

/// Names of stages that a user can give.
pub(super) const STAGES: [&str; 9] =
    [STRUCTURE, PROGRAMS, COMPILE, IMAGE, DAEMONS, FUZZ, CAMPAIGNS, INSTRUCTIONS, EXAMPLES];

/// What may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beside {
    /// Anything.
    Anything,
    /// Anything but another emulated machine: each has as many processors as the host.
    NoMachine,
    /// Nothing: it measures, or looks at what all processes of the host share.
    Nothing,
}

/// How a test binary runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) beside: Beside,
    /// Stage that has to be done before, besides compiling.
    pub(super) needs: Option<&'static str>,
    /// Whether the fast tier leaves it out.
    pub(super) is_slow: bool,
}

const USUAL: Rule = Rule { beside: Beside::Anything, needs: None, is_slow: false };
const MEASURES: Rule = Rule { beside: Beside::Nothing, ..USUAL };
/// segbench starts the segbox that lies beside it.
const RUNS_SEGBOX: Rule = Rule { needs: Some(BINARIES), ..MEASURES };
const MACHINE: Rule = Rule { beside: Beside::NoMachine, needs: Some(IMAGE), ..USUAL };

/// Folder of the crate, name of the target, and its rule.
const RULES: &[(&str, &str, Rule)] = &[
    // Rates and latencies on one CPU.
    ("bench", "real", RUNS_SEGBOX),
    ("bench", "faults", RUNS_SEGBOX),
    ("bench", "one_side", MEASURES),
    // Ten thousand packets per second, of which none may be lost.
    ("segbox", "no_loss", MEASURES),
    // Runs the programs that others have on a host.
    ("segbox", "beside_others", Rule { needs: Some(DAEMONS), ..USUAL }),
    // Counts the namespaces that killed processes have left, and others sweep them as well.
    ("lab", "namespaces", MEASURES),
    // Few of these start a machine; so they may run beside those of `vm`, which are the longest part.
    ("xtask", "signatures", Rule { needs: Some(IMAGE), ..USUAL }),
    ("xtask", "vm", MACHINE),
];

/// The rule of a target.
pub(super) fn rule(folder: &str, name: &str) -> Rule {
    RULES.iter().find(|row| (row.0, row.1) == (folder, name)).map_or(USUAL, |row| row.2)
}
