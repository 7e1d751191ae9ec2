//! The tester's two ports. Checks that they exist, are up, have a link, and can run XDP programs, before a packet is sent.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use aya::Ebpf;
use segbox_lab::Mac;

use super::longest::Longest;
use super::{HardwareError, LabFile};
use crate::objects::ObjectError;
use crate::port;
use crate::sink::{Hook, Sink, pass};
use crate::stop;

/// How long to wait for a link: a cable that has just been plugged in negotiates for some seconds.
const PLUGGED: Duration = Duration::from_secs(5);
/// `IFF_UP` of a port's flags.
const UP: u32 = 1;

/// Checks both ports. Returns their Ethernet addresses.
///
/// # Errors
/// [`HardwareError`]: one is not there, down, has no link, or does not carry packets of these lengths.
pub(super) fn checked(file: &LabFile, longest: Longest) -> Result<[Mac; 2], HardwareError> {
    let one = |name: &String, longest: u32| {
        let mac = port::mac_of(name).map_err(|source| HardwareError::NoPort {
            name: name.clone(),
            there: there(),
            source,
        })?;
        let flags = attribute(name, "flags").unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or_default();
        if flags & UP == 0 {
            return Err(HardwareError::Down(name.clone()));
        }
        // XDP sends no longer packets, and a NIC receives none.
        let mtu = attribute(name, "mtu").and_then(|mtu| mtu.parse().ok()).unwrap_or(u32::MAX);
        if mtu < longest {
            return Err(HardwareError::Mtu { port: name.clone(), mtu, longest });
        }
        Ok(mac)
    };
    let macs = [one(&file.tester.send, longest.sent)?, one(&file.tester.receive, longest.received)?];
    linked(file, PLUGGED)?;
    Ok(macs)
}

/// Waits for both links.
fn linked(file: &LabFile, patience: Duration) -> Result<(), HardwareError> {
    for port in [&file.tester.send, &file.tester.receive] {
        if !port::linked(port, patience) {
            return Err(if stop::requested() { HardwareError::Stopped } else { HardwareError::NoLink(port.clone()) });
        }
    }
    Ok(())
}

/// Attaches the sink to the receiving port. If XDP sends, attaches a program to the sending port too: most drivers of NICs set
/// up the queues for redirected frames with their first XDP program (ixgbe, igb, i40e, ice, virtio_net).
///
/// # Errors
/// [`HardwareError`]: a driver without XDP, a port with another XDP program.
pub(super) fn attach(file: &LabFile) -> Result<(Sink, Option<Ebpf>), HardwareError> {
    let tester = &file.tester;
    let refused = |port: &String, purpose, instead, source: ObjectError| match errno(&source) {
        Some(libc::EOPNOTSUPP) => {
            HardwareError::NoXdp { port: port.clone(), driver: driver(port), purpose, instead, source }
        }
        Some(libc::EBUSY | libc::EEXIST) => HardwareError::Busy { port: port.clone(), source },
        _ => source.into(),
    };
    let sender = (!tester.socket)
        .then(|| pass(&tester.send).map_err(|error| refused(&tester.send, "sends", "socket = true", error)));
    let sender = sender.transpose()?;
    let sink = Sink::attach(&tester.receive, tester.sink.0, file.traffic.flows);
    let sink = sink.map_err(|error| refused(&tester.receive, "counts", "sink = \"tc\"", error))?;
    if sender.is_some() || tester.sink.0 == Hook::Xdp {
        linked(file, port::RESTARTED)?;
    }
    Ok((sink, sender))
}

/// Packets that the port has sent, by its driver's counter.
pub(super) fn sent_by(port: &str) -> Option<u64> {
    attribute(port, "statistics/tx_packets")?.parse().ok()
}

/// Speed in Mbit/s; None for a virtual port. A veth reports 10 Gbit/s, but its rate depends on the CPU.
pub(super) fn speed(port: &str) -> Option<f64> {
    let is_card = Path::new("/sys/class/net").join(port).join("device").exists();
    is_card.then(|| attribute(port, "speed")).flatten()?.parse::<f64>().ok().filter(|speed| *speed > 0.0)
}

fn attribute(port: &str, name: &str) -> Option<String> {
    fs::read_to_string(format!("/sys/class/net/{port}/{name}")).ok().map(|text| text.trim().to_owned())
}

fn driver(port: &str) -> String {
    let driver = fs::read_link(format!("/sys/class/net/{port}/device/driver")).ok();
    let driver = driver.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    driver.unwrap_or_else(|| "virtual port".to_owned())
}

/// Lists the ports of this machine, for the message about a port that does not exist.
fn there() -> String {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "lo");
    names.sort();
    if names.is_empty() { String::new() } else { format!("; it has {}", names.join(", ")) }
}

/// The errno in an error or in one of its causes.
fn errno(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.raw_os_error();
        }
        cause = error.source();
    }
    None
}
