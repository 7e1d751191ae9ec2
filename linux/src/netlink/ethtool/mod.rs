//! The kernel's generic netlink family `ethtool` (net/ethtool/, Linux 5.6 to 5.9): one file per kind of knob. Not here:
//! knobs that need an ioctl (`tune::ioctl`), and the value that a knob should have.

mod changes;
mod channels;
mod coalesce;
mod features;
mod rings;

use rustix::io::Errno;
use segbox_config::IfName;

use super::frame::{attributes, u8_of, u32_of};
use super::generic::{self, HEADER, message, nest};
use super::reply::TalkError;
use super::socket::{Raw, Socket};

pub use changes::Changes;
pub(crate) use rings::Rings;

/// ETHTOOL_MSG_* from user space (include/uapi/linux/ethtool_netlink.h).
const FEATURES_GET: u8 = 11;
const FEATURES_SET: u8 = 12;
const RINGS_GET: u8 = 15;
const RINGS_SET: u8 = 16;
const CHANNELS_GET: u8 = 17;
const CHANNELS_SET: u8 = 18;
const COALESCE_GET: u8 = 19;
const COALESCE_SET: u8 = 20;

/// ETHTOOL_A_HEADER_DEV_NAME; in every message the header is attribute 1.
const REQUEST_HEADER: u16 = 1;
const DEVICE_NAME: u16 = 2;

/// A socket to the family, in the network namespace of the thread that opened it.
pub(crate) struct Ethtool {
    socket: Socket,
    /// Its number, once it was asked for.
    family: Option<u16>,
}

impl Ethtool {
    pub(crate) fn open() -> std::io::Result<Self> {
        Ok(Self { socket: Socket::open(netlink_sys::protocols::NETLINK_GENERIC)?, family: None })
    }

    fn family(&mut self) -> Result<u16, TalkError> {
        if let Some(family) = self.family {
            return Ok(family);
        }
        let id = generic::family(&mut self.socket, "ethtool")?.id;
        Ok(*self.family.insert(id))
    }

    /// What `read` makes of the reply's attributes; None where the driver or the kernel has no such knob.
    fn ask_for<T>(
        &mut self,
        command: u8,
        interface: IfName,
        mut read: impl FnMut(Attributes<'_>) -> T,
    ) -> Result<Option<T>, TalkError> {
        let request = request(command, interface, []);
        let answer = self.family().and_then(|family| {
            self.socket
                .ask_for(family, &Raw(&request), |payload| payload.get(HEADER..).map(|rest| read(Attributes(rest))))
        });
        match answer {
            Err(error) if is_lacking(&error) => Ok(None),
            other => other,
        }
    }

    fn set(
        &mut self,
        command: u8,
        interface: IfName,
        parts: impl IntoIterator<Item = (u16, Vec<u8>)>,
    ) -> Result<(), TalkError> {
        let family = self.family()?;
        self.socket.ask(family, 0, &Raw(&request(command, interface, parts)))
    }
}

fn request(command: u8, interface: IfName, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Vec<u8> {
    let name = [interface.as_str().as_bytes(), b"\0"].concat();
    let header = nest(REQUEST_HEADER, [(DEVICE_NAME, name)]);
    message(command, std::iter::once(header).chain(parts))
}

/// EOPNOTSUPP: the driver has none. ENOENT: the kernel has no such family.
fn is_lacking(error: &TalkError) -> bool {
    let lacking = [Errno::OPNOTSUPP, Errno::NOENT].map(Errno::raw_os_error);
    error.errno().is_some_and(|errno| lacking.contains(&errno))
}

/// The attributes of a reply.
#[derive(Clone, Copy)]
struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    fn find(self, wanted: u16) -> Option<&'a [u8]> {
        attributes(self.0).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// A number of one byte or four; None where the driver does not give it.
    fn number(self, wanted: u16) -> Option<u32> {
        let value = self.find(wanted)?;
        u32_of(value).or_else(|| u8_of(value).map(u32::from))
    }
}
