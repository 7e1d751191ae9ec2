//! A sandbox for tests of PID 1's work: a single-threaded process, the first one in new namespaces. It can fork, mount, rename
//! and kill without any effect outside. Needs root.

use std::process::Command;

/// Runs a test in the sandbox, by its path; the test is ignored otherwise.
///
/// # Panics
/// The test failed; the panic has its output.
pub(crate) fn passes(test: &str) {
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc", "--propagation", "private"])
        .arg(std::env::current_exe().expect("this test"))
        // With one test thread libtest starts no other thread.
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("util-linux has unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{test}:\n{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// Checks that this is the sandbox: a test that kills all processes must not run anywhere else.
pub(crate) fn is_here() {
    assert_eq!(std::process::id(), 1, "run by another test only");
}
