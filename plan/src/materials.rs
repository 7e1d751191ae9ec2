//! The bulk behind a state's names: objects of programs and secrets of HMAC keys, found by what the state calls them.

use std::collections::BTreeMap;

use segbox_config::model::Program;

/// What `apply` needs beside the steps. Never part of a dump: it holds secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Materials {
    /// By the loaded program's name, `stamp@1a2b3c4d`.
    pub programs: BTreeMap<String, Program>,
    /// By [`crate::HmacKey::digest`].
    pub secrets: BTreeMap<String, Secret>,
}

/// An HMAC secret; not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
