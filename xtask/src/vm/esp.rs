//! Files on a disk's ESP, past any kernel: what a boot loader finds there is looked at, and changed, as a test wants it.

use std::path::{Path, PathBuf};

use crate::tool;

/// The ESP of a disk in a file.
#[derive(Debug)]
pub struct Esp<'a> {
    tools: &'a Path,
    /// As mtools names it: the file, and where in it the volume begins.
    volume: String,
}

/// # Panics
/// Each of these does if there is no such thing, or no room for it.
impl<'a> Esp<'a> {
    /// That of a disk.
    pub fn of(tools: &'a Path, disk: &Path) -> Self {
        let table = gpt::GptConfig::new().writable(false).open(disk).expect("a partition table");
        let partitions = table.partitions();
        let esp = partitions.values().find(|partition| partition.name == "segbox-esp").expect("an ESP");
        Self { tools, volume: format!("{}@@{}", disk.display(), esp.first_lba * 512) }
    }

    /// The names of a folder's files.
    pub fn list(&self, folder: &str) -> Vec<String> {
        let said = self.run("mdir", &["-b".into(), place(folder)]);
        said.lines()
            .filter_map(|line| Some(line.trim().rsplit('/').next()?.to_owned()))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> String {
        self.run("mtype", &[place(name)])
    }

    /// Copies a file out of it.
    pub fn copy_out(&self, name: &str, to: &Path) {
        self.run("mcopy", &["-n".into(), place(name), to.into()]);
    }

    /// Puts a file there, in another one's place.
    pub fn copy_in(&self, from: &Path, name: &str) {
        self.run("mcopy", &["-o".into(), from.into(), place(name)]);
    }

    /// Runs one of mtools on it.
    fn run(&self, program: &str, words: &[PathBuf]) -> String {
        let output =
            tool(self.tools, program).arg("-i").arg(&self.volume).args(words).output().expect("the tools have it");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{program} {words:?}: {}", said(&output.stderr));
        said(&output.stdout)
    }
}

fn place(name: &str) -> PathBuf {
    format!("::{name}").into()
}
