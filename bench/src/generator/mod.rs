//! The generator: sends a stream's packets, as many as asked for, paced or flat out.

pub(crate) mod socket;
mod xdp;

use std::time::Duration;

pub(crate) use socket::SocketGenerator;
pub(crate) use xdp::XdpGenerator;

use crate::objects::ObjectError;
use crate::traffic::Stream;
use crate::units::Kpps;

/// What sends a stream. Acts in the network namespace of the thread that calls it.
pub(crate) trait Generator: Send {
    /// Starts a stream from its first packet; the one before is over.
    ///
    /// # Errors
    /// [`GeneratorError`].
    fn start(&mut self, stream: &Stream) -> Result<(), GeneratorError>;

    /// Sends up to `count` more packets at `rate`, flat out without one. Returns early, having sent fewer, only where a
    /// signal asks the process to stop.
    ///
    /// # Errors
    /// [`GeneratorError`].
    fn send(&mut self, count: u64, rate: Option<Kpps>) -> Result<Sent, GeneratorError>;

    /// What it is, for the report.
    fn kind(&self) -> &'static str;
}

/// What a generator has sent in one go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Packets.
    pub(crate) packets: u64,
    /// Time from the first to the last, with all that the machine did for them on this CPU.
    pub(crate) time: Duration,
    /// How long it sent nothing though packets were due, and did not catch up.
    pub(crate) late: Duration,
}

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GeneratorError {
    /// The program.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// No such port.
    #[error("there is no interface {0} here; `ip link` shows those that there are")]
    NoInterface(String),
    /// The port does not take frames from XDP.
    #[error(
        "{0} takes no redirected XDP frames; generate with --socket, or give the veth's other end an XDP program or GRO"
    )]
    NoRedirect(String),
    /// The packet socket.
    #[error("packet socket on {interface}: {doing}")]
    Socket {
        /// The port.
        interface: String,
        /// What was tried.
        doing: &'static str,
        /// What the kernel says.
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
