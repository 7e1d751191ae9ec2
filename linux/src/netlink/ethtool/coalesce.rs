//! Interrupt coalescing (ETHTOOL_MSG_COALESCE_*, Linux 5.7). The kernel reports only what a driver has.

use std::collections::BTreeMap;

use rustix::io::Errno;
use segbox_config::IfName;

use super::{COALESCE_GET, COALESCE_SET, Ethtool};
use crate::netlink::{Refusal, TalkError};

/// Each parameter's name in a profile, its ETHTOOL_A_COALESCE_*, and whether it is a boolean (one byte).
const PARAMETERS: [(&str, u16, bool); 6] = [
    ("rx-usecs", 2, false),
    ("rx-frames", 3, false),
    ("tx-usecs", 6, false),
    ("tx-frames", 7, false),
    ("adaptive-rx", 11, true),
    ("adaptive-tx", 12, true),
];

impl Ethtool {
    /// The parameters that the driver has, with their values.
    pub(crate) fn coalescing(&mut self, interface: IfName) -> Result<BTreeMap<&'static str, u32>, TalkError> {
        let found = self.ask_for(COALESCE_GET, interface, |answer| {
            PARAMETERS.iter().filter_map(|(name, kind, _)| Some((*name, answer.number(*kind)?))).collect()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Sets one of them.
    pub(crate) fn set_coalescing(&mut self, interface: IfName, name: &str, value: u32) -> Result<(), TalkError> {
        let known = PARAMETERS.iter().find(|(known, ..)| *known == name);
        let (_, kind, is_bool) =
            known.ok_or(TalkError::Refused(Refusal { errno: Errno::INVAL.raw_os_error(), words: None }))?;
        let bytes = if *is_bool { vec![u8::from(value != 0)] } else { value.to_ne_bytes().to_vec() };
        self.set(COALESCE_SET, interface, [(*kind, bytes)])
    }
}
