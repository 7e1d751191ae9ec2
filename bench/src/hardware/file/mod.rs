//! lab.toml: the tester's ports, the box under test, the packets, and the trials. Measures nothing.

#[cfg(test)]
mod documented;
mod error;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub(crate) use error::FileError;

use crate::port::{self, MacArgument};
use crate::sink::Hook;
use crate::traffic::Sizes;
use crate::units::Kpps;

/// lab.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LabFile {
    /// Ids of the cases.
    pub(crate) cases: Vec<String>,
    /// This machine's ports: the tester.
    pub(crate) tester: TesterTable,
    /// The box between them.
    #[serde(rename = "box")]
    pub(crate) box_: BoxTable,
    /// The packets.
    #[serde(default)]
    pub(crate) traffic: TrafficTable,
    /// How to search.
    #[serde(default)]
    pub(crate) trial: TrialTable,
}

/// `[tester]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TesterTable {
    /// The sending port.
    pub(crate) send: String,
    /// The receiving port.
    pub(crate) receive: String,
    /// The CPU that sends; the last one by default.
    cpu: Option<usize>,
    /// Whether to send through an AF_PACKET socket.
    #[serde(default)]
    pub(crate) socket: bool,
    /// Where the sink gets packets.
    #[serde(default, deserialize_with = "hook")]
    pub(crate) sink: SinkHook,
}

/// Where the sink gets packets: by default in the driver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SinkHook(pub(crate) Hook);

impl Default for SinkHook {
    fn default() -> Self {
        Self(Hook::Xdp)
    }
}

impl TesterTable {
    /// The CPU that sends.
    pub(crate) fn cpu(&self) -> usize {
        self.cpu.unwrap_or_else(port::last_cpu)
    }
}

/// `[box]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BoxTable {
    /// Ethernet address of the port behind the tester's sending port.
    #[serde(deserialize_with = "text")]
    pub(crate) mac: MacArgument,
    /// Ethernet address of the port behind the tester's receiving port: the source of the frames that come back.
    #[serde(deserialize_with = "text")]
    pub(crate) out_mac: MacArgument,
    /// Names of the two ports in the file that `--box-file` prints.
    #[serde(default = "default_ports")]
    pub(crate) ports: [String; 2],
    /// A command that prints the box's `segbox status --json`, with its words separated by spaces. Without it the box's counters
    /// are not read.
    pub(crate) status: Option<String>,
}

/// `[traffic]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct TrafficTable {
    /// Sizes of packets, written as on the command line.
    #[serde(deserialize_with = "text")]
    pub(crate) size: Sizes,
    /// Number of flows.
    pub(crate) flows: u32,
}

impl Default for TrafficTable {
    /// The thesis's packets.
    fn default() -> Self {
        Self { size: Sizes::Payload(64), flows: 1 }
    }
}

/// `[trial]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct TrialTable {
    /// The search algorithm.
    pub(crate) method: Method,
    /// Duration of a trial that decides.
    #[serde(deserialize_with = "duration")]
    pub(crate) duration: Duration,
    /// Duration of the traffic before the search, which fills caches and neighbour tables.
    #[serde(deserialize_with = "duration")]
    pub(crate) warm_up: Duration,
    /// Missing packets count as lost when no packet has arrived for this long.
    #[serde(deserialize_with = "duration")]
    pub(crate) wait: Duration,
    /// The lowest rate, at which the screen for loss sends.
    #[serde(deserialize_with = "text")]
    pub(crate) low: Kpps,
    /// The highest rate; by default the line's or the generator's.
    #[serde(deserialize_with = "optional_rate")]
    pub(crate) high: Option<Kpps>,
    /// A search ends when the distance of its bounds, as a share of the upper one, is this or less.
    pub(crate) width: f64,
    /// Number of searches of each case.
    pub(crate) runs: u32,
    /// Share of a trial in which the generator may send nothing although packets are due. Beyond it the rate was not offered.
    pub(crate) late: f64,
}

impl Default for TrialTable {
    /// CSIT and SRPerf use ten seconds and half a percent. RFC 2544 (section 23) waits two seconds for residual frames.
    fn default() -> Self {
        Self {
            method: Method::Multiple,
            duration: Duration::from_secs(10),
            warm_up: Duration::from_secs(2),
            wait: Duration::from_secs(2),
            low: Kpps(10.0),
            high: None,
            width: 0.005,
            runs: 1,
            // Other work on the tester can cause this much; it is not a limit of the generator.
            late: 0.05,
        }
    }
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// A binary search for each loss ratio.
    Binary,
    /// One search for all loss ratios.
    Multiple,
}

