//! A machine that was booted without a boot loader, and its command line. Not here: what is asked of it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segbox_vm::{Accelerator, Boot, Machine, Vm};

/// Longest boot under emulation on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(180);
/// Longest answer to a command.
const ANSWER: Duration = Duration::from_secs(60);
/// The status screen's last row.
const UP: &str = "press a key";
/// Where a machine finds a configuration that it is handed.
pub(crate) const FW_CFG: &str = "opt/org.segbox/segbox.toml";

/// One test at a time: a machine has as many processors as this one.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of the image.
pub(crate) fn image(name: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| manifest.join("../target"), PathBuf::from);
    let path = target.join("image").join(name);
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask image` first", path.display()))
}

/// A machine that QEMU loads kernel and initrd for.
pub(crate) fn machine<'a>(tools: &'a Path, words: &str) -> Machine<'a> {
    let boot = Boot::Direct {
        kernel: image("kernel"),
        initrd: image("initrd"),
        command_line: format!("console=ttyS0,115200 quiet {words}"),
    };
    Machine::new(tools, boot, Accelerator::Tcg)
}

/// A machine whose command line was called.
pub(crate) struct Router {
    pub(crate) vm: Vm,
    /// The status screen as it was when a key was pressed.
    pub(crate) screen: String,
    /// What the command line's rows begin with: the box's name.
    prompt: String,
}

impl Router {
    /// Waits until it is up.
    pub(crate) fn boot(machine: &Machine<'_>) -> Self {
        let mut vm = machine.start().expect("QEMU starts");
        let screen = vm.console.expect(UP, BOOT).unwrap_or_else(|error| panic!("{error}"));
        vm.console.send("\r").expect("the machine runs");
        let greeting = vm.console.expect("> ", ANSWER).unwrap_or_else(|error| panic!("{error}"));
        let name = greeting.rsplit('\n').next().unwrap_or_default();
        Self { prompt: format!("\n{name}> "), vm, screen }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.vm.console.send(text).expect("the machine runs");
    }

    /// What a command says, its echo among it.
    pub(crate) fn answer(&mut self, command: &str) -> String {
        self.type_in(&format!("{command}\r"));
        self.until_prompt(command)
    }

    /// `status --json`.
    pub(crate) fn status(&mut self) -> serde_json::Value {
        let said = self.answer("status --json");
        let (from, to) = (said.find('{'), said.rfind('}'));
        let (Some(from), Some(to)) = (from, to) else { panic!("no JSON in: {said}") };
        serde_json::from_str(&said[from..=to]).unwrap_or_else(|error| panic!("{error} in: {said}"))
    }

    /// Waits until it says this; gives what it said before.
    pub(crate) fn wait(&mut self, text: &str) -> String {
        self.vm.console.expect(text, ANSWER).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits for the prompt.
    pub(crate) fn prompt(&mut self) -> String {
        self.until_prompt("")
    }

    fn until_prompt(&mut self, command: &str) -> String {
        self.vm.console.expect(&self.prompt, ANSWER).unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}
