//! The reference page of segbox.toml as markdown.
/// x
pub fn reference() -> String { String::new() }
