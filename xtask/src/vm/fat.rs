//! FAT volumes in files: the ESP of a disk and volumes of a test's making. Their files are read and written past any kernel. Not here:
//! what a boot makes of them.

use std::path::{Path, PathBuf};

use crate::tool;

/// A FAT volume.
#[derive(Debug)]
pub struct Fat<'a> {
    tools: &'a Path,
    /// As mtools names it: the file, and where in it the volume begins.
    volume: String,
}

/// # Panics
/// Each of these does if there is no such thing, or no room for it.
impl<'a> Fat<'a> {
    /// The ESP of a disk in a file.
    pub fn esp(tools: &'a Path, disk: &Path) -> Self {
        let table = gpt::GptConfig::new().writable(false).open(disk).expect("a partition table");
        let partitions = table.partitions();
        let esp = partitions.values().find(|partition| partition.name == "segbox-esp").expect("an ESP");
        Self { tools, volume: format!("{}@@{}", disk.display(), esp.first_lba * 512) }
    }

    /// A new, empty volume of so many MiB, alone in a new file; `options` are `mkfs.fat`'s.
    pub fn create(tools: &'a Path, file: &Path, mib: u64, options: &[&str]) -> Self {
        std::fs::File::create(file).and_then(|file| file.set_len(mib << 20)).expect("a sparse file");
        let volume = Self { tools, volume: file.display().to_string() };
        Self::run(tool(tools, "mkfs.fat").args(options).arg(file));
        volume
    }

    /// The names of a folder's files.
    pub fn list(&self, folder: &str) -> Vec<String> {
        let said = self.mtools("mdir", &["-b".into(), place(folder)]);
        said.lines()
            .filter_map(|line| Some(line.trim().rsplit('/').next()?.to_owned()))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> String {
        self.mtools("mtype", &[place(name)])
    }

    /// Makes a folder in one that is there.
    pub fn add_folder(&self, name: &str) {
        self.mtools("mmd", &[place(name)]);
    }

    /// Copies a file out of it.
    pub fn copy_out(&self, name: &str, to: &Path) {
        self.mtools("mcopy", &["-n".into(), place(name), to.into()]);
    }

    /// Copies a file into it, over one of that name.
    pub fn copy_in(&self, from: &Path, name: &str) {
        self.mtools("mcopy", &["-o".into(), from.into(), place(name)]);
    }

    fn mtools(&self, program: &str, words: &[PathBuf]) -> String {
        Self::run(tool(self.tools, program).arg("-i").arg(&self.volume).args(words))
    }

    fn run(command: &mut std::process::Command) -> String {
        let output = command.output().expect("the tools have it");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{command:?}: {}", said(&output.stderr));
        said(&output.stdout)
    }
}

fn place(name: &str) -> PathBuf {
    format!("::{name}").into()
}
