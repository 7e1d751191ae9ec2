//! Debian's archive, as this machine reaches it: the sources of packages, their versions, and the download of one.
//!
//! Runs apt with a separate configuration, so that the machine's lists and sources stay as they are. Names no mirror: the
//! machine's apt sources do. Installs nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::tree;
use crate::failure::Failure;
use crate::lock::lock;
use crate::progress::Step;
use crate::{process, workspace};

/// The Debian that the image is made of. Its security suite is part of it.
const SUITE: &str = "trixie";
/// Lists this old are fetched again: a kernel with a security fix is in the image after a day.
const LISTS_LAST: Duration = Duration::from_secs(24 * 3600);
/// If this variable is set, the lists are current at any age: a test run uses the same lists from its first build to its last.
pub(crate) const KEEP_LISTS: &str = "SEGBOX_KEEP_LISTS";
const FIX: &str = "the image is made of Debian packages: check the network and that `apt-get update` works here";

/// The archive, with up-to-date lists.
#[derive(Debug)]
pub(super) struct Archive {
    home: PathBuf,
}

impl Archive {
    /// Reads the machine's apt sources, and fetches the lists if the last ones are a day old.
    ///
    /// # Errors
    /// No apt, no Debian among its sources, no network.
    pub(super) fn open() -> Result<Self, Failure> {
        let archive = Self { home: workspace::cache()?.join("apt") };
        // Of two builds at the same time, neither reads a file that the other is writing.
        let _turn = lock(&archive.home.join("lock"), "another build fetches Debian's lists; waiting for it")?;
        for folder in ["apt.conf.d", "preferences.d", "state/lists/partial", "cache/archives/partial"] {
            let folder = archive.home.join(folder);
            fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
        }
        keep(&archive.configuration(), &archive.configuration_text())?;
        let sources = sources()?;
        if fs::read_to_string(archive.sources()).ok().as_deref() != Some(sources.as_str()) {
            // The last lists are of other sources. The next run must know this too, if this one is killed before it has new lists.
            drop(fs::remove_file(archive.stamp()));
        }
        keep(&archive.sources(), &sources)?;
        if !archive.is_fresh() {
            archive.update()?;
        }
        Ok(archive)
    }

    /// The archive as the last build saw it; `None` where nothing was ever fetched. Asks no network.
    pub(super) fn last() -> Result<Option<Self>, Failure> {
        let archive = Self { home: workspace::cache()?.join("apt") };
        Ok(Some(archive).filter(|archive| archive.stamp().exists()))
    }

    /// A folder with `etc/apt/sources.list.d/mkosi.sources`: for mkosi's `--sandbox-tree`.
    pub(super) fn sandbox(&self) -> PathBuf {
        self.home.join("sandbox")
    }

    /// `NAME VERSION` of packages, one line each.
    ///
    /// # Errors
    /// The archive has no such package.
    pub(super) fn versions(&self, packages: &[String]) -> Result<String, Failure> {
        let shown = self.apt("apt-cache").args(["show", "--no-all-versions"]).args(packages).output();
        let shown = shown.map_err(|error| Failure::new("cannot run apt-cache", error.to_string(), FIX))?;
        let text = String::from_utf8_lossy(&shown.stdout);
        let field = |stanza: &str, name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
        };
        let mut lines: Vec<_> = text
            .split("\n\n")
            .filter_map(|stanza| Some(format!("{} {}", field(stanza, "Package")?, field(stanza, "Version")?)))
            .collect();
        lines.sort();
        lines.dedup();
        let missing = packages.iter().find(|name| !lines.iter().any(|line| line.starts_with(&format!("{name} "))));
        match missing {
            Some(name) => Err(Failure::new(format!("cannot find the package {name}"), "not in Debian's lists", FIX)),
            None => Ok(lines.join("\n")),
        }
    }

    /// Fetches a package and unpacks it into a folder.
    ///
    /// # Errors
    /// No network, a full disk.
    pub(super) fn unpack(&self, package: &str, into: &Path) -> Result<(), Failure> {
        let download = self.home.join("download");
        tree::empty(&download)?;
        let package = format!("{package}/{SUITE}");
        process::output(self.apt("apt-get").current_dir(&download).args(["-qq", "download", &package]), FIX)?;
        for file in workspace::files(&download)? {
            process::output(Command::new("dpkg-deb").arg("-x").arg(file).arg(into), "install dpkg")?;
        }
        tree::remove(&download)
    }

    fn update(&self) -> Result<(), Failure> {
        let updated = Step::quiet("fetching Debian's package lists, 10 MB", 10)
            .run(|| process::output(self.apt("apt-get").args(["-qq", "update"]), FIX));
        let stamp = self.stamp();
        match updated {
            Ok(_) => tree::write(&stamp, ""),
            // Without a network the last lists serve: their packages may be in the cache.
            Err(failure) if stamp.exists() => {
                eprintln!("warning: cannot fetch Debian's lists, so the last ones are used ({})", failure.why);
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// A file that is made when all lists are fetched, so it is as old as they are.
    fn stamp(&self) -> PathBuf {
        self.home.join("updated")
    }

    fn is_fresh(&self) -> bool {
        let made = fs::metadata(self.stamp()).and_then(|file| file.modified());
        let young = |made| SystemTime::now().duration_since(made).is_ok_and(|age| age < LISTS_LAST);
        made.is_ok_and(|made| std::env::var_os(KEEP_LISTS).is_some() || young(made))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.configuration());
        command
    }

    fn configuration(&self) -> PathBuf {
        self.home.join("apt.conf")
    }

    fn sources(&self) -> PathBuf {
        self.sandbox().join("etc/apt/sources.list.d/mkosi.sources")
    }

    /// Error-Mode makes a list that cannot be fetched an error; otherwise apt warns and uses the old list or none.
    fn configuration_text(&self) -> String {
        let home = self.home.display();
        format!(
            "Dir::Etc \"{home}\";\nDir::Etc::sourcelist \"/dev/null\";\n\
             Dir::Etc::sourceparts \"{home}/sandbox/etc/apt/sources.list.d\";\n\
             Dir::Etc::parts \"{home}/apt.conf.d\";\nDir::Etc::preferencesparts \"{home}/preferences.d\";\n\
             Dir::State \"{home}/state\";\nDir::Cache \"{home}/cache\";\nAPT::Architecture \"amd64\";\n\
             APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\nAPT::Update::Error-Mode \"any\";\n"
        )
    }
}

/// Writes a text unless it is there: another process may be reading it.
fn keep(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    tree::write(path, text)
}

/// Sources of the image's Debian, at the mirrors that this machine's Debian comes from.
fn sources() -> Result<String, Failure> {
    let format = "$(LABEL)|$(REPO_URI)";
    let targets = process::output(
        Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]),
        "build the image on Debian, which has apt-get",
    )?;
    let mirror = |label: &str| {
        targets
            .lines()
            .find_map(|line| line.strip_prefix(label)?.strip_prefix('|'))
            .map(|uri| uri.trim_end_matches('/'))
    };
    let (Some(main), Some(security)) = (mirror("Debian"), mirror("Debian-Security")) else {
        return Err(Failure::new(
            "cannot find Debian among apt's sources",
            "`apt-get indextargets` names no source labelled Debian and Debian-Security",
            "run apt-get update; on another system build in a container of Debian",
        ));
    };
    Ok(stanza(main, &format!("{SUITE} {SUITE}-updates")) + "\n" + &stanza(security, &format!("{SUITE}-security")))
}

fn stanza(uri: &str, suites: &str) -> String {
    format!(
        "Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main non-free-firmware\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
}
