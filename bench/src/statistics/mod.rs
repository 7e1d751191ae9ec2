//! Statistics of rounds. Pure.

mod bootstrap;
mod rank;
mod rerun;
mod summary;

pub(crate) use bootstrap::{Interval, ratio_of_medians};
pub(crate) use rank::{best_attainable, probability_of_loss};
pub(crate) use summary::{Rounds, median};
