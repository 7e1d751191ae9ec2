//! The surroundings of a file that it is checked against: the files it names, the box's interfaces, the kernel. Not here: gathering
//! them (init and linux do).

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Kernel;
use crate::model::Mac;
use crate::names::IfName;
use crate::object::Object;

/// The files that a Draft names, by the text in it: the keys of the maps in [`Surroundings`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// BPF objects, `builtin:NAME` or a path relative to the file.
    pub objects: BTreeSet<String>,
    /// HMAC secrets, paths relative to the file.
    pub secrets: BTreeSet<String>,
    /// A hardware profile by its name: `hw-profiles/NAME.toml` beside the file, or one of segbox's profiles.
    pub profile: Option<String>,
}

impl Needs {
    /// Objects and secrets that are files, by the text in the Draft. They must be copied where the file is copied.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let objects = self.objects.iter().filter(|object| !object.starts_with("builtin:"));
        objects.chain(&self.secrets).map(String::as_str)
    }

    /// Those of [`files`](Self::files) that are not in the file's folder or below it. They cannot be copied along: elsewhere a path
    /// such as `../keys/7.key` leads to another file or to none.
    pub fn outside(&self) -> impl Iterator<Item = &str> {
        use std::path::{Component, Path};
        let beneath = |name: &str| {
            Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        };
        self.files().filter(move |name| !beneath(name))
    }
}

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
    /// Other programs of the box that may lose SRv6.
    pub hazards: Vec<Hazard>,
    /// How others could change the file itself.
    pub exposed: Option<Exposure>,
    /// How others could change an object, by the text in the file.
    pub exposed_objects: BTreeMap<String, Exposure>,
}

/// How another user than root could change what root acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Who can change which file or folder.
    pub how: String,
    /// The command that closes the gap.
    pub fix: String,
}

/// Another program of the box that may lose SRv6 packets or what segbox set up for them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hazard {
    /// What was found.
    pub what: String,
    /// What is lost.
    pub loses: String,
    /// How to keep it.
    pub fix: String,
    /// Only IPv4 packets that SIDs decapsulate are lost.
    pub ipv4_only: bool,
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
    /// Its kind (IFLA_INFO_KIND): `vlan`, `bridge`, `veth`. None for a card, and in dumps of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// Its MTU in bytes. None in dumps of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mtu: Option<u32>,
    /// Whether it has a carrier. None while it is down, and in dumps of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub carrier: Option<bool>,
}

impl LinkSeen {
    /// A link of which only the name is known.
    pub fn named(name: IfName) -> Self {
        Self { name, mac: None, pci: None, kind: None, mtu: None, carrier: None }
    }
}

/// The content and mode of a key file.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The permission bits of st_mode: one for the group or for others is a fault.
    pub mode: u32,
    /// How others could put another one in its place; a fault.
    pub exposed: Option<Exposure>,
    /// Its content, without the line end that editors add.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretFile {{ mode: {:o}, .. }}", self.mode)
    }
}
