//! From a path to a checked Config: reads the file and the files that it names, and gathers facts about the box. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segbox_config::surroundings::{Exposure, SecretFile};
use segbox_config::{Checked, Hazard, Kernel, LinkSeen, Surroundings};
use segbox_linux::bpf;
use segbox_linux::file::{self, Exposed, FileError};

use crate::faults::FaultyFile;

/// A file that was read and has no faults.
#[derive(Debug)]
pub struct Reading {
    /// Its path. Files that it names are searched beside it.
    pub path: PathBuf,
    /// Its text. It may have hundreds of megabytes, so all who need it share it.
    pub text: Arc<str>,
    /// The parsed text.
    pub checked: Checked,
}

/// A file that cannot be read or has faults.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ReadError {
    #[error("cannot read {}", path.display())]
    #[diagnostic(help("use `segbox {command} FILE`; the default is /etc/segbox/segbox.toml"))]
    Io { command: &'static str, path: PathBuf, source: FileError },
    #[error("{} is not UTF-8 text", path.display())]
    #[diagnostic(help("the first invalid byte is byte {at}; save the file as UTF-8"))]
    NotText { path: PathBuf, at: usize },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Faults(Box<FaultyFile>),
}

impl ReadError {
    /// The same, with every fault and not only the first ones.
    pub fn in_full(self) -> Self {
        match self {
            Self::Faults(file) => Self::Faults(Box::new(file.in_full())),
            other => other,
        }
    }
}

/// Facts about the box that the file is for. None: the file is not checked against this fact.
#[derive(Debug, Default)]
pub struct Seen {
    /// Its interfaces.
    pub links: Option<Vec<LinkSeen>>,
    /// Its kernel.
    pub kernel: Option<Kernel>,
    /// The names of its hardware profiles.
    pub profiles: Option<BTreeSet<String>>,
    /// Other programs that may lose SRv6.
    pub hazards: Vec<Hazard>,
    /// How others could change the file itself.
    pub exposed: Option<Exposure>,
}

/// No file of its kind is longer. A segbox.toml of a million policies has 150 MB.
const LONGEST: u64 = 256 << 20;
/// An object with debug information has some hundred kilobytes.
const LONGEST_OBJECT: u64 = 16 << 20;
/// The kernel keeps 64 bytes of a key.
const LONGEST_KEY: u64 = 4096;

/// Reads and checks a file.
///
/// # Errors
/// It cannot be read, is not text, or has faults; all faults are reported.
pub fn read(command: &'static str, path: &Path, on: Seen) -> Result<Reading, ReadError> {
    let (text, exposed) = text(command, path)?;
    let on = Seen { exposed, ..on };
    let text: Arc<str> = text.into();
    let checked =
        check(path, Arc::clone(&text), on).map_err(|faults| ReadError::Faults(Box::new(FaultyFile::new(faults))))?;
    Ok(Reading { path: path.to_owned(), text, checked })
}

/// The text of a file, and how others could change it.
///
/// # Errors
/// It cannot be read, or is not text.
pub fn text(command: &'static str, path: &Path) -> Result<(String, Option<Exposure>), ReadError> {
    let content = file::read(path, LONGEST);
    let content = content.map_err(|source| ReadError::Io { command, path: path.to_owned(), source })?;
    let text = String::from_utf8(content.bytes)
        .map_err(|error| ReadError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() + 1 })?;
    Ok((text, content.exposed.as_ref().map(exposure)))
}

/// In words.
pub(crate) fn exposure(exposed: &Exposed) -> Exposure {
    Exposure { how: exposed.to_string(), fix: exposed.fix() }
}

/// Checks a text as if it were the file at `path`. Files that it names are searched beside that path.
///
/// # Errors
/// All its faults.
pub fn check(path: &Path, text: impl Into<Arc<str>>, on: Seen) -> Result<Checked, segbox_config::Faults> {
    let draft = segbox_config::read(text, path.display().to_string());
    let beside = path.parent().unwrap_or(Path::new("."));
    let needs = draft.needs();
    let mut exposed_objects = BTreeMap::new();
    let around = Surroundings {
        links: on.links,
        kernel: on.kernel,
        objects: named(&needs.objects, |name| object(beside, name, &mut exposed_objects)),
        secrets: named(&needs.secrets, |name| secret(&beside.join(name))),
        profiles: on.profiles,
        hazards: on.hazards,
        exposed: on.exposed,
        exposed_objects,
    };
    draft.resolve(&around)
}

fn named<T>(
    names: &BTreeSet<String>,
    mut look_up: impl FnMut(&str) -> Result<T, String>,
) -> BTreeMap<String, Result<T, String>> {
    names.iter().map(|name| (name.clone(), look_up(name))).collect()
}

fn object(
    beside: &Path,
    name: &str,
    exposed: &mut BTreeMap<String, Exposure>,
) -> Result<segbox_config::object::Object, String> {
    let bytes = match name.strip_prefix("builtin:") {
        Some(builtin) => bpf::builtin(name)
            .ok_or_else(|| format!("there is no built-in program `{builtin}`; `segbox programs` lists them"))?
            .object
            .to_vec(),
        None => {
            let path = beside.join(name);
            let content = file::read(&path, LONGEST_OBJECT);
            let content = content.map_err(|error| format!("{}: {error}", path.display()))?;
            exposed.extend(content.exposed.map(|by| (name.to_owned(), exposure(&by))));
            content.bytes
        }
    };
    bpf::read_object(&bytes).map_err(|error| error.to_string())
}

fn secret(path: &Path) -> Result<SecretFile, String> {
    let content = file::read(path, LONGEST_KEY).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mode, exposed, mut secret) = (content.mode, content.exposed.as_ref().map(exposure), content.bytes);
    // Editors and `echo` end a file with a newline, which is not part of the secret.
    while secret.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        secret.pop();
    }
    Ok(SecretFile { mode, exposed, secret })
}
