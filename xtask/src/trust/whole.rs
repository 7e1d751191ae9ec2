//! What a router is like with a file applied and nothing gone wrong, and whether it is so now: the kernel's state as `segbox observe`
//! has it, the names of segbox's own files, and a plan without a step.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::bed::Bed;
use crate::failure::Failure;

pub(super) struct Whole(Vec<(Value, BTreeSet<String>)>);

impl Whole {
    /// Applies each file once, and looks. The last one stays.
    ///
    /// # Errors
    /// A file cannot be applied.
    pub(super) fn learn(bed: &Bed, files: &[PathBuf]) -> Result<Self, Failure> {
        let look = |file: &PathBuf| {
            bed.ok(["apply".as_ref(), file.as_os_str()])?;
            Ok((bed.observed()?, bed.kept()))
        };
        let all: Result<_, String> = files.iter().map(look).collect();
        all.map(Self).map_err(|why| Failure::new("cannot apply the campaign's files", why, "read the message"))
    }

    /// Whether all is as if nothing had happened since this file was applied.
    ///
    /// # Errors
    /// What differs.
    pub(super) fn is_right(&self, bed: &Bed, files: &[PathBuf], now: usize) -> Result<(), String> {
        bed.ok(["plan".as_ref(), files[now].as_os_str()])?;
        let (state, names) = &self.0[now];
        let (found, kept) = (bed.observed()?, bed.kept());
        if found != *state {
            return Err(format!("the kernel's state differs: {}", difference(state, &found)));
        }
        if kept != *names {
            let (more, less): (Vec<_>, Vec<_>) = (kept.difference(names).collect(), names.difference(&kept).collect());
            return Err(format!("segbox's own files differ: {more:?} are left, {less:?} are missing"));
        }
        Ok(())
    }
}

/// The first places in which two dumps differ.
pub(super) fn difference(wanted: &Value, found: &Value) -> String {
    let mut text = Vec::new();
    let keys =
        |dump: &Value| dump.as_object().map(|map| map.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default();
    for name in keys(wanted).union(&keys(found)) {
        if wanted[name] == found[name] {
            continue;
        }
        match (wanted[name].as_array(), found[name].as_array()) {
            (Some(wanted), Some(found)) => {
                text.extend(wanted.iter().filter(|row| !found.contains(row)).map(|row| format!("{name} lacks {row}")));
                text.extend(found.iter().filter(|row| !wanted.contains(row)).map(|row| format!("{name} has {row}")));
            }
            _ => text.push(format!("{name}: {} became {}", wanted[name], found[name])),
        }
    }
    text.truncate(10);
    text.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_that_are_missing_or_new_are_told() {
        let (wanted, found) = (json!({"routes": [1, 2], "x": 1}), json!({"routes": [2, 3], "x": 1, "y": true}));
        assert_eq!(difference(&wanted, &found), "routes lacks 1; routes has 3; y: null became true");
        assert_eq!(difference(&wanted, &wanted), "");
    }
}
