//! `./dev demo`: three segbox routers and two hosts in network namespaces of this machine, and one packet followed
//! through all of them. The routers' files are config/examples/r1.toml, r2.toml and r3.toml.
//!
//! Nothing is simulated: each router is `segbox apply` in a namespace, and the packets shown were captured on the links.

mod hop;
mod journey;
mod network;
mod screen;

use std::process::Command;

use crate::failure::Failure;
use crate::process;
use crate::toolchain::on_path;
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
        return as_root();
    }
    if options.remove {
        let removed = segbox_lab::remove_abandoned();
        removed.iter().for_each(|name| line(&format!("removed {name}")));
        line(&format!("{} removed", count(removed.len(), "namespace")));
        return Ok(());
    }
    remove_on_signal()?;

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

/// Starts the demo again through sudo: only root makes namespaces.
fn as_root() -> Result<(), Failure> {
    let fix = "run ./dev demo as root";
    let fault = |why: String| Failure::new("the demo makes network namespaces, which takes root", why, fix);
    let sudo = on_path("sudo").ok_or_else(|| fault("you are not root and there is no sudo".to_owned()))?;
    let me = std::env::current_exe().map_err(|error| fault(error.to_string()))?;
    let keep = "--preserve-env=CARGO_MANIFEST_DIR,CARGO_TARGET_DIR,TERM,NO_COLOR";
    process::run(Command::new(sudo).arg(keep).arg(me).args(std::env::args_os().skip(1)), fix)
}

/// Removes the network on Ctrl-C, a closed terminal or a kill.
fn remove_on_signal() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let fault = |error: std::io::Error| Failure::new("cannot wait for signals", error.to_string(), "try again");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let guard = runtime.enter();
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    drop(guard);
    std::thread::spawn(move || {
        let [Ok(interrupt), Ok(terminate), Ok(hangup)] = &mut signals else { return };
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        segbox_lab::remove_ours();
        // The status that a shell gives an interrupted command.
        std::process::exit(130);
    });
    Ok(())
}
