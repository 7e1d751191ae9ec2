//! Loads modules with their dependencies into the kernel, each once, from several threads. Not here: which modules (`coldplug`).

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::system::finit_module;

use super::index::{Index, Texts};

/// The kernel decompresses the file (include/uapi/linux/module.h). Linux 5.17, CONFIG_MODULE_DECOMPRESS.
const COMPRESSED_FILE: i32 = 4;

/// Why a module could not be loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LoadError {
    /// It or one of its dependencies is not among the modules of this kernel.
    #[error("this image has no module {0}")]
    Unknown(String),
    /// Its file cannot be opened.
    #[error("cannot open {}: {kind}", path.display())]
    Open { path: PathBuf, kind: io::ErrorKind },
    /// The kernel refuses it.
    #[error("the kernel refuses module {name}: {errno}")]
    Refused { name: String, errno: rustix::io::Errno },
}

type Result<T> = std::result::Result<T, LoadError>;

/// How to treat a driver's probe of its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probes {
    /// Asynchronous.
    GoOn,
    /// Synchronous: loading waits for it.
    Done,
}

impl Probes {
    /// Without this option the kernel blocks the loading process until all asynchronous probes are done, such as a search for
    /// SATA disks (kernel/module/main.c, do_init_module).
    fn option(self) -> &'static str {
        match self {
            Self::GoOn => "async_probe",
            Self::Done => "",
        }
    }
}

/// The modules of the running kernel, and which of them are loaded.
#[derive(Debug)]
pub(crate) struct Loader {
    folder: PathBuf,
    index: Index<'static>,
    /// One cell per module: a second thread waits for the result of the first.
    loaded: Mutex<HashMap<String, Arc<OnceLock<Result<()>>>>>,
    /// `driver.option=value` on the kernel's command line. The kernel leaves these to the process that loads the module.
    options: HashMap<String, String>,
}

impl Loader {
    /// Reads depmod's files of the running kernel.
    ///
    /// # Errors
    /// There is no folder for this kernel, or no modules.dep in it.
    pub(crate) fn open() -> io::Result<Self> {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let folders = ["/usr/lib/modules", "/lib/modules"].map(|root| Path::new(root).join(&release));
        let folder = folders.iter().find(|folder| folder.join("modules.dep").exists()).unwrap_or(&folders[0]).clone();
        // The text lives as long as the process, because every name in the index points into it.
        let text = |name: &str| fs::read_to_string(folder.join(name)).map(|text| &*text.leak());
        let texts = Texts {
            dep: text("modules.dep")?,
            alias: text("modules.alias").unwrap_or_default(),
            softdep: text("modules.softdep").unwrap_or_default(),
        };
        let options = options(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
        Ok(Self { index: Index::parse(texts), folder, loaded: Mutex::default(), options })
    }

    /// The index of depmod's files.
    pub(crate) fn index(&self) -> &Index<'static> {
        &self.index
    }

    /// Loads the modules for a name or an alias, with dependencies: file systems, link kinds, ciphers.
    pub(crate) fn serve(&self, alias: &str) -> Vec<(String, Result<()>)> {
        self.index.find(alias).into_iter().map(|name| (name.clone(), self.load(&name))).collect()
    }

    /// Loads a module with its dependencies, without waiting for devices.
    pub(crate) fn load(&self, name: &str) -> Result<()> {
        self.load_for(name, Probes::GoOn)
    }

    /// Loads a driver with its dependencies, and waits until it has probed its devices.
    pub(crate) fn drive(&self, name: &str) -> Result<()> {
        self.load_for(name, Probes::Done)
    }

    fn load_for(&self, name: &str, probes: Probes) -> Result<()> {
        for needed in self.index.order(name) {
            let probes = if needed.name == name { probes } else { Probes::GoOn };
            match self.once(&needed.name, probes) {
                Err(_) if needed.soft => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn once(&self, name: &str, probes: Probes) -> Result<()> {
        let cell = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(loaded.entry(name.to_owned()).or_default())
        };
        cell.get_or_init(|| self.insert(name, probes)).clone()
    }

    fn insert(&self, name: &str, probes: Probes) -> Result<()> {
        // The module may be loaded by another process already, or be built in. Check first: the kernel would decompress the file
        // before it says so.
        if is_live(name) {
            return Ok(());
        }
        let Some(path) = self.index.path(name) else {
            let built_in = Path::new("/sys/module").join(name).exists();
            return if built_in { Ok(()) } else { Err(LoadError::Unknown(name.to_owned())) };
        };
        let path = self.folder.join(path);
        let file = File::open(&path).map_err(|error| LoadError::Open { path: path.clone(), kind: error.kind() })?;
        let flags = if path.extension().is_some_and(|ending| ending != "ko") { COMPRESSED_FILE } else { 0 };
        // A command line contains no NUL.
        let said = self.options.get(name).map_or("", String::as_str);
        let options = format!("{} {} {said}", own_option(name), probes.option());
        let options = CString::new(options.trim()).unwrap_or_default();
        match finit_module(&file, &options, flags) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(errno) => Err(LoadError::Refused { name: name.to_owned(), errno }),
        }
    }
}

/// Whether a module is loaded and initialized. Always false for a built-in one, which has no such file.
pub(crate) fn is_live(module: &str) -> bool {
    fs::read_to_string(format!("/sys/module/{module}/initstate")).is_ok_and(|state| state.trim_end() == "live")
}

/// Options for every box: no unrequested devices of these modules.
fn own_option(module: &str) -> &'static str {
    match module {
        "bonding" => "max_bonds=0",
        "dummy" => "numdummies=0",
        "ifb" => "numifbs=0",
        _ => "",
    }
}

/// `ixgbe.allow_unsupported_sfp=1 quiet` → ixgbe: `allow_unsupported_sfp=1`.
fn options(command_line: &str) -> HashMap<String, String> {
    let mut options: HashMap<String, String> = HashMap::new();
    for word in command_line.split_ascii_whitespace() {
        let (name, _) = word.split_once('=').unwrap_or((word, ""));
        if let Some((module, _)) = name.split_once('.') {
            let option = &word[module.len() + 1..];
            let all = options.entry(module.replace('-', "_")).or_default();
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(option);
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_a_module_its_options_of_the_command_line() {
        let found = options("quiet console=ttyS0,115200.5 ixgbe.a=1 virtio-net.b ixgbe.c=x.y");
        assert_eq!(found.get("ixgbe").map(String::as_str), Some("a=1 c=x.y"));
        assert_eq!(found.get("virtio_net").map(String::as_str), Some("b"));
        assert_eq!(found.len(), 2);
    }
}
