//! Files of the config partition. They are written completely or not at all, even with a power cut at any moment. The last good
//! files are kept, and each attempt is recorded before it starts. Not here: which file runs (`fallback`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::fallback::Generation;

/// Number of kept files: changes of a few weeks, a few hundred kilobytes.
const KEPT: usize = 10;

/// Writes a file so that a reader, or the boot after a power cut, finds either the old or the new file.
///
/// The new bytes are on the disk before the rename (fsync of the file), and the new name is on the disk before this returns
/// (fsync of the folder).
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let fresh = path.with_extension("new");
    let written = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh);
    let written = written.and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // If the disk is full, the partial file must not use up the remaining space.
        drop(fs::remove_file(&fresh));
        return Err(error);
    }
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

/// The digest of a text (FNV-1a). It tells files apart and offers no security.
pub(crate) fn digest(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The path of a generation: beside segbox.toml, so that its relative paths to keys and programs stay valid.
fn place(config: &Path, number: u32) -> PathBuf {
    config.join(format!("good-{number:06}.toml"))
}

/// The good files, newest first.
pub(crate) fn list(config: &Path) -> Vec<Generation> {
    let entries = fs::read_dir(config).into_iter().flatten().flatten();
    let mut found: Vec<Generation> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let number = path.file_name()?.to_str()?.strip_prefix("good-")?.strip_suffix(".toml")?.parse().ok()?;
            let digest = digest(&fs::read(&path).ok()?);
            Some(Generation { number, path, digest })
        })
        .collect();
    found.sort_by_key(|generation| std::cmp::Reverse(generation.number));
    found
}

/// Saves a text that was applied and read back as the newest good file. An existing one is not written again: a box that boots
/// every day must not wear out its disk.
pub(crate) fn keep(config: &Path, text: &str) -> io::Result<()> {
    let known = list(config);
    if known.first().is_some_and(|newest| newest.digest == digest(text.as_bytes())) {
        return Ok(());
    }
    let number = known.first().map_or(1, |newest| newest.number + 1);
    replace(&place(config, number), text.as_bytes())?;
    for old in known.iter().skip(KEPT - 1) {
        fs::remove_file(&old.path)?;
    }
    Ok(())
}

fn attempt_file(config: &Path) -> PathBuf {
    config.join("attempt")
}

/// How many boots have started to apply this text and did not complete it.
pub(crate) fn attempts(config: &Path, text: &str) -> u32 {
    let noted = fs::read_to_string(attempt_file(config)).unwrap_or_default();
    let mut words = noted.split_ascii_whitespace();
    let same = words.next() == Some(&format!("{:016x}", digest(text.as_bytes())));
    words.next().and_then(|count| count.parse().ok()).filter(|_| same).unwrap_or(0)
}

/// Records that this text is about to be applied. Not for a text that is known to be good, which would cost a write on every
/// boot.
pub(crate) fn begin(config: &Path, text: &str) -> io::Result<()> {
    if list(config).iter().any(|generation| generation.digest == digest(text.as_bytes())) {
        return Ok(());
    }
    let count = attempts(config, text) + 1;
    replace(&attempt_file(config), format!("{:016x} {count}\n", digest(text.as_bytes())).as_bytes())
}

/// Removes the record: the attempt is complete, successful or not.
pub(crate) fn end(config: &Path) -> io::Result<()> {
    match fs::remove_file(attempt_file(config)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_each_text_once() {
        let place = tempfile::tempdir().expect("a folder");
        for text in ["a", "b", "b", "a"] {
            keep(place.path(), text).expect("writable");
        }
        let numbers: Vec<u32> = list(place.path()).iter().map(|generation| generation.number).collect();
        assert_eq!(numbers, [3, 2, 1]);
        for count in 0..20 {
            keep(place.path(), &format!("text {count}")).expect("writable");
        }
        let found = list(place.path());
        assert_eq!((found.len(), found[0].digest), (KEPT, digest(b"text 19")));
    }

    #[test]
    fn counts_the_boots_that_a_text_did_not_survive() {
        let place = tempfile::tempdir().expect("a folder");
        let config = place.path();
        assert_eq!(attempts(config, "a"), 0);
        begin(config, "a").expect("writable");
        begin(config, "a").expect("writable");
        assert_eq!((attempts(config, "a"), attempts(config, "b")), (2, 0));
        end(config).expect("removable");
        end(config).expect("gone already is fine");
        assert_eq!(attempts(config, "a"), 0);
        keep(config, "a").expect("writable");
        begin(config, "a").expect("writable");
        assert_eq!(attempts(config, "a"), 0, "a good one is not noted");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("segbox.toml");
        replace(&path, b"old").expect("writable");
        replace(&path, b"new and longer").expect("writable");
        assert_eq!(fs::read(&path).expect("there"), b"new and longer");
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn other_files_are_not_generations() {
        let place = tempfile::tempdir().expect("a folder");
        keep(place.path(), "a").expect("writable");
        for name in ["good-000009.new", "good-x.toml", "segbox.toml", "000010.toml"] {
            fs::write(place.path().join(name), "x").expect("writable");
        }
        assert_eq!(list(place.path()).len(), 1);
    }
}
