//! Compares two runs: which cases have become slower, and with what certainty. Pure.

use crate::case::HARNESS;
use crate::result::{Measured, Run};
use crate::statistics::{Interval, Rounds, best_attainable, probability_of_loss, ratio_of_medians};
use crate::units::Kpps;

/// How to compare.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A smaller loss does not count. Two runs of one build differ by 3 % on a quiet machine.
    pub(crate) loss: f64,
    /// A loss counts if the probability that chance alone causes it, in any of all cases together (Bonferroni), is at most
    /// this. If there are too few rounds for that, the lowest probability that they can give is the limit, up to
    /// [`WORST_CHANCE`].
    pub(crate) chance: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { loss: 0.03, chance: 0.01 }
    }
}

/// If the lowest probability that the rounds can give is above this, there are too few of them, as with two against two.
const WORST_CHANCE: f64 = 0.05;

/// How a case has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Slower, and chance is improbable.
    Loss,
    /// Faster, and chance is improbable.
    Gain,
    /// No difference, or one that can be chance.
    None,
    /// Too few rounds to tell.
    Unknown,
    /// No longer valid: packets are lost or wrong.
    Broken,
    /// The second run does not have it.
    Missing,
}

/// How far from 1 a ratio of medians must be to count as a change.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    loss: f64,
    gain: f64,
    chance: f64,
}

impl Bounds {
    /// If the machine has become slower, only a loss beyond that counts; if it has become faster, only a gain beyond that. A loss
    /// on a faster machine and a gain on a slower one count in full.
    fn of(Limits { loss, chance }: Limits, machine: f64) -> Self {
        Self { loss: loss + (1.0 - machine).max(0.0), gain: loss + (machine - 1.0).max(0.0), chance }
    }
}

/// A case in two runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ComparedCase {
    /// Its id.
    pub(crate) case: String,
    /// After divided by before, with its 95 % interval.
    pub(crate) interval: Option<Interval>,
    /// Probability that chance alone causes such a loss.
    pub(crate) chance: f64,
    /// The verdict.
    pub(crate) change: Change,
    /// Whether the median is where the other run expects that of a rerun, for either of the two runs. None with few rounds.
    pub(crate) agrees: Option<bool>,
}

/// Two runs compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// By case.
    pub(crate) rows: Vec<ComparedCase>,
    /// The change of the machine itself: that of the case `harness`, which has no router.
    pub(crate) machine: Option<Interval>,
}

impl ComparedCase {
    /// Whether `segbench compare` must fail because of it.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self.change, Change::Loss | Change::Broken | Change::Missing)
    }
}

/// Compares every case of the first run with the second run.
pub(crate) fn compare(before: &Run, after: &Run, limits: Limits) -> Comparison {
    let harness = before.case(HARNESS).zip(after.case(HARNESS));
    let machine = harness.and_then(|(old, new)| ratio_of_medians(&rates(old), &rates(new)));
    let limits = Limits { chance: limits.chance / before.cases.len().max(1) as f64, ..limits };
    let bounds = Bounds::of(limits, machine.map_or(1.0, |machine| machine.ratio));
    let cases = before.cases.iter().filter(|case| case.case != HARNESS);
    let rows = cases.map(|old| {
        let case = old.case.clone();
        let Some(new) = after.case(&case) else {
            return ComparedCase { case, interval: None, chance: 1.0, change: Change::Missing, agrees: None };
        };
        let (change, interval, chance) = judge(&rates(old), &rates(new), bounds);
        let change = if old.valid && !new.valid { Change::Broken } else { change };
        ComparedCase { case, interval, chance, change, agrees: agree(&old.kpps, &new.kpps) }
    });
    Comparison { rows: rows.collect(), machine }
}

fn rates(case: &Measured) -> Vec<f64> {
    case.kpps.rounds.iter().map(|rate| rate.0).collect()
}

/// Whether the median of one run is where the other run expects it.
fn agree(a: &Rounds, b: &Rounds) -> Option<bool> {
    let within = |(low, high): (Kpps, Kpps), rate: Kpps| low.0 <= rate.0 && rate.0 <= high.0;
    Some(within(a.rerun?, b.median) || within(b.rerun?, a.median))
}

