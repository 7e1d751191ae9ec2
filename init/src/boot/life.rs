//! The rest of PID 1's life: interfaces come and go, and the box stays what was applied. Not here: the loop that waits (`init`), the
//! boot before it (`order`).

use std::time::Duration;

use super::child;
use super::clock::Moment;
use super::configuration::again::{Again, again};
use super::init::Init;
use super::order::ATTEMPT;
use super::record::Boot;
use super::say::notice;
use super::words::Mishap;

/// A NIC that comes with others is waited for together with them.
const QUIET: Duration = Duration::from_secs(1);

/// Never returns.
pub(super) fn live(init: &mut Init) -> ! {
    loop {
        let now = Moment::now();
        let due = init.interface_came.map(|came| came.plus(QUIET));
        if due.is_some_and(|due| due <= now) {
            init.interface_came = None;
            apply_again(init);
        } else {
            init.attend(due.unwrap_or(now.plus(Duration::from_secs(3600))));
        }
    }
}

fn apply_again(init: &mut Init) {
    let came = Moment::now();
    let answer = child::start(c"segbox-interface", again).and_then(|task| init.wait(task, ATTEMPT));
    let again = answer.unwrap_or_else(|error| Again::Fails(vec![error.to_string()]));
    if let Again::Later(time) = again {
        // One that came meanwhile is waited for as well.
        init.interface_came = init.interface_came.max(Some(came.plus(time)));
        return;
    }
    let before = init.boot.clone();
    for line in told(&mut init.boot, again) {
        notice!("{line}");
    }
    if init.boot != before {
        init.write_record();
    }
}

/// Puts down what came of it; gives what is to be said.
fn told(boot: &mut Boot, again: Again) -> Vec<String> {
    match again {
        Again::Nothing | Again::Later(_) => Vec::new(),
        Again::Fails(lines) => {
            let said = lines.iter().map(|line| format!("{FAILS}{line}")).collect();
            fails(boot, lines);
            said
        }
        Again::Holds { file, steps, dropped } => {
            boot.problems.retain(|line| !line.starts_with(FAILS));
            let in_part = if dropped.is_empty() { "" } else { ", in part" };
            if let Some(run) = &mut boot.configuration {
                boot.problems.retain(|line| !run.dropped.contains(line));
                boot.problems.extend(dropped.iter().cloned());
                // A boot that was not good for another reason than a missing interface stays so.
                boot.good = dropped.is_empty() && (boot.good || !run.dropped.is_empty());
                run.dropped = dropped;
            }
            match steps {
                0 => Vec::new(),
                1 => vec![format!("an interface has come: {file} applied again{in_part}, 1 step")],
                _ => vec![format!("an interface has come: {file} applied again{in_part}, {steps} steps")],
            }
        }
    }
}

/// What a failure's lines begin with, so that a success takes them back.
const FAILS: &str = "an interface has come, and the configuration could not be applied again: ";

fn fails(boot: &mut Boot, lines: Vec<String>) {
    boot.problems.retain(|line| !line.starts_with(FAILS));
    boot.problems.extend(lines.into_iter().map(|line| format!("{FAILS}{line}")));
}

/// Does what `segbox.panic` or `segbox.hang` asks for, once: a boot after one that ended badly goes on.
pub(super) fn come_to_grief(init: &Init, mishap: Mishap) {
    if init.boot.last_end.as_deref().is_some_and(|end| end != "clean") {
        return notice!(
            "{mishap:?} is asked for on the kernel's command line, and not done: the last boot ended badly"
        );
    }
    match mishap {
        Mishap::Panic => panic!("segbox.panic is on the kernel's command line"),
        Mishap::Hang => {
            notice!("segbox.hang is on the kernel's command line: PID 1 stands still");
            loop {
                std::thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::record::Configured;

    fn boot(good: bool, dropped: &[&str]) -> Boot {
        let dropped: Vec<String> = dropped.iter().map(|line| (*line).to_owned()).collect();
        let configuration =
            Configured { source: "config partition".into(), file: "f".into(), dropped: dropped.clone() };
        Boot { good, problems: dropped, configuration: Some(configuration), ..Boot::default() }
    }

    fn holds(steps: usize, dropped: &[&str]) -> Again {
        let dropped = dropped.iter().map(|line| (*line).to_owned()).collect();
        Again::Holds { file: "f".into(), steps, dropped }
    }

    #[test]
    fn what_was_left_out_is_taken_back_when_its_interface_comes() {
        let mut now = boot(false, &["eth1 is left out", "eth2 is left out"]);
        assert_eq!(told(&mut now, holds(2, &["eth2 is left out"])).len(), 1);
        assert_eq!((now.good, now.problems.clone()), (false, vec!["eth2 is left out".to_owned()]));
        told(&mut now, holds(2, &[]));
        assert_eq!((now.good, now.problems.len()), (true, 0));
    }

    #[test]
    fn a_boot_that_fell_back_is_not_made_good_by_a_card() {
        let mut now = boot(false, &[]);
        told(&mut now, holds(3, &[]));
        assert!(!now.good);
    }

    #[test]
    fn a_failure_is_remembered_once_until_it_works() {
        let mut now = boot(true, &[]);
        for _ in 0..2 {
            assert_eq!(told(&mut now, Again::Fails(vec!["no room".into()])).len(), 1);
        }
        assert_eq!(now.problems, [format!("{FAILS}no room")]);
        assert!(told(&mut now, holds(0, &[])).is_empty());
        assert_eq!(now, boot(true, &[]));
    }
}
