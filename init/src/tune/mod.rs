//! Tuning this box: which hardware profile is its, and the process that keeps it tuned. Not here: what a profile's knobs become
//! (`segbox_plan::tune`), or how they are turned (`segbox_linux::tune`).

mod keeper;
mod profiles;

pub(crate) use keeper::keep;
pub(crate) use profiles::{Choice, Profiles, files, is_of_the_house};