fn judge(before: &[f64], after: &[f64], bounds: Bounds) -> (Change, Option<Interval>, f64) {
    let interval = ratio_of_medians(before, after);
    let (loss, gain) = (probability_of_loss(before, after), probability_of_loss(after, before));
    let attainable = best_attainable(before.len(), after.len());
    let limit = bounds.chance.max(attainable);
    let change = match interval {
        _ if attainable > WORST_CHANCE => Change::Unknown,
        // Both the ratio and the whole interval must be below: one slow cluster among the rounds is not a loss.
        Some(Interval { ratio, high, .. }) if loss <= limit && ratio < 1.0 - bounds.loss && high < 1.0 => Change::Loss,
        Some(Interval { ratio, low, .. }) if gain <= limit && ratio > 1.0 + bounds.gain && low > 1.0 => Change::Gain,
        _ => Change::None,
    };
    (change, interval, loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::example;

    const ROUNDS: [f64; 7] = [100.0, 101.0, 99.0, 100.5, 99.5, 98.0, 102.0];

    fn judged(factor: f64, rounds: usize) -> Change {
        on_a_machine(1.0, factor, rounds)
    }

    /// The same on a machine whose speed has changed by this factor.
    fn on_a_machine(machine: f64, factor: f64, rounds: usize) -> Change {
        let after: Vec<f64> = ROUNDS.iter().map(|rate| rate * factor).collect();
        judge(&ROUNDS[..rounds], &after[..rounds], Bounds::of(Limits::default(), machine)).0
    }

    #[test]
    fn a_machine_excuses_what_it_did_itself_and_nothing_else() {
        assert_eq!(on_a_machine(0.9, 0.9, 7), Change::None, "all of it has become slower");
        assert_eq!(on_a_machine(0.9, 0.8, 7), Change::Loss, "the case more than the machine");
        assert_eq!(on_a_machine(1.1, 0.9, 7), Change::Loss, "on a faster machine a loss is one");
        assert_eq!(on_a_machine(1.1, 1.1, 7), Change::None, "all of it has become faster");
        assert_eq!(on_a_machine(1.1, 1.2, 7), Change::Gain);
        assert_eq!(on_a_machine(0.9, 1.1, 7), Change::Gain, "on a slower machine a gain is one");
    }

    #[test]
    fn the_machine_is_what_happened_without_a_router() {
        let runs = |harness: f64, end: f64| {
            let of = |case: &str, factor: f64| example(case, &ROUNDS.map(|rate| rate * factor), None);
            let mut run = of(HARNESS, harness);
            run.cases.extend(of("end", end).cases);
            run
        };
        let change = |harness: f64, end: f64| {
            let comparison = compare(&runs(1.0, 1.0), &runs(harness, end), Limits::default());
            comparison.rows.iter().map(|row| (row.case.clone(), row.change)).collect::<Vec<_>>()
        };
        assert_eq!(change(0.85, 0.9), [("end".to_owned(), Change::None)]);
        assert_eq!(change(1.15, 0.9), [("end".to_owned(), Change::Loss)]);
    }

    #[test]
    fn a_loss_is_seen_and_noise_is_none() {
        assert_eq!(judged(0.9, 7), Change::Loss);
        assert_eq!(judged(0.9, 3), Change::Loss, "three rounds that all lie below the other three");
        assert_eq!(judged(1.1, 7), Change::Gain);
        assert_eq!(judged(1.0, 7), Change::None);
        assert_eq!(judged(0.98, 7), Change::None, "too small to matter");
        assert_eq!(judged(0.5, 2), Change::Unknown, "two rounds say nothing");
    }

    #[test]
    fn a_rerun_agrees_where_either_expects_the_other() {
        let rounds =
            |factor: f64| Rounds::new(ROUNDS.iter().map(|rate| Kpps(rate * factor)).collect()).expect("rounds");
        assert_eq!(agree(&rounds(1.0), &rounds(1.01)), Some(true));
        assert_eq!(agree(&rounds(1.0), &rounds(0.9)), Some(false));
        let few = Rounds::new(vec![Kpps(1.0); 3]).expect("rounds");
        assert_eq!(agree(&few, &rounds(1.0)), None);
    }

    #[test]
    fn one_slow_round_is_no_loss() {
        let mut after = ROUNDS;
        after[3] = 50.0;
        assert_eq!(judge(&ROUNDS, &after, Bounds::of(Limits::default(), 1.0)).0, Change::None);
    }

    #[test]
    fn clusters_that_both_runs_have_are_no_loss() {
        let before = [100.0, 85.0, 101.0, 84.0, 100.0, 86.0, 99.0];
        let after = [85.0, 100.0, 84.0, 101.0, 86.0, 99.0, 85.0];
        assert_eq!(judge(&before, &after, Bounds::of(Limits::default(), 1.0)).0, Change::None);
    }
}
