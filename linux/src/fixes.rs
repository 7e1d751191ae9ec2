//! What the running kernel says of itself: its release, its banner, and the changelog of its Debian package where that is installed. Not
//! here: which fixes follow from it (`segbox_config::fixes`).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use segbox_config::fixes::Running;

/// More than any changelog has: those of 2026 have 9 MB.
const MOST: u64 = 64 << 20;

/// The running kernel.
pub fn running() -> Running {
    let release = crate::kernel::release();
    let banner = fs::read_to_string("/proc/version").unwrap_or_default();
    Running::new(&release, &banner, changelog(Path::new("/usr/share/doc"), &release).as_deref())
}

/// The changelog of the package with this release. Debian's packages have had it under these names.
fn changelog(docs: &Path, release: &str) -> Option<String> {
    let packages = ["linux-image", "linux-base"].map(|package| docs.join(format!("{package}-{release}")));
    let unsigned = docs.join(format!("linux-image-{release}-unsigned"));
    let files = |package: PathBuf| ["changelog.Debian.gz", "changelog.gz"].map(|name| package.join(name));
    packages.into_iter().chain([unsigned]).flat_map(files).find_map(|path| unpack(&path))
}

fn unpack(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).ok()?).take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_changelog_is_found_by_the_release_alone() {
        let docs = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = docs.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            let mut file = GzEncoder::new(File::create(path).expect("made"), Compression::fast());
            file.write_all(text.as_bytes()).and_then(|()| file.finish().map(drop)).expect("written");
        };
        let find = |release: &str| changelog(docs.path(), release);
        write("linux-image-6.12.1+deb13-amd64/changelog.gz", "older");
        write("linux-base-7.3.4+deb13-amd64/changelog.Debian.gz", "newer");
        write("linux-image-6.1.0-50-amd64-unsigned/changelog.Debian.gz", "unsigned");
        assert_eq!(find("6.12.1+deb13-amd64").as_deref(), Some("older"));
        assert_eq!(find("7.3.4+deb13-amd64").as_deref(), Some("newer"));
        assert_eq!(find("6.1.0-50-amd64").as_deref(), Some("unsigned"));
        assert_eq!(find("6.18.44"), None);
        fs::create_dir_all(docs.path().join("linux-image-6.6.6")).expect("made");
        fs::write(docs.path().join("linux-image-6.6.6/changelog.gz"), "no gzip").expect("written");
        assert_eq!(find("6.6.6"), None, "a damaged one says nothing");
    }
}
