//! Images of the running programs, so that an undo can load them again after their file has changed or gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use segbox_config::Hook;
use segbox_config::model::Program;
use serde::{Deserialize, Serialize};

use super::folder::{Folder, FolderError};

/// A program without the bytes of its object, which are in a file beside it.
#[derive(Debug, Serialize, Deserialize)]
struct Image {
    section: String,
    function: String,
    hook: Hook,
    globals: BTreeMap<String, Vec<u8>>,
    /// Names of the maps that the file fills. Their rows are state and not part of the image.
    filled: BTreeSet<String>,
}

fn file(name: &str, ending: &str) -> String {
    format!("programs/{name}{ending}")
}

/// Saves the images of these programs.
pub(crate) fn save(folder: &Folder, programs: &BTreeMap<String, Program>) -> Result<(), FolderError> {
    for (name, program) in programs {
        if folder.path(&file(name, ".json")).exists() {
            continue;
        }
        let image = Image {
            section: program.section.clone(),
            function: program.function.clone(),
            hook: program.hook,
            globals: program.globals.clone(),
            filled: program.rows.keys().cloned().collect(),
        };
        folder.write(&file(name, ".o"), &program.object)?;
        folder.write_json(&file(name, ".json"), &image)?;
    }
    Ok(())
}

/// The images of these programs, as far as they were saved.
pub(crate) fn load<'a>(
    folder: &Folder,
    names: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, Program>, FolderError> {
    let mut programs = BTreeMap::new();
    for name in names {
        let image: Option<Image> = folder.read_json(&file(name, ".json"))?;
        if let (Some(image), Some(object)) = (image, folder.read(&file(name, ".o"))?) {
            let Image { section, function, hook, globals, filled } = image;
            let rows = filled.into_iter().map(|map| (map, BTreeMap::new())).collect();
            programs.insert(name.clone(), Program { object: object.into(), section, function, hook, globals, rows });
        }
    }
    Ok(programs)
}

/// Removes all other images.
pub(crate) fn retain(folder: &Folder, keep: &BTreeSet<&String>) -> Result<(), FolderError> {
    let Ok(entries) = fs::read_dir(folder.path("programs")) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        if stem.is_some_and(|stem| !keep.contains(&stem)) {
            folder.remove(&format!("programs/{}", entry.file_name().to_string_lossy()))?;
        }
    }
    Ok(())
}

/// The names of all programs whose images are saved.
pub(crate) fn names(folder: &Folder) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.path("programs")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    names.collect()
}

/// `delay` of `delay@1a2b3c4d`: the name in the file.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit_once('@').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_is_the_files() {
        assert_eq!(short("delay@1a2b3c4d"), "delay");
        assert_eq!(short("a@b@1a2b3c4d"), "a@b");
        assert_eq!(short("bare"), "bare");
    }
}
