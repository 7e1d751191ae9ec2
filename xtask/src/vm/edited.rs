//! Configurations that tell which one they are, pasted into a box and found on its disk after a boot.

use std::path::Path;

use crate::{Medium, Router, quick};

/// A configuration with its number in it, of several disk blocks.
pub fn text(number: u32) -> String {
    let filler: String = (0..120).map(|line| format!("# {number}: line {line} of a long remark\n")).collect();
    format!(
        "[system]\nhostname = \"box\"\n\n{filler}[srv6]\nsource = \"fc00:0:2::1\"\n\n[[srv6.sid]]\nsid = \"{}\"\nbehavior = \"End.DT6\"\ntable = 254\n",
        sid(number)
    )
}

fn sid(number: u32) -> String {
    format!("fc00:0:2:{number:x}::")
}

/// Types a file into `edit`, but for the line that ends it.
pub fn paste(router: &mut Router, text: &str) {
    router.type_in("edit\r");
    router.wait("gives up.");
    router.type_in(&text.replace('\n', "\r"));
    // Its echo tells that the machine has read all of it.
    router.wait("table = 254");
}

/// Boots from a disk. Gives its console, and which of these files it has, whole, and runs.
///
/// # Errors
/// None of them is there, or it does not run: all that the machine says.
pub fn boot(tools: &Path, disk: &Path, numbers: &[u32]) -> Result<(Router, u32), String> {
    boot_with(tools, disk, numbers, Medium::Sound)
}

/// The same from a disk of another kind.
///
/// # Errors
/// As [`boot`].
pub fn boot_with(tools: &Path, disk: &Path, numbers: &[u32], medium: Medium) -> Result<(Router, u32), String> {
    let mut machine = quick(tools);
    machine.medium = medium;
    machine.disks.push(disk.to_owned());
    let mut router = Router::boot(&machine);
    let shown = router.answer("show").replace('\r', "");
    let good = router.screen.contains("good: configured from config partition");
    let whole = numbers.iter().copied().find(|number| shown.contains(text(*number).trim_end()));
    let sids = router.status()["sids"].to_string();
    match whole {
        Some(number) if good && sids.contains(&sid(number)) => Ok((router, number)),
        _ => Err(format!("one of {numbers:?}: {whole:?}, good: {good}\n{sids}\n{}\n{shown}", router.screen)),
    }
}
