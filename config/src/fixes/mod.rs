//! Fixes of the kernel that an SRv6 router wants, as data, and whether a kernel has them. Pure: it is told what the kernel says of itself.

mod running;
mod version;

use std::fmt;
use std::sync::LazyLock;

pub use running::Running;
pub use version::{Package, Version};

use crate::fault::Found;
use crate::toml::{Entry, parse};

/// A fix of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The CVE, else the commit in mainline, else a name.
    pub id: String,
    /// The first line of the commit.
    pub subject: String,
    /// What goes wrong without it.
    pub without: String,
    /// What has to be so for that.
    pub when: String,
    /// Who can bring it about.
    pub reach: Reach,
    since: Version,
    mainline: Version,
    stable: Vec<Version>,
    debian: Vec<Package>,
}

/// Who can bring about what a fix prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Whoever sends packets to the router.
    Packets,
    /// A BPF program of the file's.
    Programs,
    /// Root of this machine only, or a kernel that is built for real time.
    Local,
}

/// Whether a kernel has a fix, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has it, or never had the fault.
    Has(String),
    /// It lacks it.
    Lacks(String),
    /// Neither its version nor a changelog tells.
    Unknown(String),
}

/// Every fix that segbox knows.
pub fn all() -> &'static [Fix] {
    static ALL: LazyLock<Vec<Fix>> = LazyLock::new(|| read(include_str!("fixes.toml")));
    &ALL
}

/// The fixes that packets reach, that a Debian package lacks, and that a later one of the same series has.
pub fn overdue(package: &str) -> Vec<&'static Fix> {
    let Some(package) = Package::of(package) else { return Vec::new() };
    let is_later = |fix: &&Fix| fix.reach == Reach::Packets && fix.debian(package).is_some_and(|first| package < first);
    all().iter().filter(is_later).collect()
}

impl Fix {
    /// Whether a kernel has it.
    ///
    /// A distribution adds fixes to an older version, so a version that is too old says nothing about a distribution's kernel without its
    /// changelog. One that is new enough says that the fix is there.
    pub fn verdict(&self, kernel: &Running) -> Verdict {
        if let Some(package) = self.named_by(kernel) {
            return Verdict::Has(format!("the changelog of the kernel's package names it{package}"));
        }
        let Some(version) = kernel.version() else {
            return Verdict::Unknown(format!("`{}` does not begin with a version of Linux", kernel.release));
        };
        let first = self.first(version);
        if version < self.since {
            return Verdict::Has(format!("the fault came with Linux {}", self.since));
        }
        if let Some(first) = first.filter(|first| version >= *first) {
            return Verdict::Has(format!("Linux {first} and later have it"));
        }
        let fixed = match first {
            Some(first) => format!("Linux {first} is the first with it"),
            None => format!("no Linux {}.{} with it is known to segbox", version.series().0, version.series().1),
        };
        let debian = kernel.package.and_then(|package| Some((package, self.debian(package)?)));
        match debian {
            Some((package, first)) if package >= first => {
                return Verdict::Has(format!("Debian's {first} and later have it"));
            }
            Some((package, first)) => return Verdict::Lacks(format!("Debian's {first} has it, and this is {package}")),
            None => {}
        }
        if kernel.entries.is_some() {
            return Verdict::Lacks(format!("the changelog of the kernel's package does not name it; {fixed}"));
        }
        match first {
            Some(_) if kernel.is_plain() => Verdict::Lacks(fixed),
            _ => Verdict::Unknown(format!("{fixed}; whoever built {} may have added it", kernel.release)),
        }
    }

    /// Whether a later kernel of the same series is known to have it.
    pub fn is_in_series_of(&self, kernel: &Running) -> bool {
        let of_debian = || kernel.package.is_some_and(|package| self.debian(package).is_some());
        kernel.version().is_some_and(|version| self.first(version).is_some()) || of_debian()
    }

    /// The first version with it among those that come after this one: of its series, or of mainline.
    fn first(&self, version: Version) -> Option<Version> {
        if version >= self.mainline {
            return Some(self.mainline);
        }
        let all = self.stable.iter().chain([&self.mainline]);
        all.copied().find(|first| first.series() == version.series())
    }

    fn debian(&self, package: Package) -> Option<Package> {
        let series = package.upstream.series();
        self.debian.iter().copied().find(|first| first.upstream.series() == series)
    }

    /// The entry of the changelog that names it last, in words. One that takes it back counts, too.
    fn named_by(&self, kernel: &Running) -> Option<String> {
        for entry in kernel.entries.iter().flatten() {
            if let Some(at) = entry.find(&self.subject) {
                let is_back = entry[..at].ends_with("Revert \"");
                return (!is_back)
                    .then(|| entry.split(['(', ')']).nth(1).map(|of| format!(" ({of})")).unwrap_or_default());
            }
        }
        None
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Has(why) => write!(f, "has it: {why}"),
            Self::Lacks(why) => write!(f, "lacks it: {why}"),
            Self::Unknown(why) => write!(f, "cannot tell: {why}"),
        }
    }
}

/// The fixes of the data file. A test reads it: it has no fault.
fn read(text: &str) -> Vec<Fix> {
    let mut faults = Found::default();
    let tree = parse(text, &mut faults);
    let rows = tree.root().get("fix").into_iter().flat_map(Entry::children);
    rows.map(|row| fix(row).unwrap_or_else(|| panic!("fixes.toml: {:?}", row.get("id").and_then(Entry::text))))
        .collect()
}

fn fix(row: Entry<'_>) -> Option<Fix> {
    let text = |key: &str| row.get(key)?.text().map(str::to_owned);
    let list =
        |key: &str| row.get(key).into_iter().flat_map(Entry::children).map(|item| item.text().unwrap_or_default());
    Some(Fix {
        id: text("id")?,
        subject: text("subject")?,
        without: text("without")?,
        when: text("when")?,
        reach: match row.get("reach")?.text()? {
            "packets" => Reach::Packets,
            "programs" => Reach::Programs,
            "local" => Reach::Local,
            _ => return None,
        },
        since: Version::of(&text("since")?)?,
        mainline: Version::of(&text("mainline")?)?,
        stable: list("stable").map(Version::of).collect::<Option<_>>()?,
        debian: list("debian").map(Package::of).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests;
