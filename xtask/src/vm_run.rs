//! `./dev vm`: the image in QEMU, between two network namespaces, with its console in the terminal and packets going
//! through it.
//!
//! The machine itself is the library `segbox_vm`; here are the two hosts, the traffic and the terminal. Everything goes
//! when the command ends, by Ctrl-C too.

mod terminal;
mod traffic;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use segbox_lab::Namespace;
use segbox_vm::{Accelerator, Boot, Firmware, Machine, Model, Port, Vm};

use crate::failure::Failure;
use crate::{image, workspace};
use terminal::Terminal;
use traffic::Traffic;

/// Which machine.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Its segbox.toml; image/vm.toml if none is named
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// Boot from the disk by BIOS, as it does unless told otherwise
    #[arg(long, conflicts_with_all = ["uefi", "direct"])]
    bios: bool,
    /// Boot from the disk by UEFI
    #[arg(long, conflicts_with = "direct")]
    uefi: bool,
    /// Without a disk: QEMU loads kernel and initrd itself
    #[arg(long)]
    direct: bool,
    /// End once packets have come through and the status was shown; fail if that takes longer than three minutes
    #[arg(long)]
    once: bool,
}

/// Where the machine finds its configuration; PID 1 looks there.
const FW_CFG: &str = "opt/org.segbox/segbox.toml";
/// Addresses of the guest's ports, which image/vm.toml matches.
const MACS: [segbox_lab::Mac; 2] = [[0x52, 0x54, 0, 0, 0, 0x0a], [0x52, 0x54, 0, 0, 0, 0x0b]];
/// Queue pairs of a port: two, as many as the machine has processors.
const QUEUES: usize = 2;
/// The console's last row once the machine is up, and what its command line begins with.
const UP: &str = "press a key";
const PROMPT: &str = "> ";
/// Longest boot under emulation on a busy machine.
const BOOT: Duration = Duration::from_secs(180);

/// Builds what is missing, boots it and shows it.
///
/// # Errors
/// The image does not build, QEMU does not start, or with `--once` nothing comes through.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let stop = stop_on_signal()?;
    let tools = image::Tools::open()?;
    let folder = image::build(&tools, &image::Options::default())?;
    let file = options.file.clone().unwrap_or_else(|| workspace::root().join("image/vm.toml"));
    if !file.is_file() {
        return Err(Failure::new(format!("cannot read {}", file.display()), "there is no such file", "name one"));
    }
    let tree = tools.tree();
    let accelerator = segbox_vm::probe(&tree, &folder.join("kernel"), &folder.join("initrd"));

    let lab = |error: segbox_lab::Error| Failure::new("cannot make the hosts", error.to_string(), "run it as root");
    let hosts = [host("a").map_err(lab)?, host("b").map_err(lab)?];
    let mut machine = Machine::new(&tree, boot(options, &folder), accelerator);
    machine.files.push((FW_CFG.to_owned(), file));
    machine.ports = hosts.iter().zip(MACS).map(port).collect();

    println!(
        "booting {} in QEMU ({}); host A: ip netns exec {}, host B: ip netns exec {}; Ctrl-C ends it",
        machine_name(options),
        if accelerator == Accelerator::Kvm { "KVM" } else { "software emulation: KVM does not work here" },
        hosts[0].name(),
        hosts[1].name(),
    );
    let fault = |error: segbox_vm::Error| Failure::new("cannot run the machine", error.to_string(), "see above");
    let vm = machine.start_with(Some(Box::new(std::io::stdout()))).map_err(fault)?;
    hosts[0].address("eth0", net("2001:db8:a::2/64")).map_err(lab)?;
    hosts[1].address("eth0", net("2001:db8:b::2/64")).map_err(lab)?;
    let traffic = Traffic::start(&hosts, MACS[0]).map_err(lab)?;
    let terminal = Terminal::open();
    let end = attend(vm, &terminal.keys, &traffic, options.once, &stop).map_err(fault);
    drop(terminal);
    println!("\n{}", traffic.summary());
    match end? {
        End::Stopped => Ok(()),
        End::Late => Err(Failure::new(
            "waited for packets through the machine",
            format!("{} after {} s", traffic.summary(), BOOT.as_secs()),
            "read what its console says above",
        )),
    }
}

