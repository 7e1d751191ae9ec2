//! Images of the running programs, so that an undo can load them again after their file has changed or gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use segbox_config::Hook;
use segbox_config::model::Program;
use segbox_plan::identity::is_name_of;
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
        if load_one(folder, name).is_some() {
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

/// The images of these programs, as far as they were saved. One that is damaged counts as missing: the kernel is not to run it.
pub(crate) fn load<'a>(folder: &Folder, names: impl Iterator<Item = &'a String>) -> BTreeMap<String, Program> {
    names.filter_map(|name| Some((name.clone(), load_one(folder, name)?))).collect()
}

fn load_one(folder: &Folder, name: &str) -> Option<Program> {
    let image: Image = folder.read_json(&file(name, ".json")).ok()??;
    let object = folder.read(&file(name, ".o")).ok()??;
    let Image { section, function, hook, globals, filled } = image;
    let rows = filled.into_iter().map(|map| (map, BTreeMap::new())).collect();
    let program = Program { object: object.into(), section, function, hook, globals, rows };
    is_name_of(name, &program).then_some(program)
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
    use segbox_plan::identity::program_name;

    use super::*;

    fn program(object: &[u8]) -> (String, Program) {
        let program = Program {
            object: object.to_vec().into(),
            section: "lwt_seg6local/x".into(),
            function: "x".into(),
            hook: Hook::Seg6Local,
            globals: BTreeMap::from([("tlv_type".to_owned(), vec![7])]),
            rows: BTreeMap::from([("sids".to_owned(), BTreeMap::new())]),
        };
        (program_name("stamp", &program), program)
    }

    #[test]
    fn a_program_that_is_not_what_its_name_says_is_none() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(place.path());
        let (name, stamp) = program(b"an object");
        let (other, another) = program(b"another object");
        let all = BTreeMap::from([(name.clone(), stamp.clone()), (other.clone(), another.clone())]);
        let (image, object) = (folder.path(&file(&name, ".json")), folder.path(&file(&name, ".o")));
        let saved = || {
            save(&folder, &all).expect("writable");
            assert_eq!(load(&folder, all.keys()), all);
        };
        saved();
        let missing = |what: &str| {
            let found = load(&folder, all.keys());
            assert_eq!(found.keys().collect::<Vec<_>>(), [&other], "{what}");
            // The next apply writes it anew.
            saved();
        };
        fs::write(&object, b"an object").expect("writable");
        assert_eq!(load(&folder, all.keys()), all, "as it was written before files had versions");
        fs::write(&object, b"An object").expect("writable");
        missing("an object with another hash");
        fs::copy(folder.path(&file(&other, ".o")), &object).expect("writable");
        missing("the object of another program");
        fs::write(&image, b"{}").expect("writable");
        missing("an image without content");
        fs::remove_file(&object).expect("there");
        fs::create_dir(&object).expect("writable");
        missing("a folder");
        fs::remove_file(&image).expect("there");
        missing("no image");
    }

    #[test]
    fn a_programs_name_is_the_files() {
        assert_eq!(short("delay@1a2b3c4d"), "delay");
        assert_eq!(short("a@b@1a2b3c4d"), "a@b");
        assert_eq!(short("bare"), "bare");
    }
}
