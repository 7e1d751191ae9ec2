//! The record of a boot: every step with its time, what was configured from where, what is wrong. PID 1 writes it, `segbox status`
//! and the console read it. Not here: doing any of it.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where it lies while the box runs.
pub const FILE: &str = "/run/segbox/boot.json";
/// Where crash records are kept: on the state partition.
pub const CRASH_FOLDER: &str = "/var/lib/segbox/crash";

/// One boot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Boot {
    /// `6.12.107+deb13-amd64`.
    pub kernel: String,
    /// Which slot of the image was booted, where it was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot: Option<String>,
    /// The firmware started nothing but what is signed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub secure_boot: bool,
    /// Milliseconds from the kernel's start to the first instruction of PID 1.
    pub kernel_ms: f64,
    /// Milliseconds from the first instruction of PID 1 to the last SID installed; None where no configuration could be applied.
    pub share_ms: Option<f64>,
    /// In the order they ended.
    pub steps: Vec<Step>,
    /// The configuration that runs; None before one was applied.
    pub configuration: Option<Configured>,
    /// The configuration that was asked for was applied and read back.
    pub good: bool,
    /// How the boot before this one ended, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_end: Option<LastEnd>,
    /// Problems of the boot itself, one line each: what is wrong, and what to do. They stay until the next boot.
    pub problems: Vec<String>,
    /// Why the configuration could not be applied again when an interface came, one line each. The next success clears them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reapply_problems: Vec<String>,
}

/// A step of a boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// `mounts`
    pub name: String,
    /// Milliseconds from the first instruction of PID 1 to its start.
    pub at_ms: f64,
    /// Milliseconds from its start to its end.
    pub took_ms: f64,
    /// Its result in a few words.
    pub result: String,
}

/// The configuration that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configured {
    /// `config partition`, `QEMU fw_cfg`, `volume SEGBOX on /dev/sdb1`, `last good (generation 3)`, `built in`.
    pub source: String,
    /// The path of the file that was applied.
    pub file: String,
    /// One line for each missing interface: what was left out with it. The line goes when the interface comes.
    pub dropped: Vec<String>,
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastEnd {
    /// By a shutdown or a reboot.
    Clean,
    /// PID 1 panicked.
    Pid1Panicked,
    /// The kernel crashed, and its last words were kept.
    KernelCrashed,
    /// The kernel crashed, and there is no state partition to keep its last words on.
    RecordInPstore,
    /// The watchdog rebooted the box.
    Watchdog,
    /// The box stopped without a shutdown.
    PowerCut,
}

impl LastEnd {
    const ALL: [Self; 6] =
        [Self::Clean, Self::Pid1Panicked, Self::KernelCrashed, Self::RecordInPstore, Self::Watchdog, Self::PowerCut];

    /// Whether the box went down as it should.
    pub fn is_clean(self) -> bool {
        self == Self::Clean
    }
}

impl fmt::Display for LastEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("clean"),
            Self::Pid1Panicked => write!(f, "PID 1 panicked; see {CRASH_FOLDER}"),
            Self::KernelCrashed => write!(f, "the kernel crashed; see {CRASH_FOLDER}"),
            Self::RecordInPstore => f.write_str("it crashed; the record is in pstore"),
            Self::Watchdog => f.write_str("the watchdog rebooted it"),
            Self::PowerCut => f.write_str("without shutdown: power cut or reset"),
        }
    }
}

impl Serialize for LastEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LastEnd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|end| end.to_string() == text);
        known.ok_or_else(|| serde::de::Error::custom(format!("no boot ends like this: {text}")))
    }
}

impl Boot {
    /// Everything that is wrong now, one line each.
    pub fn all_problems(&self) -> impl Iterator<Item = &String> {
        let dropped = self.configuration.iter().flat_map(|run| &run.dropped);
        self.problems.iter().chain(dropped).chain(&self.reapply_problems)
    }

    /// Writes the record for the commands. A reader sees the old or the new one.
    ///
    /// # Errors
    /// /run cannot be written.
    pub fn write(&self) -> std::io::Result<()> {
        let path = Path::new(FILE);
        let fresh = path.with_extension("new");
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&fresh, serde_json::to_vec_pretty(self)?)?;
        fs::rename(fresh, path)
    }

    /// Reads it back; None on a machine that segbox has not booted.
    pub fn read() -> Option<Self> {
        serde_json::from_slice(&fs::read(FILE).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let step = Step { name: "mounts".into(), at_ms: 0.0, took_ms: 2.0, result: "9 file systems".into() };
        let configuration =
            Configured { source: "built in".into(), file: "/run/segbox/built-in.toml".into(), dropped: vec![] };
        for last_end in LastEnd::ALL {
            let boot = Boot {
                kernel: "6.12".into(),
                steps: vec![step.clone()],
                configuration: Some(configuration.clone()),
                last_end: Some(last_end),
                ..Boot::default()
            };
            let text = serde_json::to_vec(&boot).expect("it can be written");
            let back: Boot = serde_json::from_slice(&text).expect("and read");
            assert_eq!(back, boot);
        }
    }
}
