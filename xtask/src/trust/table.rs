//! The campaigns.

use super::campaign::Campaign;
use super::{cycles, fuzzing, kills, packets, pairs, power, rounds, soak};

/// All of them.
pub(super) const ALL: &[&Campaign] = &[
    &power::POWER_CUTS,
    &kills::KILLS,
    &packets::PACKETS,
    &pairs::PAIRS,
    &rounds::ROUNDS,
    &cycles::CYCLES,
    &fuzzing::FUZZ,
    &soak::SOAK,
];
