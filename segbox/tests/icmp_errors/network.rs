//! Two hosts, a headend, a core and a tail, and the service in the headend.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use segbox_lab::{Cable, Host, Lab, Namespace, Topology};
use serde_json::Value;

use crate::support::files::Files;
use crate::support::segbox::{SEGBOX, apply, segbox, status};

/// Longest time for what takes milliseconds.
const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Network {
    lab: Lab,
    keep: Child,
    _files: Files,
}

impl Network {
    /// With this file in the core.
    pub(crate) fn new(core: &str) -> Self {
        Self::with(include_str!("r1.toml"), core)
    }

    /// With these files in the headend and in the core.
    pub(crate) fn with(headend: &str, core: &str) -> Self {
        let host = |name, addresses, gateways| Host { name, interface: "eth0", addresses, gateways };
        let lab = Topology {
            routers: &["r1", "core", "r2"],
            hosts: &[
                host("a", &["2001:db8:a::2/64", "192.0.2.2/24"], &["2001:db8:a::1", "192.0.2.1"]),
                host("b", &["2001:db8:b::2/64", "198.51.100.2/24"], &["2001:db8:b::1", "198.51.100.1"]),
            ],
            cables: &[
                Cable("a", "eth0", "r1", "eth0"),
                Cable("r1", "eth1", "core", "eth0"),
                Cable("core", "eth1", "r2", "eth0"),
                Cable("r2", "eth1", "b", "eth0"),
            ],
        }
        .build()
        .expect("root, and a kernel with namespaces");
        let files = Files::new();
        for (router, text) in [("r1", headend), ("core", core), ("r2", include_str!("r2.toml"))] {
            apply(&lab[router], &files.write(&format!("{router}.toml"), text));
        }
        let mut command = lab["r1"].command(SEGBOX).expect("the namespace is there");
        let keep = command.arg("keep").stdout(Stdio::null()).spawn().expect("segbox starts");
        let network = Self { lab, keep, _files: files };
        network.soon("the service runs", |status| status["icmp-errors"].is_object());
        network
    }

    pub(crate) fn at(&self, node: &str) -> &Namespace {
        &self.lab[node]
    }

    pub(crate) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// A counter of the service.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let status = status(self.at("r1"));
        status["icmp-errors"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {}", status["icmp-errors"]))
    }

    /// Waits for what `segbox status --json` of the headend must show.
    pub(crate) fn soon(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let begin = Instant::now();
        loop {
            let status = status(self.at("r1"));
            if is_so(&status) {
                return;
            }
            assert!(begin.elapsed() < SOON, "not so: {what}: {}, {}", status["icmp-errors"], status["losses"]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `segbox status` prints in the headend.
    pub(crate) fn printed(&self) -> String {
        segbox(self.at("r1"), ["status"]).out
    }

    /// Ends the service.
    pub(crate) fn end_service(&mut self) {
        drop(self.keep.kill());
        drop(self.keep.wait());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.end_service();
    }
}
