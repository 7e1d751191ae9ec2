//! Formats the output of the commands as text. Not here: gathering the facts.

pub(crate) mod event;
pub(crate) mod fast_path;
mod losses;
mod management;
pub(crate) mod output;
pub(crate) mod status;
pub(crate) mod tuning;
