//! A kernel module that Debian has not signed: it does not load on a box, and the box says what is missing. Not here: programs that the
//! firmware starts (`signatures`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use segbox_vm::{Boot, FW_CFG, Router, image, machine, tool, turn};

const VRF: &str = "[system]\nhostname = \"guarded\"\n[vrf.red]\ntable = 1000\n";
/// What ends a signed module, and tells the kernel that it is one (include/linux/module_signature.h).
const SIGNED: &[u8] = b"~Module signature appended~\n";

fn run(command: &mut Command) {
    let done = command.output().expect("a tool of the image");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The image's initrd, with an archive behind it that has the module of VRFs without its signature. The kernel takes the later file.
fn with_an_unsigned_module(tools: &Path, folder: &Path) -> PathBuf {
    let name = |path: &str| folder.join(path);
    let all = name("all.cpio");
    run(tool(tools, "zstd").args(["-dqf", "-o"]).arg(&all).arg(image("initrd")));
    let mut unpack = tool(tools, "cpio");
    unpack.current_dir(folder).args(["--extract", "--quiet", "--make-directories", "*/vrf.ko"]);
    run(unpack.stdin(Stdio::from(fs::File::open(&all).expect("just written"))));

    let found = Command::new("find").current_dir(folder).args([".", "-name", "vrf.ko", "-printf", "%P"]).output();
    let module = String::from_utf8(found.expect("findutils").stdout).expect("a path");
    let mut bytes = fs::read(name(&module)).expect("the image has VRFs as a module");
    assert!(bytes.ends_with(SIGNED), "{module} is signed");
    bytes.truncate(bytes.len() - SIGNED.len());
    fs::write(name(&module), bytes).expect("room");

    fs::write(name("names"), module).expect("room");
    let (names, packed) = (fs::File::open(name("names")).expect("ours"), name("module.cpio"));
    let mut pack = tool(tools, "cpio");
    pack.current_dir(folder).args(["--create", "--quiet", "--format=newc", "-F"]).arg(&packed);
    run(pack.stdin(Stdio::from(names)));
    let packed = [image("initrd"), packed].map(|part| fs::read(part).expect("there"));
    let [begin, end] = &packed;
    // The kernel looks for an archive that is not compressed at multiples of four (init/initramfs.c, unpack_to_rootfs).
    let gap = vec![0; begin.len().next_multiple_of(4) - begin.len()];
    let initrd = name("initrd");
    fs::write(&initrd, [begin, &gap, end].map(Vec::as_slice).concat()).expect("room");
    initrd
}

#[test]
fn a_module_that_debian_has_not_signed_does_not_load() {
    let _turn = turn();
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let handed = folder.path().join("vrf.toml");
    fs::write(&handed, VRF).expect("room");
    let unsigned = with_an_unsigned_module(&tools, folder.path());
    let boot = |words: &str| {
        let mut machine = machine(&tools, words);
        machine.memory = 256;
        machine.files.push((FW_CFG.to_owned(), handed.clone()));
        if let Boot::Direct { initrd, .. } = &mut machine.boot {
            initrd.clone_from(&unsigned);
        }
        Router::boot(&machine)
    };
    let mut guarded = boot("");
    assert!(guarded.screen.contains("configured from built in"), "{}", guarded.screen);
    let log = guarded.answer("log");
    assert!(log.contains("unsigned module is rejected"), "{log}");
    drop(guarded);
    // It is the guard that keeps it out, not the module.
    let open = boot("module.sig_enforce=0 lockdown=none");
    assert!(open.screen.contains("good: configured from QEMU fw_cfg"), "{}", open.screen);
}
