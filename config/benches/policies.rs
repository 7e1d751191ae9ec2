//! The time and memory that a file of many policies takes: `cargo bench -p segbox-config [-- NUMBER]`.
//!
//! The time is the best of five rounds. The memory is the VmHWM of the process, with the file's text and the surroundings.
#![expect(clippy::expect_used, reason = "a measurement stops on a surprise")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use segbox_config::{Surroundings, read};

fn main() {
    let wanted = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    for number in wanted.map_or(vec![30_000, 100_000], |number| vec![number]) {
        let text = file(number);
        let size = text.len();
        let before = memory("VmRSS:");
        let mut best = (Duration::MAX, Duration::MAX);
        for _ in 0..5 {
            let text = text.clone();
            let start = Instant::now();
            let draft = read(text, "bench.toml");
            let read = start.elapsed();
            let checked = draft.resolve(&Surroundings::default()).expect("the file has no fault");
            let both = start.elapsed();
            assert_eq!(checked.config.policies.len(), number);
            best = best.min((read, both));
        }
        let each = best.1.as_nanos() as f64 / number as f64 / 1000.0;
        println!(
            "{number} policies, {:.1} MB: read {:.0?}, resolved {:.0?}, {each:.2} us an entry; memory {} MB before, {} MB at most",
            size as f64 / 1e6,
            best.0,
            best.1,
            before / 1024,
            memory("VmHWM:") / 1024,
        );
    }
    faults();
}

/// A file in which every entry is wrong: it must not take more than a few times as long.
fn faults() {
    let text = file(100_000).replace("/64", "/129");
    let start = Instant::now();
    let faults = read(text, "bench.toml").resolve(&Surroundings::default()).expect_err("every policy is wrong");
    let lines = faults.to_string().lines().count();
    println!(
        "{lines} faults, each found and written in {:.2} us",
        start.elapsed().as_nanos() as f64 / lines as f64 / 1000.0
    );
}

fn file(policies: usize) -> String {
    let mut text = String::from("[srv6]\nlocator = \"fc00:0:1::/48\"\nsource = \"fc00:0:1::1\"\n");
    for index in 0..policies {
        let (high, low) = (index >> 16, index & 0xffff);
        write!(
            text,
            "\n[[srv6.policy]]\ndestination = \"2001:db8:{high:x}:{low:x}::/64\"\nbehavior = \"H.Encaps\"\n\
             segments = [\"fc00:0:2:1::\", \"fc00:0:3:{low:x}::\"]\ninterface = \"eth1\"\n"
        )
        .expect("a String takes it all");
    }
    text
}

/// A line of /proc/self/status, in KiB.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let found = status.lines().find_map(|text| text.strip_prefix(line)).expect("Linux says so");
    found.trim().trim_end_matches(" kB").parse().expect("a number")
}
