//! What hosts do by themselves: datagrams from the socket of one to the socket of another, by their kernels' own stacks.
//! That a datagram arrives says that one reaches the other; what it was on the way is for [`crate::Links`].

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use crate::{Error, Namespace};

/// Sender's and receiver's port.
const PORTS: (u16, u16) = (40000, 7);
/// Longest way, through an emulated machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a datagram from one host to another. Whether it arrived, whole and from that address.
///
/// # Errors
/// [`Error::Socket`]: a host does not have its address, or no route to the other one.
pub fn carry(from: (&Namespace, IpAddr), to: (&Namespace, IpAddr), payload: &[u8]) -> Result<bool, Error> {
    let fails = |doing| fails(to, doing);
    let receiver = socket(to, PORTS.1)?;
    receiver.set_read_timeout(Some(PATIENCE)).map_err(fails("set how long to wait"))?;
    send(from, to.1, payload)?;
    // One more than is sent, so that a longer one is seen to be longer.
    let mut buffer = vec![0; payload.len() + 1];
    match receiver.recv_from(&mut buffer) {
        Ok((length, sender)) => Ok((&buffer[..length], sender.ip(), sender.port()) == (payload, from.1, PORTS.0)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(fails("receive")(error)),
    }
}

/// Sends a datagram that nobody waits for.
///
/// # Errors
/// [`Error::Socket`]: the host does not have its address, or no route.
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
