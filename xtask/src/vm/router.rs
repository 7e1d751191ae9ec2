//! A machine as a person has it at its serial port: its status screen, its command line, and what that answers. For tests: what is
//! waited for in vain is a panic, with the machine's last words.

use std::time::{Duration, Instant};

use crate::{Machine, Vm};

/// Longest boot under emulation on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(240);
/// Longest answer to a command.
const ANSWER: Duration = Duration::from_secs(60);
/// The status screen's last row.
const UP: &str = "press a key";

/// The kernel's words for a processor whose timer is silent (kernel/rcu/tree_stall.h). Seen under QEMU's software emulation on a host
/// with other work, before PID 1 began: the emulator's fault, and nothing of the box has run yet.
const SILENT_TIMER: &str = "Possible timer handling issue";
/// How often such a machine is reset. Once was enough whenever it was seen.
const RESETS: usize = 2;

/// A machine and its console.
#[derive(Debug)]
pub struct Router {
    /// The machine.
    pub vm: Vm,
    /// The status screen as it was when a key was pressed.
    pub screen: String,
    /// What the command line's rows begin with: the box's name.
    prompt: String,
}

/// # Panics
/// Each of these does if the machine does not do, or say, what it has to.
impl Router {
    /// Starts a machine; waits for nothing.
    pub fn start(machine: &Machine<'_>) -> Self {
        let vm = machine.start().expect("QEMU starts");
        Self { vm, screen: String::new(), prompt: String::new() }
    }

    /// Starts it, waits until it is up, and calls its command line.
    pub fn boot(machine: &Machine<'_>) -> Self {
        let mut router = Self::start(machine);
        router.again();
        router
    }

    /// Waits until it is up, once more after a reboot, and calls its command line.
    pub fn again(&mut self) {
        let screen = self.wait_booting(UP);
        self.is_up(screen);
    }

    fn is_up(&mut self, screen: String) {
        self.screen = screen;
        self.type_in("\r");
        let greeting = self.wait("> ");
        let name = greeting.rsplit('\n').next().unwrap_or_default();
        self.prompt = format!("\n{name}> ");
    }

    /// Types.
    pub fn type_in(&mut self, text: &str) {
        self.vm.console.send(text).expect("the machine runs");
    }

    /// Waits until it says this; gives what it said before.
    pub fn wait(&mut self, text: &str) -> String {
        self.wait_within(text, ANSWER)
    }

    /// The same, of what it says while it boots. A machine that the emulator fails then is reset.
    pub fn wait_booting(&mut self, text: &str) -> String {
        for _ in 0..RESETS {
            match self.vm.console.expect_first(&[text, SILENT_TIMER], BOOT) {
                Ok((0, said)) => return said,
                Ok((_, said)) => {
                    eprintln!("reset, since a processor's timer is silent: {said}");
                    self.vm.reset().unwrap_or_else(|error| panic!("{error}"));
                }
                Err(error) => panic!("{error}"),
            }
        }
        self.wait_within(text, BOOT)
    }

    /// The same, of what takes its time.
    pub fn wait_within(&mut self, text: &str, patience: Duration) -> String {
        self.vm.console.expect(text, patience).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits for the prompt.
    pub fn prompt(&mut self) -> String {
        self.until_prompt("", ANSWER)
    }

    /// What a command says, its echo among it.
    pub fn answer(&mut self, command: &str) -> String {
        self.answer_within(command, ANSWER)
    }

    /// The same of a command that takes its time.
    pub fn answer_within(&mut self, command: &str, patience: Duration) -> String {
        self.type_in(&format!("{command}\r"));
        self.until_prompt(command, patience)
    }

    fn until_prompt(&mut self, command: &str, patience: Duration) -> String {
        self.vm.console.expect(&self.prompt, patience).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// `status --json`.
    pub fn status(&mut self) -> serde_json::Value {
        self.json("status --json")
    }

    /// What a command says as JSON.
    pub fn json(&mut self, command: &str) -> serde_json::Value {
        let said = self.answer(command);
        let (from, to) = (said.find('{'), said.rfind('}'));
        let (Some(from), Some(to)) = (from, to) else { panic!("{command}: no JSON in: {said}") };
        serde_json::from_str(&said[from..=to]).unwrap_or_else(|error| panic!("{command}: {error} in: {said}"))
    }

    /// Waits until `status boot` says this; gives all of it. What a router needs not to forward comes after its screen is up.
    pub fn boot_says(&mut self, words: &[&str]) -> String {
        let end = Instant::now() + ANSWER;
        loop {
            let said = self.answer("status boot");
            let missing: Vec<_> = words.iter().filter(|words| !said.contains(**words)).collect();
            if missing.is_empty() {
                return said;
            }
            assert!(Instant::now() < end, "{missing:?} are not in\n{said}\n{}", self.screen);
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Waits for the end of a boot from a disk; gives `status boot`.
    pub fn settled(&mut self) -> String {
        self.boot_says(&["state size"])
    }

    /// Pastes a file into `edit`, which takes it.
    pub fn edit(&mut self, text: &str) {
        let said = self.paste(text);
        assert!(said.contains("saved"), "{said}");
    }

    /// Pastes a file into `edit`; what it says to it.
    pub fn paste(&mut self, text: &str) -> String {
        self.type_in("edit\r");
        self.wait("gives up.");
        self.type_in(&text.replace('\n', "\r"));
        self.answer(".")
    }

    /// Has it power itself off.
    pub fn power_off(&mut self) {
        self.type_in("poweroff\r");
        // The kernel's own last line: what a console had still to say goes with it.
        self.wait("Power down");
        assert!(self.vm.ends_within(ANSWER), "it does not power off:\n{}", self.vm.console.transcript());
    }
}
