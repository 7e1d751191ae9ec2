//! The tester: `segbench` as an archive that is loaded behind the initrd, so that a spare machine boots as a tester.
//!
//! It is not in the initrd itself: a box does not measure, and the UKI has no room.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::release::Release;
use super::released::TESTER;
use super::{Tools, tree};
use crate::failure::Failure;
use crate::process;

/// The archive's only file. The initrd has the folder, and the console looks there.
const PROGRAM: &str = "usr/bin/segbench";

/// Packs the archive into `output`.
pub(super) fn build(
    tools: &Tools,
    binary: &Path,
    release: &Release,
    work: &Path,
    output: &Path,
) -> Result<(), Failure> {
    let layout = work.join("tester");
    let program = layout.join(PROGRAM);
    tree::copy(binary, &program)?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(release.time);
    let marked = File::options().append(true).open(&program).and_then(|file| {
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
        file.set_modified(time)
    });
    marked.map_err(|error| Failure::file("set time and mode of", &program, &error))?;

    let archive = work.join("tester.cpio");
    let packed = File::create(&archive).map_err(|error| Failure::file("create", &archive, &error))?;
    let mut cpio = tools.command("cpio");
    cpio.current_dir(&layout).args(["--quiet", "--create", "--format=newc", "--reproducible", "--owner=0:0"]);
    let failed = |why: String| Failure::new("cannot pack the tester with cpio", why, "report this");
    let mut cpio = cpio.stdin(Stdio::piped()).stdout(packed).spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut names) = cpio.stdin.take() {
        writeln!(names, "{PROGRAM}").map_err(|error| failed(error.to_string()))?;
    }
    let status = cpio.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    let mut zstd = tools.command("zstd");
    process::run(zstd.args(["-q", "-f", "-19"]).arg(&archive).arg("-o").arg(output.join(TESTER)), "report this")
}
