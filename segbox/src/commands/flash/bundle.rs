//! A configuration for another box: segbox.toml and the keys, programs and hardware profiles that it names. They are read and
//! checked before anything is written. Not here: writing them to the disk.

use std::path::{Path, PathBuf};

use miette::Result;
use segbox_config::model::Hardware;
use segbox_firmware::flash::{Bundle, FlashError};
use segbox_linux::file;
use segbox_router::profiles::{Profiles, files, is_built_in};
use segbox_router::{Seen, read as read_file};

/// The file name that PID 1 looks for.
const NAME: &str = "segbox.toml";
/// The folder of hardware profiles beside segbox.toml.
const PROFILES: &str = "hw-profiles";
/// Size limit for all files together. It equals the limit for a configuration on a stick, and is a fraction of the partition.
const MOST: usize = 16 << 20;

/// Reads the files. They are meant for another box, so they are not checked against this one.
///
/// # Errors
/// All faults of the file, as `check` shows them. A named file that is missing, invalid or outside the folder of segbox.toml.
pub(super) fn read(file: &Path) -> Result<Bundle> {
    let beside = file.parent().unwrap_or(Path::new("."));
    let own: Vec<_> = files(&beside.join(PROFILES)).collect();
    let profiles = Profiles::with(own.iter().cloned());
    let seen = Seen { profiles: Some(profiles.names()), ..Seen::default() };
    let reading = read_file("flash IMAGE DISK --config", file, seen)?;
    let needs = segbox_config::read(reading.text.clone(), file.display().to_string()).needs();
    if let Some(named) = needs.outside().next() {
        return Err(FlashError::Outside { file: file.to_owned(), named: named.to_owned() }.into());
    }
    let mut found = Vec::new();
    for name in needs.files() {
        let path = beside.join(name);
        let content = file::read(&path, MOST as u64).map_err(|error| fault(&path, error.to_string()))?;
        found.push((PathBuf::from(name), content.bytes));
    }
    for (name, text) in own {
        let takes_part = match &reading.checked.config.system.hardware {
            Hardware::None => false,
            Hardware::Auto => true,
            Hardware::Profile(wanted) => *wanted == name,
        };
        // Built-in profiles are part of the image, which may have newer ones.
        if !takes_part || is_built_in(&name, &text) {
            continue;
        }
        let place = Path::new(PROFILES).join(format!("{name}.toml"));
        if let Some(why) = profiles.fault(&name) {
            return Err(fault(&beside.join(place), why.to_owned()).into());
        }
        found.push((place, text.into_bytes()));
    }
    found.push((NAME.into(), reading.text.as_bytes().to_vec()));
    let bytes: usize = found.iter().map(|(_, content)| content.len()).sum();
    if bytes > MOST {
        let why = format!("it and the files that it names have {} MiB; the limit is {} MiB", bytes >> 20, MOST >> 20);
        return Err(fault(file, why).into());
    }
    Ok(Bundle { files: found })
}

fn fault(path: &Path, why: String) -> FlashError {
    FlashError::Companion { path: path.to_owned(), why }
}
