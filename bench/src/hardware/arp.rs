//! Checks the cables: sends an ARP request on each of the tester's ports for the address that the box has there by the file
//! that `--box-file` prints. Linux answers for any of its addresses with the Ethernet address of the port that got the request:
//! so the answers distinguish swapped cables, a wrong `mac`, and a missing box.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use segbox_lab::Mac;

use super::{HardwareError, LabFile};
use crate::generator::{index_of, socket};
use crate::port::MacArgument;
use crate::stop;

/// The box's addresses on its two ports, as in `case::router_file`.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 65)];
/// Number of requests: a switch port that has just come up loses the first ones.
const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_millis(400);
/// Length of Ethernet header and request (RFC 826).
const LEN: usize = 42;
const ETH_P_ARP: u16 = 0x0806;

/// Sends requests on both ports. None for a port without an answer: the box may have other addresses, and the screen will show
/// whether it forwards.
///
/// # Errors
/// [`HardwareError::Swapped`], [`HardwareError::OtherMac`], [`HardwareError::Arp`].
pub(super) fn ask(file: &LabFile, macs: [Mac; 2]) -> Result<[Option<Mac>; 2], HardwareError> {
    let ports = [&file.tester.send, &file.tester.receive];
    let mut found = [None; 2];
    for (place, port) in ports.into_iter().enumerate() {
        let fails = |source| HardwareError::Arp { port: port.clone(), source };
        found[place] = answer(port, macs[place], ADDRESSES[place]).map_err(fails)?;
    }
    judge(file, found)?;
    Ok(found)
}

/// Checks that the answers come from the addresses in lab.toml.
fn judge(file: &LabFile, found: [Option<Mac>; 2]) -> Result<(), HardwareError> {
    let (send, receive) = (file.tester.send.clone(), file.tester.receive.clone());
    let (mac, out_mac) = (file.box_.mac, file.box_.out_mac);
    if found == [Some(out_mac.0), Some(mac.0)] && mac != out_mac {
        return Err(HardwareError::Swapped { send, receive, mac, out_mac });
    }
    for (port, found, key, wanted) in [(send, found[0], "mac", mac), (receive, found[1], "out-mac", out_mac)] {
        if let Some(found) = found.filter(|found| *found != wanted.0) {
            return Err(HardwareError::OtherMac { port, found: MacArgument(found), key, wanted });
        }
    }
    Ok(())
}

fn answer(port: &str, mac: Mac, address: Ipv4Addr) -> io::Result<Option<Mac>> {
    let index = index_of(port).map_err(io::Error::other)?;
    let socket = socket::open()?;
    socket::bind(&socket, index, ETH_P_ARP)?;
    for _ in 0..TRIES {
        rustix::io::write(&socket, &request(mac, address))?;
        let end = Instant::now() + PATIENCE;
        while !stop::requested() && is_readable(&socket, end.saturating_duration_since(Instant::now()))? {
            let mut frame = [0; 128];
            let length = rustix::io::read(&socket, &mut frame)?;
            if let Some(found) = sender(&frame[..length], address) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn is_readable(socket: &OwnedFd, limit: Duration) -> io::Result<bool> {
    let limit = Timespec::try_from(limit).unwrap_or_default();
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&limit)) {
        Ok(count) => Ok(count > 0),
        // A signal: the caller checks whether it has requested to stop.
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// A request without a sender address (a probe of RFC 5227), so that it changes no table of the box.
fn request(from: Mac, address: Ipv4Addr) -> [u8; LEN] {
    let mut frame = [0; LEN];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&from);
    // ARP; Ethernet and IPv4, of 6 and 4 bytes; a request.
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&from);
    frame[38..].copy_from_slice(&address.octets());
    frame
}

/// The Ethernet address in an answer for this address.
fn sender(frame: &[u8], address: Ipv4Addr) -> Option<Mac> {
    let is_reply = frame.get(12..14)? == [8, 6] && frame.get(20..22)? == [0, 2];
    let mac = frame.get(22..28)?.try_into().ok()?;
    (is_reply && frame.get(28..32)? == address.octets()).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Mac = [2, 0, 0, 0, 1, 2];
    const OUT: Mac = [2, 0, 0, 0, 2, 1];

    fn told(found: [Option<Mac>; 2]) -> String {
        judge(&super::super::file::tests::file(), found).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn answers_tell_what_is_wrong() {
        assert_eq!(told([Some(BOX), Some(OUT)]), "fine");
        assert_eq!(told([None, None]), "fine");
        assert!(told([Some(OUT), Some(BOX)]).contains("swapped"));
        let other = told([Some([2; 6]), Some(OUT)]);
        assert!(other.contains("02:02:02:02:02:02 answers on eth2") && other.contains(" mac = "), "{other}");
        let other = told([None, Some(BOX)]);
        assert!(other.contains("answers on eth3") && other.contains("out-mac = "), "{other}");
    }

    #[test]
    fn only_an_answer_for_the_address_is_one() {
        let mut frame = request(BOX, ADDRESSES[0]);
        assert_eq!(sender(&frame, ADDRESSES[0]), None, "a request");
        frame[21] = 2;
        frame[28..32].copy_from_slice(&ADDRESSES[0].octets());
        assert_eq!(sender(&frame, ADDRESSES[0]), Some(BOX));
        assert_eq!(sender(&frame, ADDRESSES[1]), None);
        for cut in 0..32 {
            assert_eq!(sender(&frame[..cut], ADDRESSES[0]), None);
        }
    }
}
