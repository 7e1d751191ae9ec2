//! Small files of /sys and /proc, and the masks of CPUs in them. Not here: which files.

use std::fs;
use std::path::{Path, PathBuf};

use segbox_plan::tune::value::{cpu_list, parse_cpu_list};

use super::error::TuneError;

/// The text of a file without the line end; None where the file is missing or not readable.
pub(super) fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

/// The number in a file.
pub(super) fn number<T: std::str::FromStr>(path: impl AsRef<Path>) -> Option<T> {
    read(path)?.parse().ok()
}

/// Writes a file in one write, as these files require.
pub(super) fn write(path: impl Into<PathBuf>, value: &str) -> Result<(), TuneError> {
    let path = path.into();
    fs::write(&path, value).map_err(|source| TuneError::File { path, value: value.to_owned(), source })
}

/// The numbers of a folder's entries after a prefix (`tx-3`), ascending.
pub(super) fn numbered(folder: impl AsRef<Path>, prefix: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok());
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

/// `00000000,0000000e` → `1-3`: 32 CPUs per word, the first CPUs in the last word (lib/vsprintf.c, bitmap_string).
pub(super) fn list_of_mask(mask: &str) -> Option<String> {
    let mut cpus = Vec::new();
    for (word, first) in mask.split(',').rev().zip((0..).step_by(32)) {
        let bits = u32::from_str_radix(word.trim(), 16).ok()?;
        cpus.extend((0..32).filter(|bit| bits & (1 << bit) != 0).map(|bit: u32| first + bit));
    }
    Some(cpu_list(cpus))
}

/// `1-3` → `e`.
pub(super) fn mask_of_list(list: &str) -> Option<String> {
    let cpus = parse_cpu_list(list)?;
    let words = cpus.last().map_or(1, |last| last / 32 + 1);
    let word = |at: u32| cpus.iter().filter(|cpu| **cpu / 32 == at).fold(0_u32, |bits, cpu| bits | 1 << (cpu % 32));
    let texts: Vec<String> = (0..words).rev().map(|at| format!("{:08x}", word(at))).collect();
    Some(texts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_lists_lead_to_each_other() {
        for (list, mask) in
            [("", "00000000"), ("1-3", "0000000e"), ("0,32-33", "00000003,00000001"), ("31", "80000000")]
        {
            assert_eq!(mask_of_list(list).as_deref(), Some(mask));
            assert_eq!(list_of_mask(mask).as_deref(), Some(list));
        }
        assert_eq!(list_of_mask("3"), Some("0-1".into()), "short, as on a machine with few CPUs");
        assert_eq!(list_of_mask("x"), None);
    }
}
