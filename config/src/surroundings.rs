//! What a file can only be checked against: the files it names, the box's interfaces, the kernel. Gathered by the edges
//! (init, linux); decided on here.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Kernel;
use crate::model::Mac;
use crate::names::IfName;
use crate::object::Object;

/// What the file speaks of and does not hold. What was not asked (None) is not checked.
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
    /// Names of the hardware profiles there are.
    pub profiles: Option<BTreeSet<String>>,
}

/// An interface that is there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkSeen {
    /// The name it has now.
    pub name: IfName,
    /// Its permanent MAC address (the current one where the driver knows no permanent one).
    pub mac: Option<Mac>,
    /// Its PCI path, `0000:03:00.0`.
    pub pci: Option<String>,
}

/// A key file as it lies on disk.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// st_mode's permission bits: any for group or others is a fault.
    pub mode: u32,
    /// Its content without the line end that editors add.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretFile {{ mode: {:o}, .. }}", self.mode)
    }
}
