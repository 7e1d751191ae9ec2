//! What a port says of itself: for a report of what was measured. Not here: its knobs (`card`).

use std::io;

use segbox_config::IfName;

use super::ioctl;
use crate::netlink::Ethtool;

/// A port as its driver and the kernel tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// Its driver.
    pub driver: String,
    /// Version of its firmware; empty where it tells none.
    pub firmware: String,
    /// The kernel's names of what it does of the kernel's work, as far as that can be turned off.
    pub offloads: Vec<String>,
}

impl Port {
    /// Asks for a port of the calling thread's network namespace.
    ///
    /// # Errors
    /// There is no such interface, or it has no driver that tells anything.
    pub fn of(name: &str) -> io::Result<Self> {
        let name: IfName = name.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let (driver, _) = ioctl::driver(name)?;
        // Kernels before 5.7 do not tell: the report is poorer without it and as right.
        let offloads = Ethtool::open()?.features_on(name).unwrap_or_default();
        Ok(Self { driver, firmware: ioctl::firmware(name)?, offloads })
    }
}
