//! Switches the BPF JIT off for a moment, where the kernel allows it (net.core.bpf_jit_enable). A program keeps the mode that it was
//! loaded in. The switch's former position is written to a file first: if the process is killed, the next one restores it. Not here:
//! loading programs.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const SWITCH: &str = "/proc/sys/net/core/bpf_jit_enable";
/// Locked while the JIT is switched off; empty when there is nothing to restore. Lost at a reboot, as is the position of the switch.
const RECORD: &str = "/run/segbox/bpf-jit";

/// Why the JIT is not switched off.
#[derive(Debug, thiserror::Error)]
pub enum JitError {
    /// There is no switch.
    #[error("there is no BPF JIT to switch off in this kernel or network namespace: {0}")]
    Lacking(io::Error),
    /// It cannot be switched.
    #[error(
        "cannot switch the BPF JIT off ({0}): the kernel is built with CONFIG_BPF_JIT_ALWAYS_ON, or this is not root"
    )]
    Fixed(io::Error),
    /// It could not be restored later, so it stays as it is.
    #[error("cannot write the position of the BPF JIT's switch to {} ({source}): the JIT stays on", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// The switch.
#[derive(Debug)]
pub struct Switch {
    switch: PathBuf,
    record: PathBuf,
}

/// The JIT is off until this value is dropped.
#[derive(Debug)]
pub struct Off<'a> {
    switch: &'a Switch,
    before: String,
    record: File,
}

impl Switch {
    /// The switch of this kernel.
    pub fn of_this_kernel() -> Self {
        Self { switch: SWITCH.into(), record: RECORD.into() }
    }

    /// Switches the JIT off. If another process has switched it off, waits until that is over.
    ///
    /// # Errors
    /// See [`JitError`]; the switch stays as it was.
    pub fn off(&self) -> Result<Off<'_>, JitError> {
        fs::metadata(&self.switch).map_err(JitError::Lacking)?;
        let unwritten = |source| JitError::Record { path: self.record.clone(), source };
        let mut record = open(&self.record).map_err(unwritten)?;
        record.lock().map_err(unwritten)?;
        let now = fs::read_to_string(&self.switch).map_err(JitError::Lacking)?;
        // A killed process may have left an older position than the present one.
        let before = left_in(&mut record).unwrap_or_else(|| now.trim().to_owned());
        let off = Off { switch: self, before, record };
        // From here on dropping the value restores it.
        write(&off.record, &off.before).map_err(unwritten)?;
        fs::write(&self.switch, "0").map_err(JitError::Fixed)?;
        Ok(off)
    }

    /// Restores the switch after a killed process, and gives its position. None where there is nothing to restore, another process has the
    /// switch now, or another program has moved it since.
    ///
    /// # Errors
    /// The kernel refuses the position.
    pub fn put_back(&self) -> io::Result<Option<String>> {
        let mut record = match File::options().read(true).write(true).open(&self.record) {
            Ok(record) => record,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match record.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let Some(before) = left_in(&mut record) else { return Ok(None) };
        let is_off = fs::read_to_string(&self.switch)?.trim() == "0";
        if is_off {
            fs::write(&self.switch, &before)?;
        }
        record.set_len(0)?;
        Ok(is_off.then_some(before))
    }

    /// Whether a killed process has left it switched off; false if this process may not read the record.
    pub(crate) fn is_left_off(&self) -> bool {
        let Ok(mut record) = File::open(&self.record) else { return false };
        record.try_lock_shared().is_ok() && left_in(&mut record).is_some()
    }
}

impl Drop for Off<'_> {
    fn drop(&mut self) {
        // The kernel accepted this position before. If it refuses it now, the record stays, for `put_back`.
        if fs::write(&self.switch.switch, &self.before).is_ok() {
            drop(self.record.set_len(0));
        }
    }
}

/// Only root may open the record, so no other user can hold its lock.
fn open(record: &Path) -> io::Result<File> {
    if let Some(folder) = record.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(record)
}

