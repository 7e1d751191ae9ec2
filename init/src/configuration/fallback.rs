//! Which configurations a boot tries and in which order: the fallback as a pure function. Not here: reading or applying them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Boots in which a file may fail before it is passed over. One of them may be a power cut.
const MOST_ATTEMPTS: u32 = 2;

/// The origin of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Source {
    /// segbox.toml on the config partition.
    Partition,
    /// QEMU's fw_cfg.
    FwCfg,
    /// A FAT volume with the label SEGBOX.
    Volume { device: String },
}

/// The file that the box should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedFile {
    pub(crate) source: Source,
    pub(crate) path: PathBuf,
    /// The digest of its text (`generations::digest`).
    pub(crate) digest: u64,
    /// Boots that started to apply this text and did not complete it.
    pub(crate) attempts: u32,
}

/// A configuration that was applied and read back earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
    pub(crate) digest: u64,
}

/// All configurations of this box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sources {
    pub(crate) wanted: Option<WantedFile>,
    /// Newest first.
    pub(crate) generations: Vec<Generation>,
    /// The config partition can be written.
    pub(crate) persistent: bool,
}

/// A configuration to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// The file that the box should run.
    Wanted(WantedFile),
    /// The last good file.
    LastGood(Generation),
    /// Only loopback and a name. The console is always available.
    BuiltIn,
}

impl WantedFile {
    /// The folder with its keys and programs.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Whether the boots that tried it failed too often.
    pub(crate) fn is_passed_over(&self) -> bool {
        self.attempts >= MOST_ATTEMPTS
    }
}

/// The configurations that a boot tries, in order, until one succeeds. The last one is always the built-in configuration.
pub(crate) fn candidates(sources: &Sources, failsafe: bool) -> Vec<Candidate> {
    let mut order = Vec::new();
    let wanted = sources.wanted.as_ref().filter(|_| !failsafe);
    order.extend(wanted.filter(|wanted| !wanted.is_passed_over()).cloned().map(Candidate::Wanted));
    if let Some(wanted) = wanted {
        // The same text would fail in the same way, so the last good file is the newest one with another text.
        let good = sources.generations.iter().find(|generation| generation.digest != wanted.digest);
        order.extend(good.cloned().map(Candidate::LastGood));
    }
    order.push(Candidate::BuiltIn);
    order
}

impl Candidate {
    /// The name on the console and in the record.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Wanted(WantedFile { source, .. }) => source.to_string(),
            Self::LastGood(generation) => format!("last good (generation {})", generation.number),
            Self::BuiltIn => "built in".to_owned(),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Partition => f.write_str("config partition"),
            Self::FwCfg => f.write_str("QEMU fw_cfg"),
            Self::Volume { device } => write!(f, "volume SEGBOX on {device}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(digest: u64, attempts: u32) -> WantedFile {
        WantedFile { source: Source::Partition, path: "/c/segbox.toml".into(), digest, attempts }
    }

    fn generation(number: u32, digest: u64) -> Generation {
        Generation { number, path: format!("/c/good-{number}.toml").into(), digest }
    }

    fn names(sources: &Sources, failsafe: bool) -> Vec<String> {
        candidates(sources, failsafe).iter().map(Candidate::name).collect()
    }

    #[test]
    fn without_any_file_the_built_in_one_runs() {
        assert_eq!(names(&Sources::default(), false), ["built in"]);
        let only_old = Sources { generations: vec![generation(1, 1)], ..Sources::default() };
        assert_eq!(names(&only_old, false), ["built in"], "a removed segbox.toml is removed");
    }

    #[test]
    fn a_file_then_the_last_good_one_then_the_built_in_one() {
        let sources = Sources {
            wanted: Some(wanted(3, 0)),
            generations: vec![generation(2, 2), generation(1, 1)],
            persistent: true,
        };
        assert_eq!(names(&sources, false), ["config partition", "last good (generation 2)", "built in"]);
        assert_eq!(names(&sources, true), ["built in"]);
    }

    #[test]
    fn the_last_good_one_is_another_text_than_the_one_that_fails() {
        let sources = Sources {
            wanted: Some(wanted(2, 0)),
            generations: vec![generation(2, 2), generation(1, 1)],
            persistent: true,
        };
        assert_eq!(names(&sources, false), ["config partition", "last good (generation 1)", "built in"]);
    }

    #[test]
    fn a_file_that_killed_two_boots_is_passed_over() {
        let sources = Sources { wanted: Some(wanted(3, 2)), generations: vec![generation(1, 1)], persistent: true };
        assert_eq!(names(&sources, false), ["last good (generation 1)", "built in"]);
        let once = Sources { wanted: Some(wanted(3, 1)), ..sources };
        assert_eq!(names(&once, false)[0], "config partition");
    }
}
