//! A place for tests of what only PID 1 does: a process with one thread, the first one of namespaces of its own. What it forks,
//! mounts, names and kills there concerns nobody else. Root only.

use std::process::Command;

/// Runs a test there that is ignored elsewhere, by its path.
///
/// # Panics
/// It fails; with its own words.
pub(crate) fn passes(test: &str) {
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc", "--propagation", "private"])
        .arg(std::env::current_exe().expect("this test"))
        // With one at a time libtest starts no thread.
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("util-linux has unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{test}:\n{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// That this is such a place: whoever kills all processes must not be anywhere else.
pub(crate) fn is_here() {
    assert_eq!(std::process::id(), 1, "run by another test only");
}
