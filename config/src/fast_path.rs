//! What a file says of the fast path. Not here: which packets it takes (plan), and its program.

use serde::{Deserialize, Serialize};

/// The program of `fast-path = "xdp"` in [`Config::programs`](crate::Config::programs). No `[program.NAME]` can have this name.
pub const FAST_PATH_PROGRAM: &str = "segbox:fast-path";

/// Who forwards packets of SIDs and policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FastPath {
    /// The kernel's stack.
    #[default]
    Kernel,
    /// A program in the drivers, and the kernel's stack what that is not sure of.
    Xdp,
}

/// Where the fast path's program is at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum XdpMode {
    /// In the driver.
    Native,
    /// In the stack, for drivers without XDP.
    Generic,
}

/// `[interface.NAME] xdp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortXdp {
    /// The fast path is here in this mode.
    On(XdpMode),
    /// It is not here.
    Off,
}
