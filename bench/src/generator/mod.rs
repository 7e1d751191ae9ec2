//! Generators: send a given number of a stream's packets, at a rate or as fast as they can.

pub(crate) mod socket;
mod xdp;

use std::time::Duration;

pub(crate) use socket::SocketGenerator;
pub(crate) use xdp::XdpGenerator;

use crate::objects::ObjectError;
use crate::traffic::Stream;
use crate::units::Kpps;

/// Sends a stream. Acts in the network namespace of the calling thread.
pub(crate) trait Generator: Send {
    /// Starts a stream from its first packet. It replaces the previous stream.
    ///
    /// # Errors
    /// [`GeneratorError`].
    fn start(&mut self, stream: &Stream) -> Result<(), GeneratorError>;

    /// Sends `count` more packets at `rate`, or as fast as it can without a rate. It sends fewer only if a signal requests the
    /// process to stop.
    ///
    /// # Errors
    /// [`GeneratorError`].
    fn send(&mut self, count: u64, rate: Option<Kpps>) -> Result<Sent, GeneratorError>;

    /// Its kind, for the report.
    fn kind(&self) -> &'static str;
}

/// The result of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Packets.
    pub(crate) packets: u64,
    /// Time from the first to the last packet, with everything that the CPU did for them.
    pub(crate) time: Duration,
    /// Time in which packets were due, and none were sent then or later.
    pub(crate) late: Duration,
}

/// Why packets cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GeneratorError {
    /// The BPF program.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// No such interface.
    #[error("there is no interface {0} here; `ip link` lists the interfaces")]
    NoInterface(String),
    /// The port cannot send frames that XDP redirects.
    #[error(
        "{0} cannot send redirected XDP frames; use --socket, or, if it is a veth, give its other end an XDP program or GRO"
    )]
    NoRedirect(String),
    /// The packet socket.
    #[error("packet socket on {interface}: cannot {doing}")]
    Socket {
        /// The port.
        interface: String,
        /// The attempted action.
        doing: &'static str,
        /// The kernel's error.
        source: std::io::Error,
    },
}

/// The index of an interface of the calling thread's namespace.
pub(crate) fn index_of(interface: &str) -> Result<u32, GeneratorError> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET6, rustix::net::SocketType::DGRAM, None);
    socket
        .and_then(|socket| rustix::net::netdevice::name_to_index(socket, interface))
        .map_err(|_| GeneratorError::NoInterface(interface.to_owned()))
}
