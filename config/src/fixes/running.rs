//! A kernel as it says what it is: its release, the Debian package that it is, and the changelog of that package. Not here: reading them,
//! and what follows from them.

use super::version::{Package, Version};

/// The running kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// `uname -r`: `6.12.118+deb13-amd64`.
    pub(super) release: String,
    /// The Debian package, by the kernel's own word.
    pub(super) package: Option<Package>,
    /// The changelog from its package downwards, a text without line breaks per package.
    pub(super) entries: Option<Vec<String>>,
}

impl Running {
    /// `banner` is /proc/version, `changelog` that of the package with this release. A package on the disk may be newer than the kernel that
    /// runs: entries above its own do not count, and a changelog without its entry is of another kernel.
    pub fn new(release: &str, banner: &str, changelog: Option<&str>) -> Self {
        // The compiler before it may be Debian's, too: `(Debian 14.2.0-19)`.
        let of_debian = banner.rsplit_once(" Debian ").and_then(|(_, rest)| rest.split_whitespace().next());
        let package = of_debian.and_then(Package::of);
        let entries =
            changelog.zip(package).map(|(text, package)| entries(text, package)).filter(|all| !all.is_empty());
        Self { release: release.to_owned(), package, entries }
    }

    /// The Linux that it is made of, at least: distributions call 6.1.176 `6.1.0-50-amd64`.
    pub(super) fn version(&self) -> Option<Version> {
        self.package.map(|package| package.upstream).or_else(|| Version::of(&self.release))
    }

    /// Whether it is kernel.org's, by its release.
    pub(super) fn is_plain(&self) -> bool {
        self.package.is_none()
            && Version::of(&self.release).is_some()
            && self.release.chars().all(|character| character.is_ascii_digit() || character == '.')
    }
}

/// The entries from a package downwards.
fn entries(changelog: &str, package: Package) -> Vec<String> {
    let is_head = |line: &&str| line.starts_with("linux") && line.contains(" (");
    let mut all: Vec<String> = Vec::new();
    for line in changelog.lines() {
        if is_head(&line) {
            all.push(String::new());
        }
        // Debian breaks lines at 80 characters.
        if let Some(entry) = all.last_mut() {
            for word in line.split_whitespace() {
                entry.push_str(word);
                entry.push(' ');
            }
        }
    }
    let is_it = |entry: &String| package_of(entry) == Some(package);
    match all.iter().position(is_it) {
        Some(first) => all.split_off(first),
        None => Vec::new(),
    }
}

/// The package of an entry: `linux (6.12.117-1) ...`. That of signed kernels has another number, and names the right one.
fn package_of(entry: &str) -> Option<Package> {
    const SIGNED: &str = "Sign kernel from linux ";
    let (_, behind) = entry.split_once(SIGNED).or_else(|| entry.split_once(" ("))?;
    Package::of(behind.split([' ', ')']).next()?)
}
