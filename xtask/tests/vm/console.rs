//! Every command of the console, typed at the serial port as a person types it; and the screen in the rack. Not here: `flash` (`image`).

use std::time::{Duration, Instant};

use segbox_vm::{Monitor, Router, image, machine, turn};

use segbox_vm::disk::Disk;

/// For an event that follows at once, on a machine that does other things too.
const SOON: Duration = Duration::from_secs(120);

const FILE: &str = "[system]
hostname = \"box\"

[srv6]
source = \"fc00:0:2::1\"

[[srv6.sid]]
sid = \"fc00:0:2:1::\"
behavior = \"End\"

[[srv6.sid]]
sid = \"fc00:0:2:102::\"
behavior = \"End.BPF\"
program = \"oam\"

[program.oam]
object = \"builtin:end_oam\"
";

/// Every command that `help` lists, with words of its answer. Those that end something are typed last.
const ANSWERS: [(&str, &[&str]); 14] = [
    ("status", &["healthy", "fc00:0:2:1::", "segbox0"]),
    ("status boot", &["drivers", "configuration", "config partition"]),
    ("show", &["sid = \"fc00:0:2:1::\""]),
    ("check", &["segbox.toml"]),
    ("plan", &["in sync"]),
    ("confirm", &["no change is waiting for confirmation"]),
    ("doctor", &["SRv6"]),
    ("programs", &["end_add_tlv"]),
    ("log", &["segbox: configured from config partition"]),
    ("", &[]),
    ("   ", &[]),
    ("staus", &["unknown command staus"]),
    ("events delay", &["program `delay` does not run here", "programs that report events: oam"]),
    ("plan --nonsense", &["unexpected argument"]),
];

#[test]
fn every_command_of_the_console_answers_at_the_serial_port() {
    let _turn = turn();
    let tools = image("tools");
    let disk = Disk::new(&tools, FILE);
    let mut machine = machine(&tools, "console=tty0");
    machine.memory = 256;
    machine.ends_at_reboot = false;
    machine.disks.push(disk.path());
    machine.also = ["-vga", "std"].map(str::to_owned).to_vec();
    let mut router = Router::boot(&machine);

    for (command, words) in ANSWERS {
        let said = router.answer(command);
        let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
        assert!(missing.is_empty(), "{command}: {missing:?} are not in\n{said}");
    }
    let help = router.answer("help");
    let listed = "watch events show edit apply clear failsafe factory-reset reboot poweroff exit".split(' ');
    let missing: Vec<_> = listed.filter(|command| !help.contains(&format!("  {command} "))).collect();
    assert!(missing.is_empty(), "{missing:?} are not in\n{help}");

    // Live, until Ctrl-C; which ends the command and not the console.
    router.type_in("watch\r");
    router.wait("packets/s");
    router.type_in("\x03");
    router.prompt();
    router.type_in("events\r");
    router.wait("oam@");
    router.wait(" reports");
    router.type_in("\x03");
    assert!(router.prompt().contains("0 events, 0 lost"));

    // A paste is taken whole or not at all.
    let faulty = router.paste(&FILE.replace("behavior = \"End\"", "behaviour = \"End\""));
    assert!(faulty.contains("behaviour") && faulty.contains("not saved"), "{faulty}");
    router.type_in("edit\r");
    router.wait("gives up.");
    router.type_in("half a file\r\x03");
    assert!(router.prompt().contains("nothing was changed"));
    assert!(router.answer("show").contains("sid = \"fc00:0:2:1::\""));
    let taken = router.paste(&FILE.replace("fc00:0:2:1::", "fc00:0:2:2::"));
    assert!(taken.contains("saved. `plan` shows"), "{taken}");
    assert!(router.answer("plan").contains("fc00:0:2:2::"));
    let probation = router.answer("apply --confirm 5m");
    assert!(probation.contains("segbox confirm"), "{probation}");
    router.answer("confirm");
    let status = router.answer("status");
    assert!(
        status.contains("healthy") && status.contains("fc00:0:2:2::") && !status.contains("fc00:0:2:1::"),
        "{status}"
    );

    // Off and on again, by either way. Without its file the box has its built-in name.
    for (command, word) in [("clear", "idle"), ("failsafe", "built-in.toml")] {
        router.type_in(&format!("{command}\r"));
        router.wait("\nsegbox> ");
        router.type_in("status\r");
        let status = router.wait("\nsegbox> ");
        assert!(status.contains(word) && !status.contains("fc00:0:2:2::"), "{command}: {status}");
        router.type_in("apply\r");
        router.wait("\nbox> ");
        let status = router.answer("status");
        assert!(status.contains("healthy") && status.contains("fc00:0:2:2::"), "after {command}: {status}");
    }

    // Asked twice; a person who does not mean it types anything else.
    router.type_in("factory-reset\r");
    router.wait("ype yes");
    router.type_in("no\r");
    router.prompt();
    assert!(router.answer("show").contains("fc00:0:2:2::"), "it was not meant");

    router.type_in("exit\r");
    router.again();
    assert!(router.screen.contains("good: configured from config partition"), "{}", router.screen);
    rack(&mut router.vm.monitor().expect("QEMU runs"));

    // The three keys that a person at the rack knows: down in order, and up again.
    let mut monitor = router.vm.monitor().expect("QEMU runs");
    monitor.type_in("sendkey ctrl-alt-delete").expect("a keyboard");
    let reset = monitor.event("RESET", SOON, |data| data["guest"] == true).expect("QEMU runs");
    assert!(reset.is_some(), "no reboot:\n{}", router.vm.console.transcript());
    drop(monitor);
    router.again();
    let ended = router.boot_says(&["last boot"]);
    assert!(ended.lines().any(|line| line.contains("last boot") && line.contains("clean")), "{ended}");
    router.power_off();
}

/// The same screen and the same commands on the VGA, by the keyboard.
fn rack(monitor: &mut Monitor) {
    shows(monitor, "press a key");
    // The first key calls the command line and is forgotten.
    monitor.type_in("sendkey ret").expect("a keyboard");
    shows(monitor, "box>");
    for key in ["h", "e", "l", "p", "ret"] {
        monitor.type_in(&format!("sendkey {key}")).expect("a keyboard");
    }
    shows(monitor, "  poweroff ");
}

pub(crate) fn shows(monitor: &mut Monitor, words: &str) {
    let begin = Instant::now();
    loop {
        let text = text(monitor);
        if text.contains(words) {
            return;
        }
        assert!(begin.elapsed() < SOON, "{words} is not on the screen:\n{text}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// All text in the memory of a VGA in text mode: rows of 80 characters, each with its colour. The rows that are shown move through it.
fn text(monitor: &mut Monitor) -> String {
    let said = monitor.type_in("xp /16384hx 0xb8000").expect("QEMU runs");
    let cells = said.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, cells)| cells.split_whitespace());
    let characters = cells.filter_map(|cell| u32::from_str_radix(cell.trim_start_matches("0x"), 16).ok());
    let characters: Vec<char> = characters.filter_map(|cell| char::from_u32(cell & 0xff)).collect();
    characters.chunks(80).map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
}
