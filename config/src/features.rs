//! Every feature of the kernel that a file may need: the general ones and those of single behaviors. Not here: which of them a
//! kernel has.

use crate::behavior::{ENDPOINTS, HEADENDS, Row};
use crate::kernel::Feature;

/// Every feature, once, in the order `segbox doctor` shows them.
pub fn all() -> Vec<Feature> {
    let mut all = Feature::GENERAL.to_vec();
    for feature in ENDPOINTS.iter().chain(HEADENDS).flat_map(Row::features) {
        // Two behaviors may need the same one.
        if !all.contains(&feature) {
            all.push(feature);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_there_once_and_no_two_share_a_name() {
        let all = all();
        for feature in &all {
            assert_eq!(all.iter().filter(|other| other.name == feature.name).count(), 1, "{}", feature.name);
        }
        assert!(all.len() >= 15);
    }
}