impl LabFile {
    /// Reads the file and checks its values.
    ///
    /// # Errors
    /// [`FileError`].
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|error| match error {
            FileError::Toml { source, .. } => FileError::Toml { path: path.to_owned(), source },
            other => other,
        })
    }

    fn parse(text: &str) -> Result<Self, FileError> {
        let toml = |source| FileError::Toml { path: "lab.toml".into(), source: Box::new(source) };
        let file: Self = toml::from_str(text).map_err(toml)?;
        if file.tester.send == file.tester.receive {
            return Err(FileError::OnePort(file.tester.send));
        }
        if file.box_.ports[0] == file.box_.ports[1] {
            return Err(FileError::OneBoxPort(file.box_.ports[0].clone()));
        }
        if file.box_.status.as_ref().is_some_and(|command| command.trim().is_empty()) {
            return Err(FileError::NoCommand);
        }
        if file.cases.is_empty() {
            return Err(FileError::NoCases);
        }
        if file.trial.duration < SHORTEST {
            return Err(FileError::ShortTrial(file.trial.duration));
        }
        if file.trial.runs == 0 {
            return Err(FileError::NoRuns);
        }
        if !(file.trial.width > 0.0 && file.trial.width < 0.5) {
            return Err(FileError::Width(file.trial.width));
        }
        if !(0.0..=1.0).contains(&file.trial.late) {
            return Err(FileError::Late(file.trial.late));
        }
        Ok(file)
    }
}

/// In a shorter trial its start and end would dominate.
const SHORTEST: Duration = Duration::from_millis(100);

fn default_ports() -> [String; 2] {
    ["eth0", "eth1"].map(str::to_owned)
}

fn text<'de, D: Deserializer<'de>, T: std::str::FromStr<Err = String>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

fn optional_rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Kpps>, D::Error> {
    text(from).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    humantime::parse_duration(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

fn hook<'de, D: Deserializer<'de>>(from: D) -> Result<SinkHook, D::Error> {
    match String::deserialize(from)?.as_str() {
        "xdp" => Ok(SinkHook(Hook::Xdp)),
        "tc" => Ok(SinkHook(Hook::Tc)),
        other => Err(serde::de::Error::custom(format!("{other:?} is not a hook of the sink; write \"xdp\" or \"tc\""))),
    }
}

#[cfg(test)]
pub(in crate::hardware) mod tests {
    use super::*;

    const FILE: &str = r#"
cases = ["ipv6-forward", "end"]
[tester]
send = "eth2"
receive = "eth3"
[box]
mac = "02:00:00:00:01:02"
out-mac = "02:00:00:00:02:01"
"#;

    pub(in crate::hardware) fn file() -> LabFile {
        LabFile::parse(FILE).expect("right")
    }

    #[test]
    fn a_short_file_is_enough() {
        let file = file();
        assert_eq!(
            (file.trial.duration, file.trial.method, file.traffic.flows),
            (Duration::from_secs(10), Method::Multiple, 1)
        );
        assert_eq!(crate::hardware::cases(&file).expect("both are there").len(), 2);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_the_reason() {
        let error = |text: &str| LabFile::parse(text).expect_err("wrong").to_string();
        assert!(error(&FILE.replace("eth3", "eth2")).contains("eth2 twice"));
        assert!(error(&format!("{FILE}ports = [\"p1\", \"p1\"]")).contains("p1 twice"));
        assert!(error(&format!("{FILE}status = \" \"")).contains("status"));
        assert!(error(&FILE.replace("\"ipv6-forward\", \"end\"", "")).contains("no case"));
        assert!(error(&format!("{FILE}[trial]\nduration = \"1ms\"")).contains("1ms"));
        assert!(error(&format!("{FILE}[trial]\nwidth = 2.0")).contains("width"));
        assert!(error(&format!("{FILE}[trial]\nlate = 5.0")).contains("late"));
        assert!(error(&format!("{FILE}[trial]\nruns = 0")).contains("runs is 0"));
        let unknown = LabFile::parse(&FILE.replace("send =", "sent =")).expect_err("wrong");
        assert!(std::error::Error::source(&unknown).expect("toml's").to_string().contains("sent"), "{unknown:?}");
        let file = LabFile::parse(&FILE.replace("\"end\"", "\"ned\"")).expect("right as a file");
        assert!(crate::hardware::cases(&file).err().expect("no such case").to_string().contains("ned"));
    }
}
