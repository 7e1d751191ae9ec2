//! A tree of programs that run beside segbox on a host, for the tests: daemons that configure interfaces, and firewalls. It is no part of
//! the image, but made as the image's trees are. `target/daemons` leads to it.

use std::fs;
use std::os::unix::fs::symlink;

use super::archive::Archive;
use super::kept::kept;
use super::mkosi::Mkosi;
use super::{tools, tree};
use crate::failure::Failure;
use crate::progress::Step;
use crate::workspace;

/// Its project in `image/`, its folder in the cache, and its name in `target/`.
pub(super) const DAEMONS: &str = "daemons";

/// Builds the tree unless it is there.
///
/// # Errors
/// No network, not root.
pub(crate) fn run() -> Result<(), Failure> {
    let archive = Archive::open()?;
    let mkosi = Mkosi::open(&archive)?;
    let key = tools::key(&archive, &mkosi.version, DAEMONS)?;
    let home = kept(DAEMONS, &key, |fresh| {
        Step::quiet("installing daemons and firewalls into a tree for the tests, once, 100 MB to fetch", 110)
            .run(|| mkosi.project(DAEMONS, fresh).build())
    })?;
    let target = workspace::target();
    fs::create_dir_all(&target).map_err(|error| Failure::file("create", &target, &error))?;
    let (link, fresh) = (target.join(DAEMONS), target.join("daemons.new"));
    tree::remove(&fresh)?;
    symlink(home.join(DAEMONS), &fresh).map_err(|error| Failure::file("link", &fresh, &error))?;
    fs::rename(&fresh, &link).map_err(|error| Failure::file("rename", &fresh, &error))
}
