//! Folders of the user's cache that are slow to make and serve every clone: each is made once, under a key of its inputs.

use std::path::{Path, PathBuf};

use super::tree;
use crate::failure::Failure;
use crate::lock::lock;
use crate::workspace;

/// The folder `NAME-KEY`; `make` fills it unless it is there. Waits for another run that makes one of this name.
pub(super) fn kept(name: &str, key: &str, make: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<PathBuf, Failure> {
    let cache = workspace::cache()?;
    let home = cache.join(format!("{name}-{key}"));
    let waiting = format!("another ./dev makes the folder {name}-* of the cache; waiting for it");
    let _turn = lock(&cache.join(format!("{name}.lock")), &waiting)?;
    if !home.exists() {
        let fresh = cache.join(format!("{name}-{key}.new"));
        tree::empty(&fresh)?;
        make(&fresh)?;
        tree::replace(&fresh, &home)?;
    }
    Ok(home)
}
