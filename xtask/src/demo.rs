//! `./dev demo`: three segbox routers and two hosts in network namespaces of this machine, and one packet followed
//! through all of them. The routers' files are config/examples/r1.toml, r2.toml and r3.toml.
//!
//! Nothing is simulated: each router is `segbox apply` in a namespace, and the packets shown were captured on the links.

mod hop;
mod journey;
mod network;
mod screen;

use std::time::Duration;

use crate::failure::Failure;
use crate::{root, stop};
use journey::Direction;
use network::Network;
use screen::{count, end, heading, line};

/// The state that the demo leaves.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Keep the network afterwards, to look around in it
    #[arg(long)]
    keep: bool,
    /// Remove the network that an earlier `--keep` left; do nothing else
    #[arg(long, conflicts_with = "keep")]
    remove: bool,
}

/// Builds the network, sends, shows, judges, removes.
///
/// # Errors
/// The network could not be built, or the packet did not arrive.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return root::again("the demo");
    }
    if options.remove {
        let removed = segbox_lab::remove_abandoned();
        removed.iter().for_each(|name| line(&format!("removed {name}")));
        line(&format!("{} removed", count(removed.len(), "namespace")));
        return Ok(());
    }
    stop::on_signal(Duration::ZERO, || {})?;

    screen::title();
    let mut network = Network::build()?;
    network.configure()?;

    heading("A datagram, host-a to host-b");
    let there = network.follow(Direction::There)?;
    there.tell(&network, true);
    heading("The answer, host-b to host-a");
    let back = network.follow(Direction::Back)?;
    back.tell(&network, false);
    heading("Ping");
    let pings = network.ping()?;
    heading("What the routers say: segbox status");
    network.status()?;

    let faults = [there.faults(), back.faults(), pings].concat();
    heading("Verdict");
    end(&faults, "the datagram and its answer arrived, and between r2 and r3 the SRH carried segbox's TLV 124");
    if options.keep {
        network.keep();
    }
    if faults.is_empty() { Ok(()) } else { Err(failed(&faults)) }
}

fn failed(faults: &[String]) -> Failure {
    Failure::new(
        "the demo's packet did not arrive as it should",
        faults.join("; "),
        "run ./dev demo --keep, and look at `segbox status` in each router for counters and deviations",
    )
}
