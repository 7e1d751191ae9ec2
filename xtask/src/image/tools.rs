//! The tree of Debian 13's tools that build and run the image. It is made once and kept in the cache; its programs run from
//! outside, so nothing is installed and no container is entered.

use std::path::PathBuf;
use std::process::Command;

use super::archive::Archive;
use super::kept::kept;
use super::mkosi::Mkosi;
use super::tree;
use crate::failure::Failure;
use crate::progress::Step;
use crate::stamp::Key;
use crate::workspace;

/// The tools, ready for use.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(super) archive: Archive,
    pub(super) mkosi: Mkosi,
    home: PathBuf,
    key: String,
}

impl Tools {
    /// Builds the tree unless it is there.
    ///
    /// # Errors
    /// No network, not root.
    pub(crate) fn open() -> Result<Self, Failure> {
        let archive = Archive::open()?;
        let mkosi = Mkosi::open(&archive)?;
        let key = key(&archive, &mkosi.version, "tools")?;
        let home = kept("tools", &key, |fresh| {
            Step::quiet("installing the tools that build and run the image, once, 150 MB to fetch", 120)
                .run(|| mkosi.project("tools", fresh).build())
        })?;
        Ok(Self { archive, mkosi, home, key })
    }

    /// The key that tells this tree from others.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The tree.
    pub(crate) fn tree(&self) -> PathBuf {
        self.home.join("tools")
    }

    /// mkosi's list of its packages.
    pub(super) fn manifest(&self) -> PathBuf {
        self.home.join("tools.manifest")
    }

    /// A program of the tree, run from outside.
    pub(crate) fn command(&self, program: &str) -> Command {
        segbox_vm::tool(&self.tree(), program)
    }
}

/// Key of a Debian tree: its project and the versions of the packages that it names.
pub(super) fn key(archive: &Archive, mkosi: &str, project: &str) -> Result<String, Failure> {
    let root = workspace::root();
    let configuration = root.join("image").join(project).join("mkosi.conf");
    let versions = archive.versions(&packages(&tree::read(&configuration)?))?;
    Ok(Key::default().text(mkosi).text(&versions).file(&root, &configuration)?.finish())
}

/// The packages that a project names.
fn packages(configuration: &str) -> Vec<String> {
    let behind = configuration.lines().skip_while(|line| !line.starts_with("Packages=")).skip(1);
    let lines = behind.take_while(|line| line.starts_with(' ') || line.starts_with('#'));
    lines.map(str::trim).filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_packages_of_a_project() {
        let text = "[Content]\nBootable=no\nPackages=\n    # Why.\n    apt\n    kmod\n\nRemoveFiles=\n    /boot\n";
        assert_eq!(packages(text), ["apt", "kmod"]);
        assert_eq!(packages("[Output]\n"), [""; 0]);
    }
}
