//! Compares a published ratio with ours: reproduced, better, worse, or not comparable. Pure.

use serde::Serialize;

use crate::case::{PublishedResult, published_results};
use crate::result::Measured;
use crate::units::Ratio;

/// The result of comparing a published ratio with ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Ours differs from theirs by no more than the tolerance.
    Reproduced {
        /// Our ratio divided by theirs, less 1.
        by: f64,
    },
    /// Ours is higher.
    Better {
        /// As above.
        by: f64,
    },
    /// Ours is lower.
    Worse {
        /// As above.
        by: f64,
    },
    /// The two cannot be compared.
    NotComparable {
        /// The reason.
        why: Why,
    },
}

/// Why two ratios cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Why {
    /// The publication has a rate, but no ratio.
    NoBaselineThere,
    /// This run has no ratio.
    NoBaselineHere,
    /// The case is the baseline itself.
    Baseline,
    /// Our measurement is not valid: packets were lost or wrong.
    NotValid,
}

/// The baseline of two ratios. In a result file it is the baseline's case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Base {
    /// Plain IPv6 forwarding.
    #[serde(rename = "ipv6-forward")]
    Plain,
    /// The kernel's End.
    End,
}

/// A published ratio, ours, and their comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RatioComparison {
    /// The baseline of both.
    pub(crate) base: Base,
    /// The published one.
    pub(crate) published: Option<Ratio>,
    /// Ours, with the time of generator and sink: the published ratios include the interrupt load of their receiver.
    pub(crate) ours: Option<Ratio>,
    /// The result of comparing them.
    pub(crate) verdict: Verdict,
}

/// Difference in percent up to which two ratios count as the same. Windows on one machine vary by as much, and the published
/// ratios were read off plots with an error of about one percent.
const TOLERANCE: f64 = 5.0;

/// The cases that the others are compared with.
const BASELINES: [&str; 1] = ["ipv6-forward"];

/// Compares a case with a publication.
pub(crate) fn compare(published: &PublishedResult, ours: &Measured) -> RatioComparison {
    let plain = (Base::Plain, published.to_plain, ours.ratio.ipv6_forward);
    let end = (Base::End, published.to_end, ours.ratio.end);
    // A ratio to plain IPv6 says more. A publication without that baseline has a ratio to End.
    let (base, theirs, mine) = if published.to_plain.is_some() { plain } else { end };
    let verdict = match (theirs, mine) {
        (None, _) => Verdict::NotComparable { why: Why::NoBaselineThere },
        (_, None) => Verdict::NotComparable { why: Why::NoBaselineHere },
        _ if BASELINES.contains(&published.case.as_str()) => Verdict::NotComparable { why: Why::Baseline },
        _ if !ours.valid => Verdict::NotComparable { why: Why::NotValid },
        (Some(theirs), Some(Ratio(mine))) => of(mine / theirs - 1.0),
    };
    RatioComparison { base, published: theirs.map(Ratio), ours: mine, verdict }
}

/// Every published result of a case, with its comparison, in the order of the publications' file.
pub(crate) fn verdicts(ours: &Measured) -> Vec<(PublishedResult, RatioComparison)> {
    let of_it = published_results().into_iter().filter(|one| one.case == ours.case);
    of_it.map(|one| (one.clone(), compare(&one, ours))).collect()
}

/// The verdict on a difference, judged in whole percent, as it is shown: "worse (-5 %)" would contradict the tolerance.
fn of(by: f64) -> Verdict {
    if percent(by).abs() <= TOLERANCE {
        Verdict::Reproduced { by }
    } else if by > 0.0 {
        Verdict::Better { by }
    } else {
        Verdict::Worse { by }
    }
}

/// A difference in whole percent.
fn percent(by: f64) -> f64 {
    (by * 100.0).round()
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reproduced { by } => write!(f, "reproduced ({:+.0} %)", percent(*by)),
            Self::Better { by } => write!(f, "better ({:+.0} %)", percent(*by)),
            Self::Worse { by } => write!(f, "worse ({:+.0} %)", percent(*by)),
            Self::NotComparable { why } => write!(f, "not comparable: {why}"),
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoBaselineThere => "the publication has no baseline: its rate is of other hardware",
            Self::NoBaselineHere => "this run did not measure the baseline",
            Self::Baseline => "this case is the baseline",
            Self::NotValid => "our measurement is not valid",
        })
    }
}

impl Why {
    /// A short form of at most 12 characters.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::NoBaselineThere => "no ratio",
            Self::NoBaselineHere => "no baseline",
            Self::Baseline => "the baseline",
            Self::NotValid => "ours invalid",
        }
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain IPv6",
            Self::End => "End",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_judged_by_how_far_it_is_off() {
        assert_eq!(of(0.04), Verdict::Reproduced { by: 0.04 });
        assert_eq!(of(0.06), Verdict::Better { by: 0.06 });
        assert_eq!(of(-0.06), Verdict::Worse { by: -0.06 });
        assert_eq!(Verdict::Worse { by: -0.06 }.to_string(), "worse (-6 %)");
        for by in [0.0541, -0.0541] {
            assert_eq!(of(by), Verdict::Reproduced { by }, "shown as 5 %, which is within the tolerance");
        }
        assert_eq!(of(-0.0551).to_string(), "worse (-6 %)");
    }
}
