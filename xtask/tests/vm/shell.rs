//! A shell, iproute2 and nft in the machine, as another program of a box has them. The image has none: they are this system's, in an archive
//! behind the initrd, and the console runs them in the place of the tester.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use segbox_vm::{Router, image, tool};

const PROGRAMS: [&str; 3] = ["/usr/bin/sh", "/usr/sbin/ip", "/usr/sbin/nft"];
/// The console has joined the words by single blanks.
const SCRIPT: &str = "#!/usr/bin/sh\nPATH=/usr/sbin:/usr/bin\neval \"$*\"\n";

/// The initrd with the archive behind it.
pub(crate) fn initrd(tools: &Path, folder: &Path) -> PathBuf {
    let layout = folder.join("shell");
    for file in PROGRAMS.into_iter().map(PathBuf::from).chain(libraries()) {
        let place = layout.join(file.strip_prefix("/").expect("absolute"));
        fs::create_dir_all(place.parent().expect("it has a folder")).expect("a fresh folder");
        fs::copy(&file, place).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    let tester = layout.join("usr/bin/segbench");
    fs::write(&tester, SCRIPT).expect("a fresh folder");
    fs::set_permissions(&tester, fs::Permissions::from_mode(0o755)).expect("it is ours");

    let mut names = String::new();
    list(&layout, &layout, &mut names);
    let (listed, archive) = (folder.join("names"), folder.join("shell.cpio"));
    fs::write(&listed, names).expect("a fresh folder");
    let open = |path: &Path| Stdio::from(fs::File::open(path).expect("it was written"));
    let mut cpio = tool(tools, "cpio");
    cpio.current_dir(&layout).args(["--quiet", "--create", "--format=newc", "--owner=0:0"]).stdin(open(&listed));
    let packed = cpio.stdout(fs::File::create(&archive).expect("a fresh folder")).status().expect("cpio");
    assert!(packed.success(), "cpio: {packed}");

    let mut bytes = fs::read(image("initrd")).expect("of the image");
    // An archive begins at a multiple of 4 (init/initramfs.c).
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(fs::read(archive).expect("it was written"));
    let path = folder.join("initrd");
    fs::write(&path, bytes).expect("a fresh folder");
    path
}

/// The libraries of the programs, with their loader, by the paths at which they are looked for.
fn libraries() -> BTreeSet<PathBuf> {
    let listed = PROGRAMS.iter().flat_map(|program| {
        let output = Command::new("ldd").arg(program).output().expect("ldd");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().filter_map(library).collect::<Vec<_>>()
    });
    listed.collect()
}

/// `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)`
fn library(line: &str) -> Option<PathBuf> {
    line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from)
}

/// A folder comes before what is in it.
fn list(layout: &Path, folder: &Path, names: &mut String) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        *names += &format!("{}\n", path.strip_prefix(layout).expect("below it").display());
        if path.is_dir() {
            list(layout, &path, names);
        }
    }
}

/// Runs a command, which has to succeed; gives what it says.
pub(crate) fn run(router: &mut Router, command: &str) -> String {
    // The terminal repeats what is typed, so the word for success is not typed as it is said.
    let said = router.answer(&format!("segbench {command} && echo \"good\"-\"bye\""));
    let said = said.replace('\r', "");
    let (_, said) = said.split_once('\n').unwrap_or_default();
    said.trim_end().strip_suffix("good-bye").unwrap_or_else(|| panic!("{command}: {said}")).to_owned()
}
