//! Files and names of interfaces as the tests of this crate write them.

use segbox_config::{Config, IfName, Surroundings};

pub(crate) fn name(text: &str) -> IfName {
    text.parse().expect("a name")
}

/// The configuration of a file without faults, whose box is not known.
pub(crate) fn config(text: &str) -> Config {
    let draft = segbox_config::read(text.to_owned(), "segbox.toml".to_owned());
    draft.resolve(&Surroundings::default()).unwrap_or_else(|faults| panic!("{faults}")).config
}
