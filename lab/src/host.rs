//! Datagrams from a socket of one host to a socket of another, by the hosts' kernels. They show that one host reaches the
//! other; [`crate::Links`] shows the packets on the way.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use crate::{Error, Namespace};

/// Sender's and receiver's port.
const PORTS: (u16, u16) = (40000, 7);
/// Longest time that a datagram may take, through an emulated machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a datagram from one host to another. Returns whether it arrived, complete and from that address.
///
/// # Errors
/// [`Error::Socket`]: a host does not have its address, or has no route to the other one.
pub fn carry(from: (&Namespace, IpAddr), to: (&Namespace, IpAddr), payload: &[u8]) -> Result<bool, Error> {
    let fails = |doing| fails(to, doing);
    let receiver = socket(to, PORTS.1)?;
    receiver.set_read_timeout(Some(PATIENCE)).map_err(fails("set how long to wait"))?;
    send(from, to.1, payload)?;
    // One byte more than is sent, so that a longer datagram is noticed.
    let mut buffer = vec![0; payload.len() + 1];
    match receiver.recv_from(&mut buffer) {
        Ok((length, sender)) => Ok((&buffer[..length], sender.ip(), sender.port()) == (payload, from.1, PORTS.0)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(fails("receive")(error)),
    }
}

/// Sends a datagram and does not wait for it to arrive.
///
/// # Errors
/// [`Error::Socket`]: the host does not have its address, or has no route.
pub fn send(from: (&Namespace, IpAddr), to: IpAddr, payload: &[u8]) -> Result<(), Error> {
    let sent = socket(from, PORTS.0)?.send_to(payload, (to, PORTS.1));
    sent.map(drop).map_err(fails(from, "send"))
}

fn socket(at: (&Namespace, IpAddr), port: u16) -> Result<UdpSocket, Error> {
    at.0.enter(|| UdpSocket::bind((at.1, port)))?.map_err(fails(at, "bind"))
}

fn fails(at: (&Namespace, IpAddr), doing: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    let (namespace, address) = (at.0.name().to_owned(), at.1);
    move |source| Error::Socket { namespace, address, doing, source }
}
