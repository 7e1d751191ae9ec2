//! The bulk behind the names in a state: objects of programs, and secrets of HMAC keys. Not here: the names.

use std::collections::BTreeMap;

use segbox_config::model::Program;

/// The data that `apply` needs besides the steps. It holds secrets, so no dump has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Materials {
    /// By the loaded program's name, `stamp@1a2b…`.
    pub programs: BTreeMap<String, Program>,
    /// By [`HmacKey::digest`](crate::state::HmacKey::digest).
    pub secrets: BTreeMap<String, Secret>,
}

/// An HMAC secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
