//! Routers in namespaces, for tests without packets: the smallest network, other programs in it, `segbox keep`, and waiting.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use segbox_lab::{Cable, Lab, Namespace, Topology};

use super::files::Files;
use super::segbox::{SEGBOX, run};

/// Far longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace `router` with a port `eth0` to a namespace `peer`, and a folder for its files.
pub(crate) fn router() -> (Lab, Files) {
    router_with(&["eth0"])
}

/// The same with these ports, which have the same names at the peer.
pub(crate) fn router_with(ports: &[&str]) -> (Lab, Files) {
    let cables: Vec<Cable<'_>> = ports.iter().map(|port| Cable("router", port, "peer", port)).collect();
    let topology = Topology { routers: &["router", "peer"], hosts: &[], cables: &cables };
    (topology.build().expect("these tests make network namespaces: run them as root"), Files::new())
}

/// Runs iproute2, which must succeed; gives what it prints.
pub(crate) fn ip(namespace: &Namespace, words: &str) -> String {
    let done = run(namespace.command("ip").expect("the namespace is there").args(words.split(' ')));
    assert_eq!(done.code, Some(0), "ip {words}: {}", done.err);
    done.out
}

/// Runs a shell, as another program would; true if it succeeds.
pub(crate) fn shell(namespace: &Namespace, script: &str) -> bool {
    let mut shell = namespace.command("sh").expect("the namespace is there");
    shell.args(["-c", script]).status().expect("a shell").success()
}

/// Waits for what has to happen; `otherwise` says what is there instead.
pub(crate) fn soon(what: &str, mut done: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}\n{}", otherwise());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// `segbox keep` in a namespace, until this value is dropped.
pub(crate) struct Keeper {
    process: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Keeper {
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let mut command = namespace.command(SEGBOX).expect("the namespace is there");
        let mut process = command.arg("keep").stdout(Stdio::piped()).spawn().expect("it starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, sink) = (BufReader::new(process.stdout.take().expect("asked for")).lines(), Arc::clone(&said));
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| sink.lock().expect("no panic").push(line));
        });
        Self { process, said }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many lines it has printed that have all these parts.
    pub(crate) fn lines(&self, parts: &[&str]) -> usize {
        let said = self.said.lock().expect("no panic");
        said.iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }

    /// All that it has printed.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no panic").join("\n")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
