//! `segbox apply` of changing files under traffic: the unchanged parts of the files forward every packet exactly once, whatever
//! changes beside them.

#[path = "../support/mod.rs"]
mod support;

mod series;

use std::time::{Duration, Instant};

use series::{KINDS, variant};
use support::segbox::{SEGBOX, run};
use support::through::Through;

/// Maximum packets per second, and minimum duration: some tens of applies on an idle machine.
const RATE: u32 = 10_000;
/// With fewer packets the test proves nothing.
const LEAST: u32 = 5_000;
const LONG: Duration = Duration::from_secs(5);

#[test]
fn unchanged_parts_lose_and_repeat_no_packet() {
    let through = Through::new(&variant(0), |_, _| ());
    let variants: Vec<_> =
        (0..4).map(|number| through.files.write(&format!("{number}.toml"), variant(number))).collect();
    let end = Instant::now() + LONG;
    let (applied, passed) = through.during(&KINDS, RATE, || {
        let mut applied = 0;
        for file in variants.iter().cycle().skip(1) {
            let mut command = through.router().command(SEGBOX).expect("the namespace is there");
            let result = run(command.arg("apply").arg(file));
            assert_eq!(result.code, Some(0), "{}{}", result.out, result.err);
            assert!(!result.out.contains("nothing to do"), "each file differs from the one before it");
            applied += 1;
            // Apply every change at least once, however slow the machine is.
            if Instant::now() > end && applied >= variants.len() {
                break;
            }
        }
        applied
    });
    println!("{} packets, {applied} applies", passed.sent);
    passed.is_whole().unwrap_or_else(|why| panic!("during {applied} applies: {why}"));
    assert!(passed.sent > LEAST, "there was traffic: {} packets", passed.sent);
}
