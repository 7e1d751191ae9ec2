//! Chance that can be had again: a test that fails prints its seed, and `SEGBOX_SEED` repeats it as far as the machine's own timing
//! allows.

use std::hash::{BuildHasher, RandomState};

/// Numbers by chance (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// From the environment's seed, else from a fresh one; prints which.
    pub(crate) fn new(what: &str) -> Self {
        let given = std::env::var("SEGBOX_SEED").ok().map(|text| text.parse().expect("SEGBOX_SEED is a number"));
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(what));
        println!("{what}: SEGBOX_SEED={seed}");
        Self(seed)
    }

    /// Another one that follows from it.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to just below 1.
    pub(crate) fn share(&mut self) -> f64 {
        // 32 bits, which a double holds exactly.
        f64::from(u32::try_from(self.next() >> 32).expect("32 bits")) / f64::from(u32::MAX)
    }

    /// One of so many.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).expect("less than count")
    }
}
