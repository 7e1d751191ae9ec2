//! `./dev vm`: the image in QEMU, between two network namespaces, with its console in the terminal and packets going
//! through it.
//!
//! The machine itself is the library `segbox_vm`; here are the two hosts, the traffic and the terminal. Everything is removed
//! when the command ends, also by Ctrl-C.

mod fw_cfg;
mod scenario;
mod screen;
mod terminal;
mod traffic;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rustix::termios::isatty;
use segbox_lab::Namespace;
use segbox_vm::{Accelerator, Boot, Firmware, Machine, Model, Port, Vm};

use crate::failure::Failure;
use crate::progress::Step;
use crate::{image, stop, times, workspace};
use scenario::Scenario;
use screen::Screen;
use terminal::Terminal;
use traffic::{Fare, Traffic};

/// The machine to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The machine's segbox.toml [default: image/vm.toml]
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// Boot from the disk by BIOS, which is the default
    #[arg(long, conflicts_with_all = ["uefi", "direct"])]
    bios: bool,
    /// Boot from the disk by UEFI
    #[arg(long, conflicts_with = "direct")]
    uefi: bool,
    /// Boot without a disk: QEMU loads kernel and initrd itself
    #[arg(long)]
    direct: bool,
    /// End once packets of every kind have passed and the status was shown; fail if that takes longer than three minutes
    #[arg(long)]
    once: bool,
    /// Use the image that is in target/image; build nothing
    #[arg(long)]
    no_build: bool,
}

/// Queue pairs of a port: two, as many as the machine has processors.
const QUEUES: usize = 2;
/// The console's last row once the machine is up, and the prompt of its command line.
const UP: &str = "press a key";
const PROMPT: &str = "> ";
/// Longest boot under emulation on a busy machine.
const BOOT: Duration = Duration::from_secs(180);
/// Time between two paintings of our lines.
const PAINT: Duration = Duration::from_millis(500);

/// Builds the image unless it is up to date, boots it and shows its console.
///
/// # Errors
/// The image does not build, the file has faults, QEMU does not start, or with `--once` no packet passes.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let begin = Instant::now();
    // The machine gets a moment to end. A build in progress does not.
    let stop = stop::on_signal(Duration::from_secs(15), terminal::restore)?;
    for name in segbox_lab::remove_abandoned() {
        println!("removed namespace {name}, which a killed run had left");
    }
    let file = options.file.clone().unwrap_or_else(|| workspace::root().join("image/vm.toml"));
    let text = fs::read_to_string(&file).map_err(|error| Failure::file("read", &file, &error))?;
    let tools = image::Tools::open()?;
    let folder = if options.no_build { image::folder() } else { image::build(&tools, &image::Options::default())? };
    fw_cfg::check(&folder, &file)?;
    let draft = segbox_config::read(text, file.display().to_string());
    let scenario = Scenario::of(draft.config());
    let tree = tools.tree();
    let probe = || Ok(segbox_vm::probe(&tree, &folder.join("kernel"), &folder.join("initrd")));
    let accelerator = Step::quiet("finding out whether KVM works here", 5).run(probe)?;
    // `./dev vm` announces the time until here: how long the machine then runs is the user's choice.
    times::keep("dev-vm", begin.elapsed());

    let lab = |error: segbox_lab::Error| Failure::new("cannot make the hosts", error.to_string(), "run it as root");
    let hosts = [host("a").map_err(lab)?, host("b").map_err(lab)?];
    let mut machine = Machine::new(&tree, boot(options, &folder), accelerator);
    machine.files = fw_cfg::files(&file, &draft.needs())?;
    let ports = scenario.cables.iter().map(|cable| Port {
        namespace: &hosts[cable.host],
        interface: &cable.interface,
        mac: cable.mac,
        model: Model::Virtio,
        queues: QUEUES,
    });
    machine.ports = ports.collect();

    println!(
        "booting {} in QEMU ({}) with {}\nhost A: ip netns exec {} bash, host B: ip netns exec {} bash",
        machine_name(options),
        if accelerator == Accelerator::Kvm { "KVM" } else { "software emulation: KVM does not work here" },
        file.display(),
        hosts[0].name(),
        hosts[1].name(),
    );
    for remark in &scenario.remarks {
        println!("note: {remark}");
    }
    let fault = |error: segbox_vm::Error| Failure::new("cannot run the machine", error.to_string(), "see above");
    let screen = (isatty(std::io::stdout()) && !options.once).then(Screen::new);
    let also: Box<dyn Write + Send> = match &screen {
        Some(screen) => Box::new(screen.clone()),
        None => Box::new(std::io::stdout()),
    };
    let vm = machine.start_with(Some(also)).map_err(fault)?;
    for cable in &scenario.cables {
        for address in &cable.addresses {
            hosts[cable.host].address(&cable.interface, *address).map_err(lab)?;
        }
    }
    let far: Vec<String> =
        scenario.cables.iter().filter(|cable| cable.host == 1).map(|cable| cable.interface.clone()).collect();
    let mut traffic = Traffic::start(&hosts, &far, &scenario.flows).map_err(lab)?;
    let terminal = Terminal::open();
    let mut shown = Shown { title: title(&hosts), screen, begin: Instant::now(), next: Instant::now() };
    let end = attend(vm, &terminal.keys, &mut traffic, &mut shown, options.once, &stop).map_err(fault);
    if let Some(screen) = &shown.screen {
        screen.close();
    }
    drop(terminal);
    println!("\n{}", traffic.summary());
    match end? {
        End::Stopped => Ok(()),
        End::Gone if !options.once => Ok(()),
        End::Gone => Err(Failure::new(
            "waited for packets through the machine",
            format!("it has ended; {}", traffic.summary()),
            "read the console's lines above",
        )),
        End::Late => Err(Failure::new(
            "waited for packets through the machine",
            format!("{} after {} s", traffic.summary(), BOOT.as_secs()),
            "read the console's lines above",
        )),
    }
}

