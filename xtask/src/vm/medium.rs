//! Kinds of disks: sound, write-protected, failing, and one that has each write and flush written down. Not here: reading that log
//! (`write_log`).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A disk's answer to requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Medium {
    /// It does them.
    #[default]
    Sound,
    /// It refuses writes, as with a switch on a stick.
    Protected,
    /// It answers some with an I/O error.
    Failing(Vec<Failure>),
    /// It does them, and notes every write and flush in this file, as Linux's dm-log-writes does ([`crate::WriteLog`] reads it).
    Logged(PathBuf),
}

/// Requests that fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Writes or reads.
    pub what: Direction,
    /// Those that touch this sector; all of them otherwise.
    pub sector: Option<u64>,
}

/// Where data go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the disk.
    Read,
    /// To the disk.
    Write,
}

impl Medium {
    /// QEMU's block devices for an image in this file; the uppermost one is called `name`.
    pub(crate) fn blockdevs(&self, name: &str, image: &Path) -> Vec<String> {
        let base = format!("{name}-file");
        let file = |node: &str, path: &Path| json!({"driver": "file", "node-name": node, "filename": path});
        let top = |driver: &str, below: &str| json!({"driver": driver, "node-name": name, "file": below});
        let all = match self {
            Self::Sound => vec![file(&base, image), top("raw", &base)],
            Self::Protected => {
                let (mut below, mut above) = (file(&base, image), top("raw", &base));
                (below["read-only"], above["read-only"]) = (true.into(), true.into());
                vec![below, above]
            }
            Self::Failing(failures) => {
                let broken = format!("{name}-broken");
                let rules: Vec<Value> = failures.iter().map(Failure::rule).collect();
                let between = json!({"driver": "blkdebug", "node-name": broken, "image": base, "inject-error": rules});
                vec![file(&base, image), between, top("raw", &broken)]
            }
            Self::Logged(log) => {
                let noted = format!("{name}-log");
                let mut notes = file(&noted, log);
                notes["cache"] = json!({"no-flush": true});
                let mut above = top("blklogwrites", &base);
                above["log"] = noted.as_str().into();
                // With every entry: the log is read while the machine runs, and after it was killed.
                above["log-super-update-interval"] = 1.into();
                vec![file(&base, image), notes, above]
            }
        };
        all.iter().map(Value::to_string).collect()
    }
}

impl Failure {
    fn rule(&self) -> Value {
        // QEMU's qapi/block-core.json, BlkdebugInjectErrorOptions. `none` is every request.
        let what = match self.what {
            Direction::Read => "read",
            Direction::Write => "write",
        };
        let mut rule = json!({"event": "none", "iotype": what, "errno": libc::EIO});
        if let Some(sector) = self.sector {
            rule["sector"] = sector.into();
        }
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_lies_on_the_one_before_it() {
        let failing = Medium::Failing(vec![Failure { what: Direction::Read, sector: Some(7) }]);
        let layers = failing.blockdevs("disk", Path::new("/d"));
        assert_eq!(layers.len(), 3);
        assert!(layers[1].contains(r#""image":"disk-file""#) && layers[1].contains(r#""sector":7"#), "{}", layers[1]);
        assert!(layers[2].contains(r#""file":"disk-broken""#) && layers[2].contains(r#""node-name":"disk""#));
    }
}
