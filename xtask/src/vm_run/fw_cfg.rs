//! The segbox.toml that the machine gets by QEMU's fw_cfg, and the files that it names, checked before anything boots.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use segbox_config::surroundings::Needs;

use crate::failure::Failure;

/// PID 1 looks for the configuration there. Files that it names lie beside it.
const FW_CFG: &str = "opt/org.segbox";
/// Longest name of such a file in QEMU (FW_CFG_MAX_FILE_PATH of hw/nvram/fw_cfg.c), without the zero behind it.
const FW_CFG_NAME: usize = 55;

/// Runs the image's `segbox check` on the file, so that the user sees its faults before anything boots.
pub(super) fn check(folder: &Path, file: &Path) -> Result<(), Failure> {
    let checked =
        Command::new(folder.join("segbox")).args(["check", "--elsewhere"]).arg(file).stdout(Stdio::null()).status();
    let tried = || format!("cannot use {}", file.display());
    match checked {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::new(tried(), "it has the faults above", "fix them; nothing was started")),
        Err(error) => Err(Failure::new(tried(), format!("segbox check: {error}"), "build the image: ./dev image")),
    }
}

/// The file and all files that it names, with their names in fw_cfg.
pub(super) fn files(file: &Path, needs: &Needs) -> Result<Vec<(String, PathBuf)>, Failure> {
    let fault = |why: String, fix| Failure::new(format!("cannot hand {} to the machine", file.display()), why, fix);
    if let Some(named) = needs.outside().next() {
        return Err(fault(format!("it names {named}, which is not in its folder"), "put it there"));
    }
    let beside = file.parent().unwrap_or(Path::new("."));
    let profile = needs.profile.as_ref().map(|name| format!("hw-profiles/{name}.toml"));
    // A profile of the repository is in the image.
    let profile = profile.filter(|name| beside.join(name).is_file());
    let named = needs.files().map(str::to_owned).chain(profile);
    let mut files = vec![(format!("{FW_CFG}/segbox.toml"), file.to_owned())];
    for name in named {
        let place = format!("{FW_CFG}/{}", name.trim_start_matches("./"));
        if place.len() > FW_CFG_NAME {
            let why = format!("{name} is longer than the {} letters that QEMU takes", FW_CFG_NAME - FW_CFG.len() - 1);
            return Err(fault(why, "give it a shorter name"));
        }
        files.push((place, beside.join(name)));
    }
    Ok(files)
}