fn title(hosts: &[Namespace; 2]) -> String {
    format!("packets from host A ({}) through the box to host B ({})", hosts[0].name(), hosts[1].name())
}

/// Our lines below the console.
struct Shown {
    title: String,
    /// None where the output is no terminal.
    screen: Option<Screen>,
    begin: Instant,
    next: Instant,
}

impl Shown {
    fn paint(&mut self, traffic: &mut Traffic) {
        let now = Instant::now();
        let Some(screen) = self.screen.as_ref().filter(|_| now >= self.next) else { return };
        let fares = traffic.fares(now);
        if screen.paint(&lines(&self.title, &fares, now - self.begin)) {
            self.next = now + PAINT;
        }
    }
}

fn lines(title: &str, fares: &[Fare], time: Duration) -> Vec<String> {
    const HINT: &str = " a key leads to the box's command line above; Ctrl-C ends it all";
    let mut lines = vec![format!(" {title}")];
    if fares.is_empty() {
        lines.push(" none are sent: see the note at the start".to_owned());
    } else if fares.iter().all(|fare| fare.arrived == 0) {
        lines.push(format!(" none has come through yet: the box boots, {} s", time.as_secs()));
    } else {
        lines.extend(fares.iter().map(|fare| {
            format!(" {:<34} {:>4}/s  {:>7} arrived  {:>5} lost", fare.about, fare.rate, fare.arrived, fare.lost)
        }));
    }
    lines.push(HINT.to_owned());
    lines
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

/// A host without a port, which comes with the machine.
fn host(role: &str) -> Result<Namespace, segbox_lab::Error> {
    let namespace = Namespace::new(role)?;
    namespace.up("lo")?;
    Ok(namespace)
}

/// The end of the session.
enum End {
    /// The user ended it, or everything was seen.
    Stopped,
    /// The guest ended it.
    Gone,
    /// No packet passed in time.
    Late,
}

/// The progress of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Booting,
    /// A key was pressed; the command line will appear.
    Called,
    /// `status` was typed after the first packets had passed.
    Asked,
}

fn attend(
    mut vm: Vm,
    keys: &Receiver<Vec<u8>>,
    traffic: &mut Traffic,
    shown: &mut Shown,
    once: bool,
    stop: &AtomicBool,
) -> Result<End, segbox_vm::Error> {
    const LOOK: Duration = Duration::from_millis(100);
    let begin = Instant::now();
    let mut stage = Stage::Booting;
    while !stop.load(Ordering::Relaxed) && !vm.has_ended() {
        let now = |vm: &mut Vm, wanted| vm.console.expect(wanted, Duration::ZERO).is_ok();
        stage = match stage {
            // A person sees the status screen. A script wants the status as text.
            Stage::Booting if once && now(&mut vm, UP) => {
                vm.console.send("\r")?;
                Stage::Called
            }
            // Before, the counters are zero.
            Stage::Called if traffic.flows() && now(&mut vm, PROMPT) => {
                vm.console.send("status\r")?;
                Stage::Asked
            }
            Stage::Asked if now(&mut vm, PROMPT) => return Ok(End::Stopped),
            same => same,
        };
        if once && begin.elapsed() > BOOT {
            return Ok(End::Late);
        }
        shown.paint(traffic);
        match keys.recv_timeout(LOOK) {
            Ok(typed) => vm.console.send_bytes(&typed)?,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            // There is no keyboard: a script runs this.
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
    }
    drop(std::io::stdout().flush());
    Ok(if stop.load(Ordering::Relaxed) { End::Stopped } else { End::Gone })
}
