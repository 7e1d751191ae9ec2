//! Chance that can be had again: a run that fails prints its seed, and `SEGBOX_SEED` repeats it as far as the machine's own timing
//! allows.

use std::hash::{BuildHasher, RandomState};

/// Numbers by chance (splitmix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From the environment's seed, else from a fresh one; prints which.
    ///
    /// # Panics
    /// `SEGBOX_SEED` is no number.
    pub fn new(what: &str) -> Self {
        let given = std::env::var("SEGBOX_SEED").ok().map(|text| text.parse().expect("SEGBOX_SEED is a number"));
        let seed = given.unwrap_or_else(fresh_seed);
        println!("{what}: SEGBOX_SEED={seed}");
        Self(seed)
    }

    /// That of one case of a run with this seed. It does not depend on the cases before it.
    pub fn of(seed: u64, case: u64) -> Self {
        let mut of_run = Self(seed ^ case.wrapping_mul(0xd134_2543_de82_ef95));
        of_run.fork()
    }

    /// Another one that follows from it.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[7]
    }

    /// 0 to just below 1.
    ///
    /// # Panics
    /// Never: 32 bits are 32 bits.
    pub fn share(&mut self) -> f64 {
        // 32 bits, which a double holds exactly.
        f64::from(u32::try_from(self.number() >> 32).expect("32 bits")) / f64::from(u32::MAX)
    }

    /// One of so many.
    ///
    /// # Panics
    /// Of none.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.number() % count as u64).expect("less than count")
    }

    /// One of these.
    ///
    /// # Panics
    /// Of none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Whether a thing happens that happens once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A seed that no run had before.
pub fn fresh_seed() -> u64 {
    // Short enough to be typed.
    RandomState::new().hash_one("a seed") >> 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_the_same_chance_again_and_another_case_another() {
        let first = |seed, case| Chance::of(seed, case).number();
        assert_eq!(first(7, 3), first(7, 3));
        let all: std::collections::BTreeSet<u64> =
            (0..10).flat_map(|seed| (0..100).map(move |case| first(seed, case))).collect();
        assert_eq!(all.len(), 1000);
        let mut chance = Chance::of(7, 3);
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&chance.share()) && chance.below(3) < 3));
    }
}
