//! The tables of a hardware profile.
use super::Table;
pub(crate) static PROFILE: Table = Table { title: "the profile", doc: "x", rows: &[], keys: &[] };
