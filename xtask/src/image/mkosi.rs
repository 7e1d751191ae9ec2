//! mkosi of Debian 13: it is fetched but not installed, because Debian 12's is too old. Runs one project of `image/` at a time.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::Archive;
use super::kept::kept;
use crate::failure::Failure;
use crate::{process, workspace};

/// mkosi, and its sources of packages.
#[derive(Debug)]
pub(super) struct Mkosi {
    folder: PathBuf,
    sandbox: PathBuf,
    /// Name and version of its package.
    pub(super) version: String,
}

impl Mkosi {
    /// Fetches it unless it is there.
    ///
    /// # Errors
    /// No network.
    pub(super) fn open(archive: &Archive) -> Result<Self, Failure> {
        let version = Self::version(archive)?;
        let folder = kept("mkosi", number(&version), |fresh| archive.unpack("mkosi", fresh))?;
        Ok(Self { folder, sandbox: archive.sandbox(), version })
    }

    /// Name and version of Debian's package.
    pub(super) fn version(archive: &Archive) -> Result<String, Failure> {
        archive.versions(&["mkosi".to_owned()])
    }

    /// A run of the project `image/NAME`, with its results in `output`.
    pub(super) fn project(&self, name: &str, output: &Path) -> Project {
        let mut command = Command::new(python());
        command
            .args(["-m", "mkosi", "--directory"])
            .arg(workspace::root().join("image").join(name))
            .arg("--output-directory")
            .arg(output)
            .arg("--sandbox-tree")
            .arg(&self.sandbox)
            .arg("--force")
            .env("PYTHONPATH", self.folder.join("usr/lib/python3/dist-packages"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Project { name: name.to_owned(), output: output.to_owned(), command }
    }
}

/// The version without the name.
pub(super) fn number(version: &str) -> &str {
    version.trim_start_matches("mkosi ")
}

/// One run of mkosi.
pub(super) struct Project {
    name: String,
    output: PathBuf,
    command: Command,
}

impl Project {
    /// Adds an option with its value.
    pub(super) fn option(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.arg(name).arg(value);
        self
    }

    /// Runs it. Its output is kept beside its results, and shown if it fails.
    ///
    /// # Errors
    /// It fails, mostly because a package or root's rights are missing.
    pub(super) fn build(mut self) -> Result<(), Failure> {
        let cache = workspace::cache()?;
        let folders = [("--package-cache-dir", cache.join("packages")), ("--workspace-directory", cache.join("mkosi"))];
        for (option, folder) in folders {
            fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
            self.command.arg(option).arg(folder);
        }
        fs::create_dir_all(&self.output).map_err(|error| Failure::file("create", &self.output, &error))?;
        let log = self.output.join(format!("{}.log", self.name));
        let file = File::create(&log).map_err(|error| Failure::file("write", &log, &error))?;
        let both = file.try_clone().map_err(|error| Failure::file("write", &log, &error))?;
        let tried = format!("mkosi for image/{}", self.name);
        self.command.arg("build").stdin(std::process::Stdio::null()).stdout(file).stderr(both);
        // mkosi ends its programs when it ends.
        let status = process::ends_with_us(&mut self.command).status();
        let status = status.map_err(|error| Failure::new(&tried, error.to_string(), "apt-get install python3"))?;
        if status.success() {
            return Ok(());
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<_> = said.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        Err(Failure::new(
            tried,
            status.to_string(),
            format!("read its last lines above; the whole log: {}", log.display()),
        ))
    }
}

/// The system's Python: mkosi needs only the standard library, and a version manager's Python may lack even that.
fn python() -> &'static str {
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}
