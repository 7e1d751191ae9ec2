//! The surroundings of a file that it is checked against: the files it names, the box's interfaces, the kernel. Not here: gathering
//! them (init and linux do).

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Kernel;
use crate::model::Mac;
use crate::names::IfName;
use crate::object::Object;

/// All that the file needs and does not contain. A part that was not gathered (None) is not checked.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The interfaces of this network namespace.
    pub links: Option<Vec<LinkSeen>>,
    /// The kernel.
    pub kernel: Option<Kernel>,
    /// By the text in the file (`builtin:end_noop`, `stamp.o`): the object, or why there is none.
    pub objects: BTreeMap<String, Result<Object, String>>,
    /// By the text in the file: the key file, or why there is none.
    pub secrets: BTreeMap<String, Result<SecretFile, String>>,
    /// The names of all hardware profiles.
    pub profiles: Option<BTreeSet<String>>,
}

/// An interface of the box.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkSeen {
    /// Its present name.
    pub name: IfName,
    /// Its permanent MAC address; the current one where the driver has no permanent one.
    pub mac: Option<Mac>,
    /// Its PCI address, `0000:03:00.0`.
    pub pci: Option<String>,
}

/// The content and mode of a key file.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The permission bits of st_mode: one for the group or for others is a fault.
    pub mode: u32,
    /// Its content, without the line end that editors add.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretFile {{ mode: {:o}, .. }}", self.mode)
    }
}