/// The position in the record; None where the record is damaged or empty.
fn left_in(record: &mut File) -> Option<String> {
    let mut text = String::new();
    record.read_to_string(&mut text).ok()?;
    ["0", "1", "2"].into_iter().find(|value| text.trim() == *value).map(str::to_owned)
}

/// Writes in place, so that an older record is never lost.
fn write(record: &File, value: &str) -> io::Result<()> {
    record.write_all_at(value.as_bytes(), 0)?;
    record.set_len(value.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in the kernel's place, and a record.
    fn switch(folder: &Path, stands_at: &str, recorded: Option<&str>) -> Switch {
        let switch = Switch { switch: folder.join("switch"), record: folder.join("run/record") };
        fs::write(&switch.switch, stands_at).expect("a fresh folder");
        if let Some(recorded) = recorded {
            fs::create_dir(folder.join("run")).expect("a fresh folder");
            fs::write(&switch.record, recorded).expect("a fresh folder");
        }
        switch
    }

    /// Where the switch stands, and what is recorded.
    fn found(switch: &Switch) -> (String, String) {
        let read = |path: &Path| fs::read_to_string(path).expect("there").trim().to_owned();
        (read(&switch.switch), read(&switch.record))
    }

    fn pair(a: &str, b: &str) -> (String, String) {
        (a.to_owned(), b.to_owned())
    }

    #[test]
    fn is_off_for_a_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "1\n", None);
        let off = switch.off().expect("there is a switch");
        assert_eq!(found(&switch), pair("0", "1"));
        assert!(!switch.is_left_off(), "it is in use");
        assert_eq!(switch.put_back().expect("readable"), None, "it is in use");
        drop(off);
        assert_eq!(found(&switch), pair("1", ""));
    }

    #[test]
    fn a_panic_puts_it_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "2", None);
        let ended = std::thread::scope(|scope| {
            let panics = || {
                let _off = switch.off().expect("there is a switch");
                panic!("as a test may");
            };
            scope.spawn(panics).join()
        });
        assert!(ended.is_err());
        assert_eq!(found(&switch), pair("2", ""));
    }

    #[test]
    fn a_killed_process_is_made_up_for_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "0", Some("1"));
        assert!(switch.is_left_off());
        assert_eq!(switch.put_back().expect("writable"), Some("1".to_owned()));
        assert_eq!(found(&switch), pair("1", ""));
        assert!(!switch.is_left_off());
        fs::write(&switch.switch, "0").expect("writable");
        assert_eq!(switch.put_back().expect("writable"), None, "another program has moved it");
    }

    #[test]
    fn after_a_kill_the_next_process_restores_the_first_position() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "0", Some("1"));
        drop(switch.off().expect("there is a switch"));
        assert_eq!(found(&switch), pair("1", ""));
    }

    #[test]
    fn what_was_moved_since_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "2", Some("1"));
        assert_eq!(switch.put_back().expect("writable"), None);
        assert_eq!(found(&switch), pair("2", ""));
    }

    #[test]
    fn two_at_once_take_turns() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "1", Some("garbled"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let off = switch.off().expect("there is a switch");
                        assert_eq!(found(&switch), pair("0", "1"));
                        drop(off);
                    }
                });
            }
        });
        assert_eq!(found(&switch), pair("1", ""));
    }

    #[test]
    fn without_a_switch_or_a_place_to_write_nothing_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = Switch { switch: folder.path().join("none"), record: folder.path().join("record") };
        assert!(matches!(gone.off(), Err(JitError::Lacking(_))));
        assert_eq!(gone.put_back().expect("nothing was left"), None);
        let mut switch = switch(folder.path(), "1", None);
        switch.record = folder.path().join("switch/record");
        assert!(matches!(switch.off(), Err(JitError::Record { .. })));
        assert_eq!(fs::read_to_string(&switch.switch).expect("there"), "1");
    }
}
