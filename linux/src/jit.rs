//! The BPF JIT switched off for a moment, where the kernel lets one (net.core.bpf_jit_enable): a program keeps what it was loaded
//! with. What the switch stood at is written down before, for a process that is killed meanwhile: the next one puts it back.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const SWITCH: &str = "/proc/sys/net/core/bpf_jit_enable";
/// Locked while the JIT is switched off, and empty when nothing is to be put back. Gone with a reboot, as the switch's position.
const RECORD: &str = "/run/segbox/bpf-jit";

/// Why the JIT is not switched off.
#[derive(Debug, thiserror::Error)]
pub enum JitError {
    /// There is no switch.
    #[error("this kernel has no BPF JIT to switch off, or not in this network namespace: {0}")]
    Lacking(io::Error),
    /// It is fixed.
    #[error(
        "this kernel does not let one switch the BPF JIT off ({0}): it is built with CONFIG_BPF_JIT_ALWAYS_ON, or this is not root"
    )]
    Fixed(io::Error),
    /// Nobody could put it back.
    #[error("cannot write down in {} what the BPF JIT's switch stands at ({source}), so it is left alone", path.display())]
    Record {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
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
    /// This kernel's.
    pub fn of_this_kernel() -> Self {
        Self { switch: SWITCH.into(), record: RECORD.into() }
    }

    /// Switches the JIT off. Whoever else has switched it off is waited for.
    ///
    /// # Errors
    /// [`JitError`]; the switch stands as it was.
    pub fn off(&self) -> Result<Off<'_>, JitError> {
        fs::metadata(&self.switch).map_err(JitError::Lacking)?;
        let unwritten = |source| JitError::Record { path: self.record.clone(), source };
        let mut record = open(&self.record).map_err(unwritten)?;
        record.lock().map_err(unwritten)?;
        let now = fs::read_to_string(&self.switch).map_err(JitError::Lacking)?;
        // What a killed process has left is older than what stands there.
        let before = left_in(&mut record).unwrap_or_else(|| now.trim().to_owned());
        let off = Off { switch: self, before, record };
        // From here on the value's end puts it back.
        write(&off.record, &off.before).map_err(unwritten)?;
        fs::write(&self.switch, "0").map_err(JitError::Fixed)?;
        Ok(off)
    }

    /// Puts back what a killed process has left switched off; gives what it stands at now. None where nothing was left, another
    /// process has it switched off, or somebody has moved it since.
    ///
    /// # Errors
    /// The kernel does not take it.
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

    /// Whether a killed process has left it switched off, as far as this one may look.
    pub(crate) fn is_left_off(&self) -> bool {
        let Ok(mut record) = File::open(&self.record) else { return false };
        record.try_lock_shared().is_ok() && left_in(&mut record).is_some()
    }
}

impl Drop for Off<'_> {
    fn drop(&mut self) {
        // It took this value before. If it does not take it now, the record stays, for `put_back`.
        if fs::write(&self.switch.switch, &self.before).is_ok() {
            drop(self.record.set_len(0));
        }
    }
}

/// Nobody else may hold its lock.
fn open(record: &Path) -> io::Result<File> {
    if let Some(folder) = record.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(record)
}

/// What is to be put back. A garbled record is none.
fn left_in(record: &mut File) -> Option<String> {
    let mut text = String::new();
    record.read_to_string(&mut text).ok()?;
    ["0", "1", "2"].into_iter().find(|value| text.trim() == *value).map(str::to_owned)
}

/// In place: at no moment is an older record lost.
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
    fn what_a_killed_process_has_left_is_put_back_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let switch = switch(folder.path(), "0", Some("1"));
        assert!(switch.is_left_off());
        assert_eq!(switch.put_back().expect("writable"), Some("1".to_owned()));
        assert_eq!(found(&switch), pair("1", ""));
        assert!(!switch.is_left_off());
        fs::write(&switch.switch, "0").expect("writable");
        assert_eq!(switch.put_back().expect("writable"), None, "this is somebody's wish");
    }

    #[test]
    fn whoever_switches_it_off_next_puts_back_what_was_before_both() {
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
