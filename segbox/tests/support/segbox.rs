//! The segbox command, run inside a namespace.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use segbox_lab::Namespace;

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("segbox speaks UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The binary under test.
pub(crate) const SEGBOX: &str = env!("CARGO_BIN_EXE_segbox");

/// Copies the binary to a place where every user may run it. A separate process copies it: if a test thread forks meanwhile, the
/// fork would hold the copy open for writing, and the kernel would refuse to run it (ETXTBSY).
pub(crate) fn copy(to: &Path) {
    assert!(Command::new("cp").arg(SEGBOX).arg(to).status().expect("coreutils").success());
}

/// Runs segbox inside a namespace.
pub(crate) fn segbox<S: AsRef<OsStr>>(namespace: &Namespace, arguments: impl IntoIterator<Item = S>) -> Run {
    run(namespace.command(SEGBOX).expect("the namespace is there").args(arguments))
}

pub(crate) fn run(command: &mut Command) -> Run {
    command.output().expect("the command starts").into()
}

/// Applies a file and checks segbox's promise: in sync afterwards, and a second apply has nothing to do.
pub(crate) fn apply(namespace: &Namespace, file: &Path) {
    let first = segbox(namespace, [OsStr::new("apply"), file.as_ref()]);
    assert_eq!(first.code, Some(0), "segbox apply in {}:\n{}{}", namespace.name(), first.out, first.err);
    let plan = segbox(namespace, [OsStr::new("plan"), file.as_ref()]);
    assert_eq!(plan.code, Some(0), "a plan is left after apply:\n{}{}", plan.out, plan.err);
}

/// The output of `segbox status --json`, whatever the health of the router is.
pub(crate) fn status(namespace: &Namespace) -> serde_json::Value {
    let run = segbox(namespace, ["status", "--json"]);
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error} in: {}{}", run.out, run.err))
}
