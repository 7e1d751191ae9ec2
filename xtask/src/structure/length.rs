//! No file over 400 lines: a longer one holds more than one idea.

use super::Fault;
use super::tree::Tree;

const MOST_LINES: usize = 400;

/// Files that are too long. Data is not judged.
pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let judged = tree.0.iter().filter(|(path, _)| path.extension().is_none_or(|extension| extension != "toml"));
    let lengths = judged.map(|(path, text)| (path, text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| Fault {
            found: format!("too long: {} has {lines} lines; {MOST_LINES} are the most", path.display()),
            fix: "split the file: one idea per file, and `//!` says which".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_hundred_lines_pass_and_one_more_does_not() {
        let (fits, over) = ("\n".repeat(MOST_LINES), "\n".repeat(MOST_LINES + 1));
        assert_eq!(check(&Tree::of(&[("a/src/lib.rs", &fits), ("dev", &fits)])), []);
        let faults = check(&Tree::of(&[("a/src/lib.rs", &over), ("dev", &over), ("x.sh", &over), ("c/x.c", &over)]));
        let found: Vec<_> = faults.iter().map(|fault| fault.found.as_str()).collect();
        assert_eq!(
            found,
            [
                "too long: a/src/lib.rs has 401 lines; 400 are the most",
                "too long: c/x.c has 401 lines; 400 are the most",
                "too long: dev has 401 lines; 400 are the most",
                "too long: x.sh has 401 lines; 400 are the most",
            ]
        );
    }

    #[test]
    fn data_may_be_long() {
        assert_eq!(check(&Tree::of(&[("hw-profiles/box.toml", &"\n".repeat(MOST_LINES + 1))])), []);
    }
}
