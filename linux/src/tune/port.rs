//! The description of a port, for reports of measurements. Not here: its knobs (`card`).

use std::io;

use segbox_config::IfName;

use super::ioctl;
use crate::netlink::Ethtool;

/// A port, as its driver and the kernel describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// Its driver.
    pub driver: String,
    /// The version of its firmware; empty where the driver does not report it.
    pub firmware: String,
    /// Its offloads that are on and can be turned off, by the kernel's names.
    pub offloads: Vec<String>,
}

impl Port {
    /// The port of this name in the calling thread's network namespace.
    ///
    /// # Errors
    /// There is no such interface, or its driver reports nothing.
    pub fn of(name: &str) -> io::Result<Self> {
        let name: IfName = name.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let (driver, _) = ioctl::driver(name)?;
        // Kernels before 5.7 do not report offloads: the description is then shorter.
        let offloads = Ethtool::open()?.features_on(name).unwrap_or_default();
        Ok(Self { driver, firmware: ioctl::firmware(name)?, offloads })
    }
}
