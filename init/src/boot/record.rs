//! The record of a boot: every step with its time, what was configured from where, what went wrong. Written to /run, read by
//! `segbox status boot` and the console. Not here: doing any of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::{Moment, milliseconds};

/// Where it lies while the box runs.
pub(crate) const FILE: &str = "/run/segbox/boot.json";

/// One boot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Boot {
    /// `6.12.107+deb13-amd64`.
    pub(crate) kernel: String,
    /// Which slot of the image was booted, where it was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) slot: Option<String>,
    /// The firmware started nothing but what is signed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) secure_boot: bool,
    /// From the kernel's start to the first instruction of PID 1.
    pub(crate) kernel_ms: f64,
    /// From the first instruction of PID 1 to the last SID installed; None where no configuration could be applied.
    pub(crate) share_ms: Option<f64>,
    pub(crate) steps: Vec<Step>,
    pub(crate) configuration: Option<Configured>,
    /// The configuration that was asked for was applied and read back.
    pub(crate) good: bool,
    /// How the boot before this one ended: `clean`, or what is known of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) last_end: Option<String>,
    /// One line each: what is wrong, and what to do.
    pub(crate) problems: Vec<String>,
}

/// A step of a boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Step {
    pub(crate) name: String,
    /// From the first instruction of PID 1 to its start.
    pub(crate) at_ms: f64,
    pub(crate) took_ms: f64,
    /// What came of it, in a few words.
    pub(crate) result: String,
}

/// The configuration that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Configured {
    /// `config partition`, `QEMU fw_cfg`, `volume SEGBOX on /dev/sdb1`, `last good (generation 3)`, `built in`.
    pub(crate) source: String,
    /// The file as it was applied.
    pub(crate) file: String,
    /// What of it could not be applied, because an interface is missing.
    pub(crate) dropped: Vec<String>,
}

impl Boot {
    /// Adds a step that began at `from` and has just ended.
    pub(crate) fn step(&mut self, first: Moment, name: &str, from: Moment, result: impl Into<String>) {
        self.step_until(first, name, (from, Moment::now()), result);
    }

    /// Adds a step that ran from one moment to another.
    pub(crate) fn step_until(
        &mut self,
        first: Moment,
        name: &str,
        (from, to): (Moment, Moment),
        result: impl Into<String>,
    ) {
        self.steps.push(Step {
            name: name.to_owned(),
            at_ms: milliseconds(from.since(first)),
            took_ms: milliseconds(to.since(from)),
            result: result.into(),
        });
    }

    /// Writes it down for the commands. A reader sees the old or the new one.
    pub(crate) fn write(&self) -> std::io::Result<()> {
        let path = Path::new(FILE);
        let fresh = path.with_extension("new");
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&fresh, serde_json::to_vec_pretty(self)?)?;
        fs::rename(fresh, path)
    }

    /// Reads it back; None on a machine that segbox has not booted.
    pub(crate) fn read() -> Option<Self> {
        serde_json::from_slice(&fs::read(FILE).ok()?).ok()
    }
}

/// `0.123 s`, as PID 1 prints a time.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let first = Moment::now();
        let mut boot = Boot { kernel: "6.12".to_owned(), ..Boot::default() };
        boot.step_until(first, "mounts", (first, first.plus(Duration::from_millis(2))), "9 file systems");
        boot.configuration =
            Some(Configured { source: "built in".into(), file: "/run/segbox/built-in.toml".into(), dropped: vec![] });
        let text = serde_json::to_vec(&boot).expect("it can be written");
        let back: Boot = serde_json::from_slice(&text).expect("and read");
        assert_eq!(back, boot);
        assert!((back.steps[0].took_ms - 2.0).abs() < 1e-9);
    }
}
