//! The interval between two of the rounds in which the median of another run is expected. It follows from the order of the
//! rounds: it assumes no distribution, only that the machine is the same in both runs.

/// The interval that contains the median of as many further rounds with a probability of 95 % or more. Five to eight rounds
/// cannot give that: theirs is from the slowest to the fastest, which with five rounds has a probability of 83 %. With fewer
/// rounds there is none.
pub(crate) fn expected_median(rounds: &[f64]) -> Option<(f64, f64)> {
    if rounds.len() < 5 {
        return None;
    }
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let outside = outside(sorted.len());
    Some((sorted[outside], sorted[sorted.len() - 1 - outside]))
}

/// Number of rounds outside the interval at each end, by the normal approximation, which is more cautious than the exact
/// probability: the number of further rounds below a middle round varies by the square root of half their number.
fn outside(rounds: usize) -> usize {
    let half = rounds as f64 / 2.0;
    ((half - 1.96 * half.sqrt()) as usize).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact probability that the interval contains the median of as many further rounds, by counting the possible orders of
    /// two runs' rounds.
    fn probability(rounds: usize) -> f64 {
        let choose = |n: usize, k: usize| (0..k).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64);
        let place = outside(rounds) + 1;
        let below = |j: usize| choose(place - 1 + j, j) * choose(2 * rounds - place - j, rounds - j);
        1.0 - 2.0 * (rounds.div_ceil(2)..=rounds).map(below).sum::<f64>() / choose(2 * rounds, rounds)
    }

    #[test]
    fn the_interval_holds_what_it_says() {
        assert!((probability(5) - 0.83).abs() < 0.01);
        for rounds in (9..120).filter(|rounds| rounds % 2 == 1) {
            let holds = probability(rounds);
            assert!((0.95..0.996).contains(&holds), "{rounds} rounds: {holds}");
        }
    }

    #[test]
    fn nine_rounds_give_their_extremes_and_many_do_not() {
        let rounds: Vec<f64> = (0..9).map(f64::from).collect();
        assert_eq!(expected_median(&rounds), Some((0.0, 8.0)));
        assert_eq!(expected_median(&rounds[..4]), None);
        let many: Vec<f64> = (0..30).map(f64::from).collect();
        assert_eq!(expected_median(&many), Some((6.0, 23.0)));
    }
}
