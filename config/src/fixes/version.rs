//! Versions of Linux and of Debian's packages of it, in their order. Not here: what a kernel of a version has.

use std::fmt;

/// A version of Linux. A release candidate is before its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    series: (u32, u32),
    patch: u32,
    candidate: u32,
}

/// The place of a release behind its candidates.
const RELEASED: u32 = u32::MAX;

/// The version of a Debian package: `6.12.118-1`, `7.3.4-1~bpo13+1`.
///
/// Of the revision only its first number counts. A backport, `-1~bpo13+1`, comes before `-1` for dpkg, but it has the same patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// The Linux that it is made of.
    pub upstream: Version,
    revision: u32,
}

impl Version {
    /// The version at the beginning of a release's name: `6.18.44-fc-v669`, `7.3.0-rc5+`, `6.12+deb13-amd64`; None where there is none.
    pub fn of(release: &str) -> Option<Self> {
        let (major, rest) = number(release)?;
        let (minor, mut rest) = number(rest.strip_prefix('.')?)?;
        let mut patch = 0;
        if let Some((found, behind)) = rest.strip_prefix('.').and_then(number) {
            (patch, rest) = (found, behind);
        }
        let candidate = rest.strip_prefix("-rc").or_else(|| rest.strip_prefix("~rc")).and_then(number);
        let candidate = candidate.map_or(RELEASED, |(found, _)| found);
        Some(Self { series: (major, minor), patch, candidate })
    }

    /// Its stable series, (6, 12).
    pub fn series(self) -> (u32, u32) {
        self.series
    }
}

impl Package {
    /// None for what is no version of a package.
    pub fn of(text: &str) -> Option<Self> {
        let (_, revision) = text.rsplit_once('-')?;
        Some(Self { upstream: Version::of(text)?, revision: number(revision)?.0 })
    }
}

/// The number at the beginning, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { series: (major, minor), patch, candidate } = self;
        write!(f, "{major}.{minor}")?;
        if *patch > 0 {
            write!(f, ".{patch}")?;
        }
        if *candidate == RELEASED { Ok(()) } else { write!(f, "-rc{candidate}") }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.upstream, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::of(text).expect("a version")
    }

    #[test]
    fn releases_come_in_their_order() {
        let order = [
            "6.12",
            "6.12.9",
            "6.12.109",
            "6.13",
            "7.3-rc1",
            "7.3.0-rc5-next-20261001",
            "7.3~rc7-1~exp1",
            "7.3",
            "7.3.4",
        ];
        assert!(order.windows(2).all(|pair| version(pair[0]) < version(pair[1])), "{order:?}");
        assert_eq!(version("7.3.0"), version("7.3"));
    }

    #[test]
    fn names_of_releases_are_read() {
        for (release, shown) in [
            ("6.18.44-fc-v669", "6.18.44"),
            ("6.12+deb13-amd64", "6.12"),
            ("6.1.0-50-amd64", "6.1"),
            ("5.14.0-503.el9.x86_64", "5.14"),
            ("7.3.0-rc5+", "7.3-rc5"),
            ("6.12.-odd", "6.12"),
        ] {
            assert_eq!(version(release).to_string(), shown, "{release}");
        }
        for none in ["", "linux", "6", "6.", ".12", "v6.12", "99999999999.1", "6.99999999999"] {
            assert_eq!(Version::of(none), None, "{none}");
        }
    }

    #[test]
    fn packages_come_in_their_order_and_a_backport_is_as_good_as_its_package() {
        let package = |text: &str| Package::of(text).expect("a package");
        assert!(package("6.1.176-1") < package("6.1.176-2") && package("6.1.176-9") < package("6.1.192-3"));
        assert_eq!(package("7.3.4-1~bpo13+1"), package("7.3.4-1"));
        assert_eq!(package("7.3~rc7-1~exp1").upstream, version("7.3-rc7"));
        for none in ["6.12.118", "6.12.118-", "6.12.118-x", "-1", "linux-1"] {
            assert_eq!(Package::of(none), None, "{none}");
        }
    }
}
