//! PID 1 after the boot: interfaces come and go, and the box keeps the applied configuration. Not here: the loop that waits
//! (`pid1`) and the boot itself (`sequence`).

use std::time::Duration;

use segbox_router::run::boot::Boot;

use super::clock::Moment;
use super::cmdline::Mishap;
use super::configuration::apply::LIMIT;
use super::configuration::reapply::{Reapplied, reapply};
use super::log::notice;
use super::pid1::Init;
use super::task;

/// NICs often appear together, so they are handled together after this pause.
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
    let answer = task::start(c"segbox-interface", reapply).and_then(|task| init.wait(task, LIMIT));
    let reapplied = answer.unwrap_or_else(|error| Reapplied::Fails(vec![error.to_string()]));
    if let Reapplied::Later(time) = reapplied {
        // Wait also for an interface that appeared meanwhile.
        init.interface_came = init.interface_came.max(Some(came.plus(time)));
        return;
    }
    let before = init.boot.clone();
    for line in record(&mut init.boot, reapplied) {
        notice!("{line}");
    }
    if init.boot != before {
        init.write_record();
    }
}

/// Records the result; returns the lines to log.
fn record(boot: &mut Boot, reapplied: Reapplied) -> Vec<String> {
    match reapplied {
        Reapplied::Nothing | Reapplied::Later(_) => Vec::new(),
        Reapplied::Fails(lines) => {
            boot.reapply_problems = lines
                .into_iter()
                .map(|line| format!("an interface appeared, but the configuration could not be applied again: {line}"))
                .collect();
            boot.reapply_problems.clone()
        }
        Reapplied::Holds { file, steps, dropped } => {
            boot.reapply_problems.clear();
            let in_part = if dropped.is_empty() { "" } else { " in part" };
            if let Some(run) = &mut boot.configuration {
                // A boot that was not good for another reason than a missing interface stays so.
                boot.good = dropped.is_empty() && (boot.good || !run.dropped.is_empty());
                run.dropped = dropped;
            }
            match steps {
                0 => Vec::new(),
                1 => vec![format!("an interface appeared: {file} was applied again{in_part}, 1 step")],
                _ => vec![format!("an interface appeared: {file} was applied again{in_part}, {steps} steps")],
            }
        }
    }
}

/// Causes the failure that `segbox.panic` or `segbox.hang` asks for. Only once: after a boot that ended badly it does nothing.
pub(super) fn fail_on_purpose(init: &Init, mishap: Mishap) {
    if init.boot.last_end.is_some_and(|end| !end.is_clean()) {
        return notice!("the kernel's command line asks for {mishap:?}; ignored, because the last boot ended badly");
    }
    match mishap {
        Mishap::Panic => panic!("the kernel's command line has segbox.panic"),
        Mishap::Hang => {
            notice!("the kernel's command line has segbox.hang: PID 1 stands still");
            loop {
                std::thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use segbox_router::run::boot::Configured;

    use super::*;

    fn boot(good: bool, dropped: &[&str]) -> Boot {
        let dropped: Vec<String> = dropped.iter().map(|line| (*line).to_owned()).collect();
        let configuration = Configured { source: "config partition".into(), file: "f".into(), dropped };
        Boot { good, configuration: Some(configuration), ..Boot::default() }
    }

    fn holds(steps: usize, dropped: &[&str]) -> Reapplied {
        let dropped = dropped.iter().map(|line| (*line).to_owned()).collect();
        Reapplied::Holds { file: "f".into(), steps, dropped }
    }

    fn problems(boot: &Boot) -> Vec<&str> {
        boot.all_problems().map(String::as_str).collect()
    }

    #[test]
    fn an_interface_that_appears_removes_its_line() {
        let mut now = boot(false, &["eth1 is left out", "eth2 is left out"]);
        assert_eq!(record(&mut now, holds(2, &["eth2 is left out"])).len(), 1);
        assert_eq!((now.good, problems(&now)), (false, vec!["eth2 is left out"]));
        record(&mut now, holds(2, &[]));
        assert_eq!((now.good, problems(&now)), (true, vec![]));
    }

    #[test]
    fn a_boot_that_fell_back_stays_not_good_when_an_interface_appears() {
        let mut now = boot(false, &[]);
        record(&mut now, holds(3, &[]));
        assert!(!now.good);
    }

    #[test]
    fn a_failure_is_recorded_once_until_the_next_success() {
        let mut now = boot(true, &[]);
        for _ in 0..2 {
            assert_eq!(record(&mut now, Reapplied::Fails(vec!["no room".into()])).len(), 1);
        }
        let line = "an interface appeared, but the configuration could not be applied again: no room";
        assert_eq!(problems(&now), [line]);
        assert!(record(&mut now, holds(0, &[])).is_empty());
        assert_eq!(now, boot(true, &[]));
    }
}
