//! A published ratio, and ours: reproduced, better, worse, or not to be compared. Pure.

use serde::Serialize;

use crate::case::{PublishedResult, published_results};
use crate::result::Measured;
use crate::units::Ratio;

/// What comparing came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Ours is within the tolerance of theirs.
    Reproduced {
        /// Ours less theirs, as a share of theirs.
        by: f64,
    },
    /// Ours is above.
    Better {
        /// As above.
        by: f64,
    },
    /// Ours is below.
    Worse {
        /// As above.
        by: f64,
    },
    /// There is nothing to compare.
    NotComparable {
        /// Why.
        why: Why,
    },
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Why {
    /// The publication has a rate and no ratio.
    NoBaselineThere,
    /// This run has no ratio.
    NoBaselineHere,
    /// RatioComparison with itself it says nothing.
    Baseline,
    /// Packets were lost or wrong.
    NotValid,
}

/// What two ratios are to; in a result file the id of the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Base {
    /// Plain IPv6 forwarding.
    #[serde(rename = "ipv6-forward")]
    Plain,
    /// The kernel's End.
    End,
}

/// A published ratio beside ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RatioComparison {
    /// What both are to.
    pub(crate) base: Base,
    /// The published one.
    pub(crate) published: Option<Ratio>,
    /// Ours, generator and sink included, as theirs included their receiver's interrupt load.
    pub(crate) ours: Option<Ratio>,
    /// What it comes to.
    pub(crate) verdict: Verdict,
}

/// How far two ratios may lie apart and still be the same: windows on one machine vary by as much, and the published ones
/// were read off plots to a percent or so.
const TOLERANCE: f64 = 0.05;

/// What the others are compared with.
const BASELINES: [&str; 1] = ["ipv6-forward"];

/// Compares a case with a publication.
pub(crate) fn compare(published: &PublishedResult, ours: &Measured) -> RatioComparison {
    let plain = (Base::Plain, published.to_plain, ours.ratio.ipv6_forward);
    let end = (Base::End, published.to_end, ours.ratio.end);
    // A ratio to plain IPv6 says more; a publication without that baseline has one to End.
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

/// Every publication that has a case, and what comparing with it comes to: in the order of their file.
pub(crate) fn verdicts(ours: &Measured) -> Vec<(PublishedResult, RatioComparison)> {
    let of_it = published_results().into_iter().filter(|one| one.case == ours.case);
    of_it.map(|one| (one.clone(), compare(&one, ours))).collect()
}

fn of(by: f64) -> Verdict {
    if by.abs() <= TOLERANCE {
        Verdict::Reproduced { by }
    } else if by > 0.0 {
        Verdict::Better { by }
    } else {
        Verdict::Worse { by }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reproduced { by } => write!(f, "reproduced ({:+.0} %)", by * 100.0),
            Self::Better { by } => write!(f, "better ({:+.0} %)", by * 100.0),
            Self::Worse { by } => write!(f, "worse ({:+.0} %)", by * 100.0),
            Self::NotComparable { why } => write!(f, "not comparable: {why}"),
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoBaselineThere => "the publication has no baseline: an absolute rate of other hardware",
            Self::NoBaselineHere => "this run did not measure the baseline",
            Self::Baseline => "it is the baseline itself",
            Self::NotValid => "our measurement is not valid",
        })
    }
}

impl Why {
    /// The same where there is little room: at most 12 characters.
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
    }
}
