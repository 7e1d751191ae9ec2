//! The ground of the tests: objects that are compiled for them, and a network namespace for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use segbox_config::model::Program;
use segbox_config::object::Object;
use segbox_linux::Namespace;
use segbox_linux::bpf::{Programs, read_object, sweep};

/// The object of `tests/objects/NAME.c`.
pub(crate) fn compile(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects");
    let out = tempfile::tempdir().expect("a folder for the object");
    let object = out.path().join(name).with_extension("o");
    let output = Command::new(clang())
        .args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", "-c"])
        // Debian has <asm/types.h> in a folder per architecture, where clang does not look for the BPF target.
        .arg(format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH))
        .arg(folder.join(name).with_extension("c"))
        .arg("-o")
        .arg(&object)
        .output()
        .expect("clang runs");
    assert!(
        output.status.success(),
        "clang does not compile {name}.c (headers: apt install libbpf-dev linux-libc-dev):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::read(object).expect("clang wrote it")
}

/// The newest clang there is: `clang`, or `clang-22` and down.
fn clang() -> PathBuf {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let names = std::iter::once("clang".to_owned()).chain((11..40).rev().map(|version| format!("clang-{version}")));
    let mut found =
        names.flat_map(|name| folders.iter().map(move |folder| folder.join(&name))).filter(|path| path.exists());
    found.next().expect("no clang on PATH: apt install clang")
}

/// An object of `tests/objects`, read.
pub(crate) fn read(name: &str) -> Object {
    read_object(&compile(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The one function of an object as a program, without globals and rows.
pub(crate) fn program(object: &Object, function: &str) -> Program {
    let found = object.programs.iter().find(|program| program.function == function).expect("the object has it");
    Program {
        object: object.bytes.clone(),
        section: found.section.clone(),
        function: found.function.clone(),
        hook: found.hook.expect("a program that segbox can run"),
        globals: BTreeMap::new(),
        rows: BTreeMap::new(),
    }
}

/// Runs a test in a fresh network namespace, and checks that nothing is left of it.
pub(crate) fn in_a_namespace<T: Send>(test: impl FnOnce(&mut Programs) -> T + Send) -> T {
    let run = || {
        unshare_net();
        let namespace = Namespace::current().expect("Linux 5.14");
        let mut programs = Programs::open().expect("root");
        assert_eq!(programs.observe().expect("nothing yet"), Default::default());
        let answer = test(&mut programs);
        for name in programs.observe().expect("the bpffs").programs.into_keys() {
            programs.remove(&name).expect("removed");
        }
        assert_eq!(programs.observe().expect("nothing any more"), Default::default());
        (namespace, answer)
    };
    let (namespace, answer) =
        std::thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    // The thread has ended, and its namespace ends soon: the kernel cleans up some time after a thread is joined.
    let end = Instant::now() + Duration::from_secs(10);
    while namespace.fate() == segbox_linux::namespace::Fate::Alive && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    sweep().expect("the bpffs");
    let folder = folder_of(namespace);
    assert!(
        !folder.exists() || namespace.fate() == segbox_linux::namespace::Fate::Unknown,
        "{} is left",
        folder.display()
    );
    answer
}

/// The folder of a namespace's pins, as the box sees it.
pub(crate) fn folder_of(namespace: Namespace) -> PathBuf {
    Path::new("/sys/fs/bpf/segbox").join(namespace.to_string())
}

#[expect(unsafe_code, reason = "rustix marks unshare unsafe for its flag FILES")]
fn unshare_net() {
    // SAFETY: no file descriptors are unshared.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.expect("root");
}
