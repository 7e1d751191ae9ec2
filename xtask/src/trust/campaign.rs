//! A campaign as data, and the work that its cases are. Not here: the loop (`trust`) and the campaigns (`table`).

use std::path::PathBuf;

use segbox_vm::Chance;

use crate::failure::Failure;

/// A campaign.
pub(super) struct Campaign {
    /// As it is typed.
    pub(super) name: &'static str,
    /// What is tried, and what has to hold.
    pub(super) what: &'static str,
    /// What is counted: `power cuts`.
    pub(super) unit: &'static str,
    /// How many have to hold before a release.
    pub(super) goal: u64,
    /// How many the fast tests try. None: another stage of the fast tests has the slice.
    pub(super) short: Option<u64>,
    /// Makes what the cases share: a router, a recording.
    pub(super) prepare: fn(&Place) -> Result<Box<dyn Work>, Failure>,
}

/// What a campaign works with.
pub(super) struct Place {
    /// The program to try.
    pub(super) segbox: PathBuf,
    /// A folder of this campaign's own, which outlives the run.
    pub(super) folder: PathBuf,
}

/// The cases of a campaign.
pub(super) trait Work {
    /// Tries one case. All that is random in it comes from `chance`, so that it can be had again by its number. Gives how many of the
    /// campaign's unit it was; mostly one.
    ///
    /// # Errors
    /// It did not hold: what was tried and what was found. A panic counts the same.
    fn case(&mut self, number: u64, chance: &mut Chance) -> Result<u64, String>;
}
