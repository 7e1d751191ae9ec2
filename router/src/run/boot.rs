//! The record of a boot: every step with its time, the source of the configuration, and all problems. PID 1 writes it; `segbox
//! status` and the console read it. Not here: booting.

use std::fmt;
use std::fs;
use std::path::Path;

use segbox_linux::file;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The record's path while the box runs.
pub const FILE: &str = "/run/segbox/boot.json";
/// No record is longer.
const LONGEST: u64 = 16 << 20;
/// The folder for crash records, on the state partition.
pub const CRASH_FOLDER: &str = "/var/lib/segbox/crash";

/// One boot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Boot {
    /// `6.12.107+deb13-amd64`.
    pub kernel: String,
    /// The booted slot of the image, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot: Option<String>,
    /// Secure Boot: the firmware started only signed programs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub secure_boot: bool,
    /// Milliseconds from the kernel's start to the first instruction of PID 1.
    pub kernel_ms: f64,
    /// Milliseconds from the first instruction of PID 1 to the last installed SID; None if no configuration could be applied.
    pub share_ms: Option<f64>,
    /// The steps, in the order in which they ended.
    pub steps: Vec<Step>,
    /// The running configuration; None before one was applied.
    pub configuration: Option<Configured>,
    /// The requested configuration was applied and read back.
    pub good: bool,
    /// How the previous boot ended, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_end: Option<LastEnd>,
    /// Problems of the boot itself, one line each: the problem and its fix. They stay until the next boot.
    pub problems: Vec<String>,
}

/// A step of a boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// `mounts`
    pub name: String,
    /// Milliseconds from the first instruction of PID 1 to the start of this step.
    pub at_ms: f64,
    /// Its duration in milliseconds.
    pub took_ms: f64,
    /// Its result in a few words.
    pub result: String,
}

/// The running configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configured {
    /// `config partition`, `QEMU fw_cfg`, `volume SEGBOX on /dev/sdb1`, `last good (generation 3)`, `built in`.
    pub source: String,
    /// The path of the applied file.
    pub file: String,
    /// One line per missing interface: which parts of the configuration were left out. The line goes when the interface appears.
    pub dropped: Vec<String>,
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastEnd {
    /// A shutdown or a reboot.
    Clean,
    /// PID 1 panicked.
    Pid1Panicked,
    /// The kernel crashed, and its last messages were kept.
    KernelCrashed,
    /// The kernel crashed, and there is no state partition for its last messages.
    RecordInPstore,
    /// The watchdog rebooted the box.
    Watchdog,
    /// The box stopped without a shutdown.
    PowerCut,
}

impl LastEnd {
    const ALL: [Self; 6] =
        [Self::Clean, Self::Pid1Panicked, Self::KernelCrashed, Self::RecordInPstore, Self::Watchdog, Self::PowerCut];

    /// Whether the box went down in an orderly way.
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
            Self::RecordInPstore => f.write_str("the kernel crashed; the record is in pstore"),
            Self::Watchdog => f.write_str("the watchdog rebooted the box"),
            Self::PowerCut => f.write_str("no shutdown: power cut or reset"),
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
        known.ok_or_else(|| serde::de::Error::custom(format!("unknown end of a boot: {text}")))
    }
}

impl Boot {
    /// All current problems, one line each.
    pub fn all_problems(&self) -> impl Iterator<Item = &String> {
        let dropped = self.configuration.iter().flat_map(|run| &run.dropped);
        self.problems.iter().chain(dropped)
    }

    /// Writes the record for the commands. A reader sees the old or the new record.
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

    /// Reads the record; None on a machine that segbox has not booted.
    pub fn read() -> Option<Self> {
        serde_json::from_slice(&file::read(Path::new(FILE), LONGEST).ok()?.bytes).ok()
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
