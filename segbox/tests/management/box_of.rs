//! A router with management ports, `segbox keep` in it, and the networks behind the ports.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use segbox_lab::{Lab, Namespace};
use serde_json::Value;

use crate::support::files::Files;
use crate::support::routers::{Keeper, ip, router_with, shell, soon};
use crate::support::segbox::{apply, segbox, status};

/// The router `router`, whose ports lead to ports of the same name in `peer`.
pub(crate) struct Managed {
    pub(crate) lab: Lab,
    pub(crate) files: Files,
    pub(crate) file: PathBuf,
    pub(crate) keeper: Option<Keeper>,
}

impl Managed {
    /// Nothing is applied yet, and nothing kept.
    pub(crate) fn new(ports: &[&str]) -> Self {
        let (lab, files) = router_with(ports);
        let file = files.path().join("segbox.toml");
        Self { lab, files, file, keeper: None }
    }

    pub(crate) fn router(&self) -> &Namespace {
        &self.lab["router"]
    }

    pub(crate) fn peer(&self) -> &Namespace {
        &self.lab["peer"]
    }

    pub(crate) fn apply(&self, text: &str) {
        apply(self.router(), &self.files.write("segbox.toml", text));
    }

    pub(crate) fn keep(&mut self) {
        self.keeper = Some(Keeper::start(self.router()));
    }

    pub(crate) fn said(&self) -> String {
        self.keeper.as_ref().map(Keeper::said).unwrap_or_default()
    }

    /// What `ip` shows of IPv4 addresses and routes of a port.
    pub(crate) fn shows(&self, port: &str) -> String {
        let addresses = ip(self.router(), &format!("-4 -o address show dev {port}"));
        addresses + &ip(self.router(), &format!("-4 route show table all dev {port} proto dhcp"))
    }

    pub(crate) fn soon(&self, what: &str, done: impl FnMut() -> bool) {
        soon(what, done, || format!("keep said:\n{}\nstatus:\n{}", self.said(), segbox(self.router(), ["status"]).out));
    }

    pub(crate) fn has_address(&self, port: &str, address: &str) -> bool {
        self.shows(port).contains(&format!(" {address} "))
    }

    /// The port in `status --json`.
    pub(crate) fn port(&self, port: &str) -> Value {
        let all = status(self.router())["management"].clone();
        all.as_array().and_then(|all| all.iter().find(|one| one["port"] == port).cloned()).unwrap_or_default()
    }

    pub(crate) fn deviations(&self) -> String {
        status(self.router())["deviations"].to_string()
    }

    pub(crate) fn is_in_sync(&self) {
        let plan = segbox(self.router(), ["plan".as_ref(), self.file.as_os_str()]);
        assert_eq!(plan.code, Some(0), "a lease is no step of a plan: {}{}", plan.out, plan.err);
    }

    pub(crate) fn runs(&self, script: &str) {
        assert!(shell(self.router(), script), "{script}");
    }
}

/// A program in the peer's namespace, until this value is dropped.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start(namespace: &Namespace, program: &str, arguments: &[&str], log: PathBuf) -> Self {
        let mut command: Command = namespace.command(program).expect("the namespace is there");
        let log = std::fs::File::create(log).expect("ours");
        let also = log.try_clone().expect("a descriptor");
        let started = command.args(arguments).stdin(Stdio::null()).stdout(log).stderr(also).spawn();
        Self(started.unwrap_or_else(|error| panic!("{program}: {error}; `./dev test` installs it")))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
