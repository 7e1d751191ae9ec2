//! The Mann-Whitney U test: do two sets of rounds have the same distribution? The test assumes no particular distribution,
//! which matters because rounds come in clusters. It is computed exactly, not approximated.

/// The probability that `after` is as far below `before` as it is, or farther, although nothing has changed. A small value
/// means a loss. One-sided; ties count half.
pub(crate) fn probability_of_loss(before: &[f64], after: &[f64]) -> f64 {
    if before.is_empty() || after.is_empty() {
        return 1.0;
    }
    // Pairs in which `after` is higher, counted in halves so that ties are whole numbers.
    let wins = |a: f64, b: f64| if a > b { 2 } else { usize::from(a == b) };
    let observed: usize = after.iter().flat_map(|a| before.iter().map(move |b| wins(*a, *b))).sum();
    let counts = ways(after.len(), before.len());
    let all: f64 = counts.iter().sum();
    // The orders with this U or a smaller one. A half is rounded up, which is the cautious direction.
    let at_most: f64 = counts.iter().take(observed.div_ceil(2) + 1).sum();
    at_most / all
}

/// The smallest probability that this many rounds can give.
pub(crate) fn best_attainable(before: usize, after: usize) -> f64 {
    if before == 0 || after == 0 { 1.0 } else { 1.0 / ways(after, before).iter().sum::<f64>() }
}

/// For each U from 0 to m·n, the number of orders of `m` and `n` values that give it (Mann and Whitney 1947).
fn ways(m: usize, n: usize) -> Vec<f64> {
    // The coefficients of the product over j of (1 - x^(n+j)) / (1 - x^j), as a power series up to m·n.
    let top = m * n;
    let mut counts = vec![0.0; top + 1];
    counts[0] = 1.0;
    for j in 1..=m {
        for u in (n + j..=top).rev() {
            counts[u] -= counts[u - n - j];
        }
        for u in j..=top {
            counts[u] += counts[u - j];
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_published_tables() {
        assert_eq!(ways(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
        assert_eq!(ways(5, 5).iter().sum::<f64>(), 252.0);
        assert_eq!(ways(7, 7).iter().sum::<f64>(), 3432.0);
        // Mann and Whitney's table: P(U <= 4) with 5 and 5 is 0.048.
        assert!((ways(5, 5).iter().take(5).sum::<f64>() / 252.0 - 0.0476).abs() < 1e-4);
    }

    #[test]
    fn a_clear_loss_is_improbable_and_a_gain_is_none() {
        let (before, after) = ([10.0, 11.0, 12.0, 13.0, 14.0], [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((probability_of_loss(&before, &after) - 1.0 / 252.0).abs() < 1e-12);
        assert!((probability_of_loss(&after, &before) - 1.0).abs() < 1e-12);
        assert!((best_attainable(5, 5) - 1.0 / 252.0).abs() < 1e-12);
        assert!(probability_of_loss(&before, &before) > 0.5, "the same is no loss");
        assert_eq!(probability_of_loss(&[], &after), 1.0);
    }

    #[test]
    fn many_rounds_do_not_overflow() {
        let before: Vec<f64> = (0..60).map(f64::from).collect();
        let after: Vec<f64> = (0..60).map(|n| f64::from(n) - 0.5).collect();
        let probability = probability_of_loss(&before, &after);
        assert!(probability > 0.3 && probability < 0.6, "{probability}");
    }
}
