//! A run's results: what `segbench run` and `segbench lab` measure, and `report` and `compare` read. Its serde names are the
//! format of result files. Reading and writing those is `result_file`.

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::sink::Latency;
use crate::statistics::Rounds;
use crate::units::{Kpps, Ns, Ratio};

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The machine that measured it.
    pub(crate) environment: Environment,
    /// The settings of the measurement.
    pub(crate) settings: Settings,
    /// The measured cases.
    pub(crate) cases: Vec<Measured>,
    /// The cases that were not measured, with the reason.
    #[serde(default)]
    pub(crate) skipped: Vec<Skipped>,
}

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// When it began, in UTC.
    pub(crate) started: jiff::Timestamp,
    /// Requested rounds. An interrupted run has fewer.
    pub(crate) rounds: u32,
    /// Duration of a measurement in ms.
    pub(crate) window_ms: u64,
    /// Size of the packets of cases without a size.
    pub(crate) size: String,
    /// Number of flows.
    pub(crate) flows: u32,
    /// The kind of generator.
    pub(crate) generator: String,
    /// Whether a signal interrupted it.
    #[serde(default)]
    pub(crate) interrupted: bool,
}

/// A measured case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its id.
    pub(crate) case: String,
    /// A description.
    pub(crate) what: String,
    /// Whether every packet arrived, in order and correct, and all counters agree.
    pub(crate) valid: bool,
    /// The faults, if it is not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<String>,
    /// Rates of its rounds.
    pub(crate) kpps: Rounds,
    /// Times per packet.
    pub(crate) ns: Times,
    /// Ratios to other cases of the same run, computed round by round.
    pub(crate) ratio: Ratios,
    /// Length of a sent frame in bytes; the mean for mixed sizes.
    pub(crate) frame_bytes: f64,
    /// Number of checked packets.
    pub(crate) checked: Checked,
    /// The result of the search, for cases measured through real ports. Then `kpps` is the PDR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<SearchResult>,
    /// Latency at a tenth of the rate; of a search at half of the NDR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latency>,
}

/// Throughput found by searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct SearchResult {
    /// The highest rate without loss; None if even the lowest rate lost packets.
    pub(crate) ndr: Option<Kpps>,
    /// The highest rate with at most 0.5 % loss.
    pub(crate) pdr: Option<Kpps>,
    /// The rate of these frames that the port's speed allows; None if the port has no speed.
    pub(crate) line_rate: Option<Kpps>,
    /// The generator's rate without a pace.
    pub(crate) generator_rate: Kpps,
    /// Whether the limit of the line, the generator or lab.toml was reached before the box's.
    pub(crate) at_ceiling: bool,
    /// Number of trials.
    pub(crate) trials: u32,
    /// Every trial of the case, in order. It has every packet that was sent.
    #[serde(default)]
    pub(crate) log: Vec<TrialLog>,
    /// The box's counters for these trials; None if lab.toml does not say how to read them.
    #[serde(default, rename = "box")]
    pub(crate) box_counted: Option<BoxCounters>,
    /// The NDR of every search, in order; None for a search that found none. `ndr` is their median. The PDRs are the case's
    /// rounds.
    #[serde(default)]
    pub(crate) ndrs: Vec<Option<Kpps>>,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TrialLog {
    /// Its purpose.
    pub(crate) part: TrialPart,
    /// The requested rate; without a pace, the rate that was reached.
    pub(crate) rate: Kpps,
    /// Its duration.
    pub(crate) seconds: f64,
    /// Packets sent.
    pub(crate) sent: u64,
    /// Packets that came back.
    pub(crate) received: u64,
    /// Share of the time in which packets were due and the generator sent none.
    pub(crate) late: f64,
    /// Packets that the tester's port did not send, by the port's counter.
    pub(crate) not_taken: u64,
}

/// The purpose of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TrialPart {
    /// The generator's rate without a pace.
    FlatOut,
    /// The screen: no loss at the lowest rate.
    Baseline,
    /// Filling caches and neighbour tables.
    WarmUp,
    /// The search for throughput.
    Search,
    /// The measurement of latency.
    Latency,
}

/// The box's counters for the trials of the search and of the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BoxCounters {
    /// Packets that its first port received.
    pub(crate) came_in: u64,
    /// Packets that the case's SID forwarded; None for a case without a SID.
    pub(crate) sid: Option<u64>,
    /// Errors of the SID: wrong packets, and packets that the queue behind it dropped.
    pub(crate) sid_errors: u64,
    /// Packets that its second port sent.
    pub(crate) went_out: u64,
}

/// Times per packet: medians of the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Time of generator, router and sink together.
    pub(crate) total: Ns,
    /// Time of generator, cable and sink alone: that of the case `harness`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) harness: Option<Ns>,
    /// Time of the router: the difference of the two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) own: Option<Ns>,
}

/// Ratios of rates: medians of the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Ratios {
    /// To plain IPv6 forwarding.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ipv6_forward: Option<Ratio>,
    /// To the kernel's End.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) end: Option<Ratio>,
    /// To plain IPv6 forwarding, both without the time of generator and sink.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ipv6_forward_own: Option<Ratio>,
    /// To the kernel's End, both without the time of generator and sink.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) end_own: Option<Ratio>,
}

/// The packets that a case's validity is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// Sent packets, which were counted at every place that they passed.
    pub(crate) packets: u64,
    /// Packets compared byte for byte.
    pub(crate) samples: u64,
}

/// A case that was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Skipped {
    /// Its id.
    pub(crate) case: String,
    /// The reason.
    pub(crate) why: String,
}

impl Run {
    /// The cases that were not measured, by reason.
    pub(crate) fn skipped_by_reason(&self) -> Vec<(&str, Vec<&str>)> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for one in &self.skipped {
            match reasons.iter_mut().find(|(why, _)| *why == one.why) {
                Some((_, cases)) => cases.push(&one.case),
                None => reasons.push((&one.why, vec![&one.case])),
            }
        }
        reasons
    }

    /// A case by its id.
    pub(crate) fn case(&self, id: &str) -> Option<&Measured> {
        self.cases.iter().find(|case| case.case == id)
    }
}

/// The ratio of two cases: the median of the ratios of the rounds that both have.
pub(crate) fn ratio_by_round(case: &[Kpps], base: &[Kpps]) -> Option<Ratio> {
    let ratios: Vec<f64> = case.iter().zip(base).map(|(case, base)| case.0 / base.0).collect();
    crate::statistics::median(&ratios).map(Ratio)
}

/// A run of one case with these rates.
#[cfg(test)]
pub(crate) fn example(case: &str, kpps: &[f64], end: Option<f64>) -> Run {
    let kpps = Rounds::new(kpps.iter().copied().map(Kpps).collect()).expect("rounds");
    let ns = Times { total: kpps.median.per_packet(), harness: Some(Ns(1.0)), own: None };
    let ratio = Ratios { end: end.map(Ratio), ..Ratios::default() };
    let settings = serde_json::json!({
        "started": "2026-11-28T12:00:00Z", "rounds": 1, "window_ms": 1, "size": "imix", "flows": 1, "generator": "xdp"
    });
    Run {
        environment: Environment::default(),
        settings: serde_json::from_value(settings).expect("settings"),
        cases: vec![Measured {
            case: case.to_owned(),
            what: String::new(),
            valid: true,
            faults: Vec::new(),
            kpps,
            ns,
            ratio,
            frame_bytes: 166.0,
            checked: Checked::default(),
            search: None,
            latency: None,
        }],
        skipped: Vec::new(),
    }
}
