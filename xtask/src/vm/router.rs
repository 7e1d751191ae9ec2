//! A machine as a person has it at its serial port: its status screen, its command line, and the answers. For tests: a wait in vain is
//! a panic, with the machine's last words. Not here: a machine that never comes up to its screen (`booting`).

use std::time::{Duration, Instant};

use crate::{Machine, Vm};

/// Longest answer to a command, on a machine that does other things too.
const ANSWER: Duration = Duration::from_secs(120);
/// The status screen's last row.
const UP: &str = "press a key";

/// A machine and its console.
#[derive(Debug)]
pub struct Router {
    /// The machine.
    pub vm: Vm,
    /// The status screen as it was when a key was pressed.
    pub screen: String,
    /// The beginning of the command line's rows: the box's name.
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
        self.greeted();
    }

    /// Calls the command line of a box that asks for a password, and types it.
    pub fn unlock(&mut self, password: &str) {
        self.type_in("\r");
        self.wait("password: ");
        self.type_in(&format!("{password}\r"));
        self.greeted();
    }

    fn greeted(&mut self) {
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

    /// The same, while it boots.
    pub fn wait_booting(&mut self, text: &str) -> String {
        self.vm.wait_booting(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same with another patience.
    pub fn wait_within(&mut self, text: &str, patience: Duration) -> String {
        self.vm.console.expect(text, patience).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits for the prompt.
    pub fn prompt(&mut self) -> String {
        self.until_prompt("", ANSWER)
    }

    /// A command's output, after its echo.
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

    /// A command's output as JSON.
    pub fn json(&mut self, command: &str) -> serde_json::Value {
        let said = self.answer(command);
        let (from, to) = (said.find('{'), said.rfind('}'));
        let (Some(from), Some(to)) = (from, to) else { panic!("{command}: no JSON in: {said}") };
        serde_json::from_str(&said[from..=to]).unwrap_or_else(|error| panic!("{command}: {error} in: {said}"))
    }

    /// Waits until `status boot` says this; gives all of it. A box does what its forwarding does not need after its screen is up.
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

    /// Pastes a file into `edit`; gives the answer.
    pub fn paste(&mut self, text: &str) -> String {
        self.type_in("edit\r");
        self.wait("gives up.");
        self.type_in(&text.replace('\n', "\r"));
        self.answer(".")
    }

    /// Has it power itself off.
    pub fn power_off(&mut self) {
        self.type_in("poweroff\r");
        self.is_off();
    }

    /// Waits until it reboots, and boots this machine in its place. For one that ends at its reboot.
    pub fn reboot_into(mut self, machine: &Machine<'_>) -> Self {
        // The kernel's last line.
        self.wait("Restarting system");
        assert!(self.vm.ends_within(ANSWER), "it does not reboot:\n{}", self.vm.console.transcript());
        // Its ports and disks are free again.
        drop(self);
        Self::boot(machine)
    }

    /// Waits until it has powered itself off.
    pub fn is_off(&mut self) {
        // It may have ended before the monitor is asked, so the end itself is waited for.
        assert!(self.vm.ends_within(ANSWER), "it does not power off:\n{}", self.vm.console.transcript());
        // The kernel's last line, which nothing can come between. A machine that reboots ends too.
        self.wait("Power down");
    }
}
