//! A published ratio, and ours: reproduced, better, worse, or not to be compared. Pure.

use crate::case::Published;
use crate::result::Measured;
use crate::units::Ratio;

/// What comparing came to.
#[derive(Debug, Clone, PartialEq)]
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
        why: &'static str,
    },
}

/// What two ratios are to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Plain IPv6 forwarding.
    Plain,
    /// The kernel's End.
    End,
}

/// A published ratio beside ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
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
pub(crate) fn compare(published: &Published, ours: &Measured) -> Compared {
    let plain = (Base::Plain, published.to_plain, ours.ratio.ipv6_forward);
    let end = (Base::End, published.to_end, ours.ratio.end);
    // A ratio to plain IPv6 says more; a publication without that baseline has one to End.
    let (base, theirs, mine) = if published.to_plain.is_some() { plain } else { end };
    let verdict = match (theirs, mine) {
        (None, _) => {
            Verdict::NotComparable { why: "the publication has no baseline: an absolute rate of other hardware" }
        }
        (_, None) => Verdict::NotComparable { why: "this run did not measure the baseline" },
        _ if BASELINES.contains(&published.case.as_str()) => {
            Verdict::NotComparable { why: "it is the baseline itself" }
        }
        _ if !ours.valid => Verdict::NotComparable { why: "our measurement is not valid" },
        (Some(theirs), Some(Ratio(mine))) => of(mine / theirs - 1.0),
    };
    Compared { base, published: theirs.map(Ratio), ours: mine, verdict }
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
