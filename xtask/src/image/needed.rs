//! Parts of the cache that the next image needs, by Debian's lists as they were last fetched. Builds and fetches nothing.

use std::path::PathBuf;

use super::archive::Archive;
use super::daemons::DAEMONS;
use super::mkosi::{self, Mkosi};
use super::{manifest, tools};
use crate::failure::Failure;
use crate::workspace;

/// Folders and packages.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    /// Names of the cache's folders.
    pub(crate) folders: Vec<String>,
    /// Beginnings of the packages' file names, `NAME_VERSION_`; `None` where they are not known because there is no tree yet.
    pub(crate) packages: Option<Vec<String>>,
}

impl Needed {
    /// For an image of these sources.
    ///
    /// # Errors
    /// Debian's lists are there and lack a package that the image is made of.
    pub(crate) fn find() -> Result<Self, Failure> {
        let Some(archive) = Archive::last()? else { return Ok(Self::default()) };
        let version = Mkosi::version(&archive)?;
        let mut folders = vec![format!("mkosi-{}", mkosi::number(&version))];
        let mut packages = Some(Vec::new());
        for project in ["tools", "kernel"] {
            let folder = format!("{project}-{}", tools::key(&archive, &version, project)?);
            let list = workspace::cache()?.join(&folder).join(format!("{project}.manifest"));
            packages = packages.and_then(|names| Some([names, names_in(list)?].concat()));
            folders.push(folder);
        }
        // The tests' tree; a user who runs none of them has none.
        let folder = format!("{DAEMONS}-{}", tools::key(&archive, &version, DAEMONS)?);
        let list = workspace::cache()?.join(&folder).join(format!("{DAEMONS}.manifest"));
        packages = packages.map(|names| [names, names_in(list).unwrap_or_default()].concat());
        folders.push(folder);
        Ok(Self { folders, packages })
    }
}

/// How the files of a tree's packages begin.
fn names_in(manifest: PathBuf) -> Option<Vec<String>> {
    let listed = manifest::packages(&manifest).ok()?;
    // apt writes the colon of an epoch so.
    Some(listed.iter().map(|(name, version)| format!("{name}_{}_", version.replace(':', "%3a"))).collect())
}
