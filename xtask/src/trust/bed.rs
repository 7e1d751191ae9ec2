//! A router in a namespace that the program under test configures, with a tester around it. Not here: what is tried on it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segbox_lab::Tester;
use serde_json::Value;

use crate::failure::Failure;

/// Folders of every namespace's state: below them is one folder per namespace, whose name ends with its inode.
const STATE: &str = "/run/segbox";
const PINS: &str = "/sys/fs/bpf/segbox";

pub(super) struct Bed {
    pub(super) tester: Arc<Tester>,
    segbox: PathBuf,
    files: tempfile::TempDir,
    /// The namespace's inode.
    inode: u64,
}

impl Bed {
    /// A router that nothing has configured.
    ///
    /// # Errors
    /// Not root.
    pub(super) fn new(segbox: &Path) -> Result<Self, Failure> {
        let tester = Tester::new()
            .map_err(|error| Failure::new("cannot make network namespaces", format!("{error:#}"), "run as root"))?;
        let files = tempfile::tempdir().map_err(|error| Failure::file("make", &std::env::temp_dir(), &error))?;
        let place = Path::new("/run/netns").join(tester.router().name());
        let inode = fs::metadata(&place).map_err(|error| Failure::file("look at", &place, &error))?.ino();
        Ok(Self { tester: Arc::new(tester), segbox: segbox.to_owned(), files, inode })
    }

    /// Writes a file that only root can read.
    pub(super) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.files.path().join(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
            .expect("the folder takes files");
        path
    }

    /// segbox in the router's namespace.
    pub(super) fn segbox(&self) -> Command {
        self.inside(&self.segbox)
    }

    /// A program in the router's namespace, with the one under test as its first argument.
    pub(super) fn under(&self, program: &str, options: &[String]) -> Command {
        let mut command = self.inside(program);
        command.args(options).arg(&self.segbox);
        command
    }

    fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.tester.router().command(program).expect("the namespace is there");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs segbox; it has to succeed. Gives what it printed.
    pub(super) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String, String> {
        let mut command = self.segbox();
        let output = command.args(arguments).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("{}: {}", words(&command), said(&output)))
        }
    }

    /// Makes a change permanent that waits for that, if there is one.
    pub(super) fn confirm(&self) -> Result<(), String> {
        match self.ok(["confirm"]) {
            Err(why) if !why.contains("no change is waiting") && !why.contains("too late") => Err(why),
            _ => Ok(()),
        }
    }

    /// `ip -6` in the router's namespace; it has to succeed.
    pub(super) fn ip(&self, words: &str) -> Result<(), String> {
        let output = self.inside("ip").arg("-6").args(words.split(' ')).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(said(&output)) }
    }

    /// `ip link` of a node, with all counters; gives its JSON.
    pub(super) fn link(&self, node: &str, words: &[&str]) -> Result<String, String> {
        let mut ip = self.tester.node(node).command("ip").map_err(|error| error.to_string())?;
        let output = ip.args(["-j", "-s", "link"]).args(words).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(said(&output))
        }
    }

    /// The kernel's state as `segbox observe` prints it, without what the kernel makes at random or at any time: the address of segbox's
    /// own device, link-local addresses.
    pub(super) fn observed(&self) -> Result<Value, String> {
        let text = self.ok(["observe"])?;
        let mut dump: Value = serde_json::from_str(&text).map_err(|error| format!("observe: {error}"))?;
        if let Some(addresses) = dump["foreign-addresses"].as_array_mut() {
            addresses.retain(|row| !row[0]["address"].as_str().is_some_and(|address| address.starts_with("fe80:")));
        }
        for link in dump["links"].as_array_mut().into_iter().flatten() {
            if link["name"] == "segbox0" {
                link["mac"].take();
            }
        }
        Ok(dump)
    }

    /// Names of the files that segbox has for this namespace in /run and in bpffs, without those that come and go with packets.
    pub(super) fn kept(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for root in [STATE, PINS] {
            if let Some(folder) = self.folder(root) {
                collect(&folder, "", &mut names);
            }
        }
        names.remove("/counters.json");
        names
    }

    fn folder(&self, root: &str) -> Option<PathBuf> {
        let end = format!("-{}", self.inode);
        let mut entries = fs::read_dir(root).ok()?.flatten();
        entries.find(|entry| entry.file_name().to_string_lossy().ends_with(&end)).map(|entry| entry.path())
    }

    /// Processes that undo an unconfirmed change of this router.
    pub(super) fn guards(&self) -> Vec<i32> {
        let here = format!("net:[{}]", self.inode);
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let is_guard = |id: &i32| {
            let folder = PathBuf::from(format!("/proc/{id}"));
            fs::read(folder.join("cmdline")).is_ok_and(|text| text.starts_with(b"segbox-guard\0"))
                && fs::read_link(folder.join("ns/net")).is_ok_and(|link| link.as_os_str() == here.as_str())
        };
        ids.filter(is_guard).collect()
    }

    /// Waits until no process is left that would undo a change.
    pub(super) fn is_unguarded(&self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match self.guards() {
                left if left.is_empty() => return Ok(()),
                left if Instant::now() > end => return Err(format!("{left:?} still wait to undo the change")),
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// A command's words.
pub(super) fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// What a command said at its end.
pub(super) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

fn collect(folder: &Path, before: &str, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{before}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &name, names);
        }
        names.insert(name);
    }
}
