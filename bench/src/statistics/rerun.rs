//! Where the median of another run is expected: between which of the rounds. From their order alone: it asks for no
//! distribution, only that a machine is alike in both runs.

/// The interval that holds the median of as many further rounds in 95 of 100 cases or more. Eight rounds or fewer cannot
/// say that: of them slowest and fastest, which with five hold it in 83 of 100. Fewer say nothing.
pub(crate) fn expected_median(rounds: &[f64]) -> Option<(f64, f64)> {
    if rounds.len() < 5 {
        return None;
    }
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let outside = outside(sorted.len());
    Some((sorted[outside], sorted[sorted.len() - 1 - outside]))
}

/// Rounds that may be left outside at either end: the normal approximation, which is on the careful side of the exact
/// probability. How many further rounds lie below a round in the middle varies by the root of half their number.
fn outside(rounds: usize) -> usize {
    let half = rounds as f64 / 2.0;
    ((half - 1.96 * half.sqrt()) as usize).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How probable it is that the median of as many further rounds lies in the interval, exactly: by counting the orders
    /// in which two runs' rounds can stand.
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
