//! What the commands print, as text. Not here: any of the facts.

pub(crate) mod event;
pub(crate) mod output;
pub(crate) mod status;
pub(crate) mod tuning;