fn machine_name(options: &Options) -> &'static str {
    match (options.uefi, options.direct) {
        (true, _) => "the image by UEFI",
        (_, true) => "kernel and initrd",
        _ => "the image by BIOS",
    }
}

fn boot(options: &Options, folder: &Path) -> Boot {
    if options.direct {
        return Boot::Direct {
            kernel: folder.join("kernel"),
            initrd: folder.join("initrd"),
            command_line: "console=tty0 console=ttyS0,115200 quiet".to_owned(),
        };
    }
    let firmware = if options.uefi { Firmware::Uefi } else { Firmware::Bios };
    Boot::Disk { image: folder.join("segbox.raw"), firmware, keep: false }
}

/// A host with nothing in it yet: its port comes with the machine.
fn host(role: &str) -> Result<Namespace, segbox_lab::Error> {
    let namespace = Namespace::new(role)?;
    namespace.up("lo")?;
    Ok(namespace)
}

fn net(text: &str) -> ipnet::IpNet {
    text.parse().expect("an address with its prefix length")
}

fn port<'a>((namespace, mac): (&'a Namespace, segbox_lab::Mac)) -> Port<'a> {
    Port { namespace, interface: "eth0", mac, model: Model::Virtio, queues: QUEUES }
}

/// How it ended.
enum End {
    /// By the user, by the guest, or because everything was seen.
    Stopped,
    /// Nothing came through in time.
    Late,
}

/// What was seen of the machine so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Booting,
    /// A key was pressed for the user; the command line comes.
    Called,
    /// `status` was typed once packets went through.
    Asked,
    /// The status was shown; from here on the user types.
    Shown,
}

fn attend(
    mut vm: Vm,
    keys: &Receiver<Vec<u8>>,
    traffic: &Traffic,
    once: bool,
    stop: &AtomicBool,
) -> Result<End, segbox_vm::Error> {
    const LOOK: Duration = Duration::from_millis(100);
    let begin = Instant::now();
    let mut stage = Stage::Booting;
    while !stop.load(Ordering::Relaxed) && !vm.has_ended() {
        let now = |vm: &mut Vm, wanted| vm.console.expect(wanted, Duration::ZERO).is_ok();
        stage = match stage {
            Stage::Booting if now(&mut vm, UP) => {
                vm.console.send("\r")?;
                Stage::Called
            }
            // Counters that are zero would show little.
            Stage::Called if traffic.arrived() > 10 && now(&mut vm, PROMPT) => {
                vm.console.send("status\r")?;
                Stage::Asked
            }
            Stage::Asked if now(&mut vm, PROMPT) => Stage::Shown,
            same => same,
        };
        if once && stage == Stage::Shown {
            return Ok(End::Stopped);
        }
        if once && begin.elapsed() > BOOT {
            return Ok(End::Late);
        }
        match keys.recv_timeout(LOOK) {
            Ok(typed) => vm.console.send_bytes(&typed)?,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            // Nobody types: a script.
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
    }
    drop(std::io::stdout().flush());
    Ok(End::Stopped)
}

/// Ctrl-C, a closed terminal or a kill end the machine; a second time, or if that takes long, the process.
fn stop_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let fault = |error: std::io::Error| Failure::new("cannot wait for signals", error.to_string(), "try again");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let guard = runtime.enter();
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    drop(guard);
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let [Ok(interrupt), Ok(terminate), Ok(hangup)] = &mut signals else { return };
        runtime.block_on(async {
            let any = async || {
                tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} _ = hangup.recv() => {} }
            };
            let mut any = any;
            any().await;
            told.store(true, Ordering::Relaxed);
            // What is on its way down is left alone for a moment; a build in progress is not waited for.
            tokio::select! { () = any() => {} () = tokio::time::sleep(Duration::from_secs(3)) => {} }
        });
        segbox_lab::remove_ours();
        // What a shell makes of an interrupted command.
        std::process::exit(130);
    });
    Ok(stop)
}
