//! `./dev vm` as a person has it: in a terminal, with keys, its lines below the console, and Ctrl-C. Not here: what the box answers
//! (`console`).

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use segbox_vm::{Console, alone, turn};

/// Longest boot under emulation, of two machines at once, on a machine that does other things too.
const BOOT: Duration = Duration::from_secs(300);
const MOMENT: Duration = Duration::from_secs(120);

/// A terminal with `xtask vm` in it.
struct Session {
    console: Console,
    /// The other end, kept open: its modes are looked at when the command has ended.
    terminal: OwnedFd,
    child: Child,
}

impl Session {
    fn start(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("/dev/ptmx");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal of ours");
        let name = ptsname(&master, Vec::new()).expect("a terminal of ours");
        let terminal: OwnedFd =
            File::options().read(true).write(true).open(name.to_str().expect("ASCII")).expect("a terminal").into();
        tcsetwinsize(&terminal, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).expect("a terminal");
        let end = || Stdio::from(terminal.try_clone().expect("a descriptor"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["vm", "--direct", "--no-build"]).args(arguments).stdin(end()).stdout(end()).stderr(end());
        #[expect(unsafe_code, reason = "pre_exec is the only way to give a child its controlling terminal")]
        // SAFETY: two system calls between fork and exec; no memory is allocated and no lock taken.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
        let child = command.spawn().expect("xtask starts");
        let console = Console::new(master.try_clone().expect("a descriptor"), master, None);
        Self { console, terminal, child }
    }

    fn screen(&self) -> String {
        self.console.transcript()
    }

    /// Waits until this is shown, from the last wait on.
    fn expect(&mut self, wanted: &str, patience: Duration) {
        self.console.expect(wanted, patience).unwrap_or_else(|error| panic!("{error}"));
    }

    fn type_in(&mut self, keys: &str) {
        self.console.send(keys).expect("a terminal");
    }

    /// The namespace of its host A.
    fn host(&self) -> PathBuf {
        Path::new("/run/netns").join(format!("sb-{}-a", self.child.id()))
    }

    /// QEMU's process, and all others that it has started.
    fn children(&self) -> Vec<String> {
        let id = self.child.id();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + MOMENT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(self.terminal.as_fd()).expect("a terminal").local_modes.contains(LocalModes::ECHO)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        segbox_lab::remove_abandoned();
    }
}

fn ends_by_itself(firmware: &str) {
    let _turn = turn();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["vm", "--no-build", "--once", firmware]).stdin(Stdio::null());
    let output = command.output().expect("xtask starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{firmware}:\n{said}");
    // The box's status, typed at its console, and the hosts' own count.
    assert!(said.contains("fc00:0:2:100::") && said.contains("host B received: "), "{firmware}:\n{said}");
}

#[test]
fn once_it_ends_by_itself_with_packets_through_it() {
    ends_by_itself("--bios");
}

#[test]
fn slow_once_by_uefi_it_ends_by_itself_with_packets_through_it() {
    ends_by_itself("--uefi");
}

#[test]
fn slow_two_at_once_in_terminals_one_ended_by_a_key_and_one_killed() {
    // Every `xtask vm` removes what a killed one has left.
    let _turn = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("edge.toml");
    // Other names and addresses of ports than the demo's, a key and a policy.
    std::fs::write(
        &file,
        "[system]\nhostname = \"edge\"\n[interface.wan]\nmatch = { mac = \"52:54:00:99:00:01\" }\n\
         addresses = [\"2001:db8:77::1/64\"]\nsrv6 = true\n[interface.lan]\nmatch = { mac = \"52:54:00:99:00:02\" }\n\
         addresses = [\"2001:db8:66::1/64\"]\nsrv6 = true\n[[route]]\ndestination = \"fc00::/16\"\nvia = \"2001:db8:77::9\"\n\
         [srv6]\nsource = \"fc00:0:1::1\"\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"keys/7.key\"\n\
         [[srv6.policy]]\ndestination = \"2001:db8:40::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3:1::\"]\n",
    )
    .expect("room");
    let key = folder.path().join("keys/7.key");
    std::fs::create_dir(folder.path().join("keys")).and_then(|()| std::fs::write(&key, "secret")).expect("room");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");

    let mut demo = Session::start(&[]);
    let mut edge = Session::start(&[&file.display().to_string()]);

    // Its lines say within a moment that SRv6 packets go through, how many, and that none is lost.
    demo.expect("press a key", BOOT);
    demo.expect("by End.BPF fc00:0:2:100::", MOMENT);
    demo.expect("/s", MOMENT);
    demo.expect("arrived", MOMENT);
    demo.expect("Ctrl-C ends it all", MOMENT);
    assert!(demo.is_raw(), "keys are the box's");
    demo.type_in("x");
    demo.expect("segbox-vm> ", MOMENT);
    demo.type_in("show\n");
    demo.expect("hostname = \"segbox-vm\"", MOMENT);

    edge.expect("press a key", BOOT);
    edge.expect("into H.Encaps 2001:db8:40::1", MOMENT);
    edge.expect("arrived", MOMENT);
    let screen = edge.screen();
    assert!(screen.contains("good: configured from"), "the key came along:\n{screen}");

    assert!(demo.host().exists() && edge.host().exists(), "each has its hosts");
    demo.type_in("\x03");
    assert_eq!(demo.wait(), Some(0), "{}", demo.screen());
    assert!(!demo.is_raw(), "the terminal is as it was");
    assert!(demo.screen().contains("host B received: "), "{}", demo.screen());
    assert!(!demo.host().exists(), "its hosts are gone");
    assert!(edge.host().exists(), "the other one goes on");

    let qemu = edge.children();
    assert!(!qemu.is_empty(), "QEMU runs");
    let id = Pid::from_raw(i32::try_from(edge.child.id()).expect("a process")).expect("a process");
    kill_process(id, Signal::KILL).expect("ours");
    assert_eq!(edge.wait(), None, "killed");
    let end = Instant::now() + MOMENT;
    while qemu.iter().any(|id| Path::new("/proc").join(id).join("exe").exists()) {
        assert!(Instant::now() < end, "QEMU outlives it: {qemu:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(edge.host().exists(), "a killed command cannot remove its hosts");
    let mut next = Session::start(&["/nowhere.toml"]);
    next.expect("which a killed run had left", MOMENT);
    next.expect("cannot read /nowhere.toml", MOMENT);
    assert_eq!(next.wait(), Some(1));
    assert!(!edge.host().exists(), "the next one did");
}
