//! A kernel that is held before it hands over to PID 1: an archive in front of the initrd has a first program, which says so, waits for
//! a line on the console, and then becomes PID 1. Not here: the snapshot that is taken meanwhile (`snapshot`).

use std::fs;
use std::io;
use std::path::Path;

/// The program's words.
pub(crate) const UP: &str = "segbox-vm: the kernel is up\n";
/// The line that it waits for.
pub(crate) const GO: &str = "\n";
/// The kernel starts it because of this on its command line.
pub(crate) const WORDS: &str = "rdinit=/hold";

/// Where the program lies in memory, behind its headers.
const BASE: u64 = 0x40_0000;
const HEADERS: u64 = 64 + 56;
const PID_1: &[u8] = b"/init\0";

/// Writes an initrd that begins with the program.
pub(crate) fn write(initrd: &Path, to: &Path) -> io::Result<()> {
    let mut all = archive();
    all.extend(fs::read(initrd)?);
    fs::write(to, all)
}

/// The program as a file (elf(5)): one segment, readable and executable, with all of the file in it.
fn program() -> Vec<u8> {
    let code = code();
    let length = HEADERS + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let halves = |file: &mut Vec<u8>, values: &[u16]| values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    let words = |file: &mut Vec<u8>, values: &[u32]| values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    let longs = |file: &mut Vec<u8>, values: &[u64]| values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    // ET_EXEC for EM_X86_64, version 1; entry, program headers, no section headers.
    halves(&mut file, &[2, 62]);
    words(&mut file, &[1]);
    longs(&mut file, &[BASE + HEADERS, 64, 0]);
    words(&mut file, &[0]);
    halves(&mut file, &[64, 56, 1, 0, 0, 0]);
    // PT_LOAD, readable and executable; offset, addresses, lengths, alignment.
    words(&mut file, &[1, 5]);
    longs(&mut file, &[0, BASE, BASE, length, length, 4096]);
    file.extend(code);
    file
}

/// x86-64. Its first argument becomes "/init", as the kernel's own start of PID 1 has it; the others and the environment stay.
fn code() -> Vec<u8> {
    const LENGTH: u32 = 74;
    let said = u32::try_from(UP.len()).expect("a short text");
    let mut code = Vec::new();
    // write(1, UP, length): eax = 1; edi = 1; rsi = rip + distance; edx = length
    code.extend([0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0x8d, 0x35]);
    code.extend((LENGTH - 17).to_le_bytes());
    code.push(0xba);
    code.extend(said.to_le_bytes());
    code.extend([0x0f, 0x05]);
    // read(0, rsp - 64, 1): eax = 0; edi = 0; rsi = rsp - 64; edx = 1
    code.extend([0x31, 0xc0, 0x31, 0xff, 0x48, 0x8d, 0x74, 0x24, 0xc0, 0xba, 1, 0, 0, 0, 0x0f, 0x05]);
    // execve("/init", rsp + 8, rsp + 16 + 8 * argc), with the first argument replaced:
    // rdi = rip + distance; [rsp + 8] = rdi; rsi = rsp + 8
    code.extend([0x48, 0x8d, 0x3d]);
    code.extend((LENGTH - 47 + said).to_le_bytes());
    code.extend([0x48, 0x89, 0x7c, 0x24, 0x08, 0x48, 0x8d, 0x74, 0x24, 0x08]);
    // rax = argc; rdx = rsp + 16 + 8 * rax; eax = 59
    code.extend([0x48, 0x8b, 0x04, 0x24, 0x48, 0x8d, 0x54, 0xc4, 0x10, 0xb8, 59, 0, 0, 0, 0x0f, 0x05]);
    // It came back, so there is no PID 1: the kernel panics over an instruction that is none.
    code.push(0xf4);
    assert_eq!(code.len(), LENGTH as usize, "the distances are counted by hand");
    code.extend(UP.as_bytes());
    code.extend(PID_1);
    code
}

/// The program in an archive as the kernel reads it (Documentation/driver-api/early-userspace/buffer-format.rst), not compressed.
fn archive() -> Vec<u8> {
    let mut all = Vec::new();
    for (name, mode, content) in [("hold\0", 0o100_755, program()), ("TRAILER!!!\0", 0, Vec::new())] {
        let (length, named) = (content.len(), name.len());
        // Number, mode, user, group, links, time, length, device twice, length of the name, checksum.
        let numbers = [1, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, named, 0];
        all.extend(b"070701");
        numbers.iter().for_each(|number| all.extend(format!("{number:08x}").bytes()));
        for part in [name.as_bytes(), &content] {
            all.extend(part);
            all.resize(all.len().next_multiple_of(4), 0);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn it_says_so_and_waits_before_it_becomes_pid_1() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("hold");
        fs::write(&place, program()).expect("room");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("ours");
        // A root with an /init that prints its name.
        let init = folder.path().join("init");
        fs::write(&init, "#!/bin/sh\necho \"$0 $1 $WORD\"\n").expect("room");
        fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).expect("ours");
        let mut command = Command::new("unshare");
        let mount = "mount --bind \"$0\" /mnt && cd /mnt && for part in bin lib lib64 usr; do [ ! -e /$part ] || { mkdir $part && mount --bind /$part $part; }; done && exec chroot /mnt /hold kept";
        command.args(["--mount", "sh", "-c", mount]).arg(folder.path()).env("WORD", "word");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("root");
        let (mut to, mut from) = (child.stdin.take().expect("asked for"), child.stdout.take().expect("asked for"));
        let mut said = vec![0; UP.len()];
        from.read_exact(&mut said).expect("it says it");
        assert_eq!(said, UP.as_bytes());
        to.write_all(GO.as_bytes()).expect("it reads");
        let mut rest = String::new();
        from.read_to_string(&mut rest).expect("it ends");
        assert_eq!(rest, "/init kept word\n");
        assert!(child.wait().expect("ours").success());
    }
}
