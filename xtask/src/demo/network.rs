//! The demo's network: built from namespaces, configured by `segbox apply`, and asked for its status.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use segbox_lab::{Cable, Frame, Host, Lab, Offload, Topology, Wire, echo_request, set_offload};

use super::screen::{count, done, line, name, quote, undone};
use crate::failure::Failure;
use crate::workspace;

const NETWORK: Topology<'static> = Topology {
    routers: &ROUTERS,
    hosts: &[
        Host {
            name: "host-a",
            interface: "eth0",
            addresses: &["2001:db8:a::2/64", "192.0.2.2/24"],
            gateways: &["2001:db8:a::1", "192.0.2.1"],
        },
        Host {
            name: "host-b",
            interface: "eth0",
            addresses: &["2001:db8:b::2/64", "198.51.100.2/24"],
            gateways: &["2001:db8:b::1", "198.51.100.1"],
        },
    ],
    cables: &LINKS,
};

pub(super) const ROUTERS: [&str; 3] = ["r1", "r2", "r3"];

/// From host-a to host-b.
pub(super) const LINKS: [Cable<'static>; 4] = [
    Cable("host-a", "eth0", "r1", "lan"),
    Cable("r1", "r2", "r2", "r1"),
    Cable("r2", "r3", "r3", "r2"),
    Cable("r3", "lan", "host-b", "eth0"),
];

/// Echo requests sent to each address.
const PINGS: u16 = 3;
/// Longest time for an answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// The network, with a tap on the near end of every link.
pub(super) struct Network {
    pub(super) lab: Lab,
    pub(super) taps: [Wire; 4],
    segbox: PathBuf,
}

impl Network {
    /// Hosts are ready, routers are bare.
    pub(super) fn build() -> Result<Self, Failure> {
        let segbox = workspace::target().join("release/segbox");
        if !segbox.exists() {
            let why = format!("{} is not there", segbox.display());
            return Err(Failure::new("the demo runs the built segbox", why, "run ./dev build, or ./dev demo"));
        }
        let start = Instant::now();
        let lab = NETWORK.build().map_err(lab_failed)?;
        for host in ["host-a", "host-b"] {
            // Without offload a captured datagram carries its checksum, as on a real cable.
            set_offload(&lab[host], "eth0", Offload::TxChecksum, false).map_err(lab_failed)?;
        }
        let tap = |Cable(node, interface, ..): Cable<'_>| lab.wire(node, interface).map_err(lab_failed);
        let [a, b, c, d] = LINKS.map(tap);
        let text = format!("5 namespaces, {} and so on", lab["host-a"].name());
        done("network", &text, &format!("{}, {:.0?}", count(LINKS.len(), "cable"), start.elapsed()));
        Ok(Self { taps: [a?, b?, c?, d?], segbox, lab })
    }

    /// Turns the bare namespaces into routers.
    pub(super) fn configure(&self) -> Result<(), Failure> {
        for router in ROUTERS {
            let file = format!("config/examples/{router}.toml");
            let mut apply = self.segbox(router);
            let output = apply.arg("apply").arg(&file).current_dir(workspace::root()).output();
            let output =
                output.map_err(|error| Failure::new("cannot run segbox", error.to_string(), "run ./dev build"))?;
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            if !output.status.success() {
                undone(router, &format!("segbox apply {file}"));
                quote(&out);
                let fix = "segbox says above why; `segbox doctor` names what this kernel lacks";
                return Err(Failure::new(format!("{router}: segbox apply {file}"), err.trim(), fix));
            }
            // The last line of segbox ends with the number of steps and the time.
            let summary = out.trim_end().rsplit_once('(').map_or("", |(_, summary)| summary.trim_end_matches(')'));
            done(router, &format!("segbox apply {file}"), summary);
        }
        Ok(())
    }

    /// A segbox command in a router's namespace.
    pub(super) fn segbox(&self, router: &str) -> Command {
        self.lab[router].exec(&self.segbox)
    }

    /// Sends echo requests over both families; returns the faults of the answers.
    pub(super) fn ping(&self) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        for (from, to, how) in [
            ("2001:db8:a::2", "2001:db8:b::2", "H.Encaps, End.BPF, End.DT6"),
            ("192.0.2.2", "198.51.100.2", "IPv4: H.Encaps, End.BPF, End.DX4"),
        ] {
            let (from, to) = (address(from), address(to));
            let mut times = Vec::new();
            for sequence in 1..=PINGS {
                times.extend(self.echo(from, to, sequence)?);
            }
            let best = times.iter().min().map_or(String::new(), |best| format!("best {best:.0?}; "));
            let text = format!("{} of {PINGS} answered", times.len());
            if times.len() == usize::from(PINGS) {
                done("host-a", &format!("ping {to:<14}  {text}"), &format!("{best}{how}"));
            } else {
                undone("host-a", &format!("ping {to:<14}  {text}"));
                faults.push(format!("ping {to}: {text}"));
            }
        }
        Ok(faults)
    }

    /// Sends one echo request; returns the time until the answer.
    fn echo(&self, from: IpAddr, to: IpAddr, sequence: u16) -> Result<Option<Duration>, Failure> {
        let request = echo_request(from, to, 0x5b, sequence, b"segbox demo");
        let frame = Frame::new(self.lab.mac("host-a", "eth0"), self.lab.mac("r1", "lan"), &request);
        let start = Instant::now();
        self.taps[0].send(&frame).map_err(lab_failed)?;
        // From the identifier on, the answer repeats the request.
        let at = if from.is_ipv4() { 24 } else { 44 };
        let answers = |frame: &Frame| frame.packet().get(at..) == Some(&request[at..]);
        let answer = self.taps[0].find(PATIENCE, |captured| !captured.outgoing && answers(&captured.frame));
        Ok(answer.map_err(lab_failed)?.map(|_| start.elapsed()))
    }

    /// Shows each router's status.
    pub(super) fn status(&self) -> Result<(), Failure> {
        for (at, router) in ROUTERS.into_iter().enumerate() {
            if at > 0 {
                line("");
            }
            let mut status = self.segbox(router);
            // Its output is indented by us, so it cannot see the terminal itself.
            if anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never {
                status.env("CLICOLOR_FORCE", "1");
            }
            let output = status.arg("status").output();
            let output =
                output.map_err(|error| Failure::new("cannot run segbox", error.to_string(), "run ./dev build"))?;
            line(&format!("  {}", name(router)));
            quote(&String::from_utf8_lossy(&output.stdout));
        }
        Ok(())
    }

    /// Keeps the network, and says how to use it and how to remove it.
    pub(super) fn keep(&mut self) {
        self.lab.keep();
        let (router, host) = (self.lab["r2"].name(), self.lab["host-a"].name());
        line("  The network stays. Look around:");
        line("");
        line(&format!("    ip netns exec {router} {} status", self.segbox.display()));
        line(&format!("    ip netns exec {router} {} watch", self.segbox.display()));
        line(&format!("    ip netns exec {host} ping 2001:db8:b::2"));
        line("");
        line("  and remove it:  ./dev demo --remove");
        line("");
    }
}

/// A failure of the laboratory.
pub(super) fn lab_failed(error: segbox_lab::Error) -> Failure {
    let why = std::error::Error::source(&error).map_or(String::new(), ToString::to_string);
    Failure::new(error.to_string(), why, "run it as root, on a kernel with network namespaces and veth")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address of this file")
}
