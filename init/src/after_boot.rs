//! PID 1 after the boot: interfaces come, and the record of the boot says what is still left out. Not here: the loop that waits (`pid1`), the boot
//! itself (`sequence`), and what an interface gets back when it comes (`segbox-services`).

use std::time::Duration;

use segbox_router::Router;
use segbox_router::run::boot::Boot;

use super::clock::Moment;
use super::cmdline::Mishap;
use super::log::{detail, notice};
use super::pid1::Init;
use super::task;

/// NICs often appear together, and get their names from the keeper meanwhile.
const QUIET: Duration = Duration::from_secs(1);
/// A look reads a file and the list of links.
const LIMIT: Duration = Duration::from_secs(20);

/// Never returns.
pub(super) fn live(init: &mut Init) -> ! {
    loop {
        let now = Moment::now();
        let due = init.interface_came.map(|came| came.plus(QUIET));
        if due.is_some_and(|due| due <= now) {
            init.interface_came = None;
            look(init);
        } else {
            init.attend(due.unwrap_or(now.plus(Duration::from_secs(3600))));
        }
    }
}

/// Reads what is left out now, in a child: the file is the user's.
fn look(init: &mut Init) {
    let left_out = || Router::open("status").ok().and_then(|mut router| router.left_out().ok().flatten());
    match task::start(c"segbox-interface", left_out).and_then(|task| init.wait(task, LIMIT)) {
        Ok(Some(dropped)) => {
            if record(&mut init.boot, dropped) {
                init.write_record();
            }
        }
        // `status` tells why the file or the kernel cannot be read.
        Ok(None) => {}
        Err(error) => detail!("an interface appeared, but what is left out is not known: {error}"),
    }
}

/// Records what is left out; true if the record has changed.
fn record(boot: &mut Boot, dropped: Vec<String>) -> bool {
    let Some(run) = boot.configuration.as_mut().filter(|run| run.dropped != dropped) else { return false };
    // A boot that was not good for another reason than a missing interface stays so.
    boot.good = dropped.is_empty() && (boot.good || !run.dropped.is_empty());
    run.dropped = dropped;
    true
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

    fn lines(dropped: &[&str]) -> Vec<String> {
        dropped.iter().map(|line| (*line).to_owned()).collect()
    }

    fn boot(good: bool, dropped: &[&str]) -> Boot {
        let configuration = Configured { source: "config partition".into(), file: "f".into(), dropped: lines(dropped) };
        Boot { good, configuration: Some(configuration), ..Boot::default() }
    }

    fn problems(boot: &Boot) -> Vec<&str> {
        boot.all_problems().map(String::as_str).collect()
    }

    #[test]
    fn an_interface_that_appears_removes_its_line() {
        let mut now = boot(false, &["eth1 is left out", "eth2 is left out"]);
        assert!(record(&mut now, lines(&["eth2 is left out"])));
        assert_eq!((now.good, problems(&now)), (false, vec!["eth2 is left out"]));
        assert!(!record(&mut now, lines(&["eth2 is left out"])));
        assert!(record(&mut now, lines(&[])));
        assert_eq!((now.good, problems(&now)), (true, vec![]));
    }

    #[test]
    fn a_boot_that_fell_back_stays_not_good_when_an_interface_appears() {
        let mut now = boot(false, &[]);
        assert!(!record(&mut now, lines(&[])));
        assert!(!now.good);
    }
}
