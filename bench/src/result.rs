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
    /// Where it was measured.
    pub(crate) environment: Environment,
    /// How it was measured.
    pub(crate) settings: Settings,
    /// What was measured.
    pub(crate) cases: Vec<Measured>,
    /// What was not, and why.
    #[serde(default)]
    pub(crate) skipped: Vec<Skipped>,
}

/// How a run was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// When it began, in UTC.
    pub(crate) started: jiff::Timestamp,
    /// Rounds asked for; fewer are there if it was interrupted.
    pub(crate) rounds: u32,
    /// Length of a measurement in ms.
    pub(crate) window_ms: u64,
    /// Size of packets, unless a case is about it.
    pub(crate) size: String,
    /// Flows of each case.
    pub(crate) flows: u32,
    /// What sends.
    pub(crate) generator: String,
    /// Interrupted by a signal.
    #[serde(default)]
    pub(crate) interrupted: bool,
}

/// A measured case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its id.
    pub(crate) case: String,
    /// What is measured.
    pub(crate) what: String,
    /// Every packet arrived, in order and right, and all counters agree.
    pub(crate) valid: bool,
    /// If not, what was wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<String>,
    /// The rates.
    pub(crate) kpps: Rounds,
    /// The times.
    pub(crate) ns: Times,
    /// RatioComparison with other cases of the same run, round by round.
    pub(crate) ratio: Ratios,
    /// Length of a frame as sent, in bytes: the mean where sizes are mixed.
    pub(crate) frame_bytes: f64,
    /// How many packets were looked at.
    pub(crate) checked: Checked,
    /// Through real ports: what the search found. `kpps` is then the PDR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<SearchResult>,
    /// At a tenth of the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latency>,
}

/// Throughput by search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct SearchResult {
    /// Highest rate without loss; None where even the lowest lost packets.
    pub(crate) ndr: Option<Kpps>,
    /// Highest rate with at most 0.5 % lost.
    pub(crate) pdr: Option<Kpps>,
    /// What the port can carry of these frames; None where it has no speed.
    pub(crate) line_rate: Option<Kpps>,
    /// What the generator does flat out.
    pub(crate) generator_rate: Kpps,
    /// Neither is the box's limit: the line's or the generator's was reached first.
    pub(crate) at_ceiling: bool,
    /// Trials that it took.
    pub(crate) trials: u32,
    /// Every trial of the case, in order: no packet was sent that is not in here.
    #[serde(default)]
    pub(crate) log: Vec<TrialLog>,
    /// What the box counted meanwhile; None where nobody said how to ask it.
    #[serde(default, rename = "box")]
    pub(crate) box_counted: Option<BoxCounters>,
    /// The NDR of every search, in order; None where a search found none. `ndr` is their median. The PDRs are the case's rounds.
    #[serde(default)]
    pub(crate) ndrs: Vec<Option<Kpps>>,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TrialLog {
    /// What it was for.
    pub(crate) part: TrialPart,
    /// The rate that was asked for; flat out, the one that was reached.
    pub(crate) rate: Kpps,
    /// For so long.
    pub(crate) seconds: f64,
    /// Packets sent.
    pub(crate) sent: u64,
    /// Packets that came back.
    pub(crate) received: u64,
    /// Share of the time that the generator sent nothing though packets were due.
    pub(crate) late: f64,
    /// Packets that the tester's own port did not send, by its counter.
    pub(crate) not_taken: u64,
}

/// What a trial was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TrialPart {
    /// What the generator does.
    FlatOut,
    /// The screen.
    Baseline,
    /// Caches and neighbour tables.
    WarmUp,
    /// Throughput.
    Search,
    /// Latency.
    Latency,
}

/// What a box counted in the trials of a search and of the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BoxCounters {
    /// Packets that came in at its first port.
    pub(crate) came_in: u64,
    /// Packets that the case's SID forwarded; None for a case without.
    pub(crate) sid: Option<u64>,
    /// Packets that it did not: wrong ones, and those that the queue behind it did not take.
    pub(crate) sid_errors: u64,
    /// Packets that left its second port.
    pub(crate) went_out: u64,
}

/// Times for one packet, medians over the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Generator, router and sink together.
    pub(crate) total: Ns,
    /// Generator, cable and sink alone: the case `harness` of the same rounds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) harness: Option<Ns>,
    /// The router's own: what is left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) own: Option<Ns>,
}

/// Rates compared, medians over the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Ratios {
    /// To plain IPv6 forwarding.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ipv6_forward: Option<Ratio>,
    /// To the kernel's End.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) end: Option<Ratio>,
    /// To plain IPv6 forwarding, generator and sink taken off both.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ipv6_forward_own: Option<Ratio>,
    /// To the kernel's End, generator and sink taken off both.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) end_own: Option<Ratio>,
}

/// What a case's verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// Packets sent, counted at every place they passed.
    pub(crate) packets: u64,
    /// Packets compared byte for byte.
    pub(crate) samples: u64,
}

/// A case that was not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Skipped {
    /// Its id.
    pub(crate) case: String,
    /// Why.
    pub(crate) why: String,
}

impl Run {
    /// What was not measured: each reason once, with the cases that have it.
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

/// The rates of rounds that two cases have in common, one divided by the other.
pub(crate) fn ratio_by_round(case: &[Kpps], base: &[Kpps]) -> Option<Ratio> {
    let ratios: Vec<f64> = case.iter().zip(base).map(|(case, base)| case.0 / base.0).collect();
    crate::statistics::median(&ratios).map(Ratio)
}

/// A run of one case that arrived in these rounds.
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
