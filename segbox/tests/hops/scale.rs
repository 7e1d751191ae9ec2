//! Many routes with two hops cost hardly more than as many with one, and read back in sync: they share a nexthop group.

use std::fmt::Write as _;
use std::path::Path;

use segbox_lab::Namespace;

use crate::support::routers::{ip, router_with};
use crate::support::segbox::{SEGBOX, apply, run};

const ROUTES: usize = 10_000;

fn file(routes: usize, way: &str) -> String {
    let mut text = String::from(
        "[interface.eth0]\naddresses = [\"2001:db8:1::1/64\"]\n[interface.eth1]\naddresses = [\"2001:db8:2::1/64\"]\n",
    );
    for number in 0..routes {
        let (high, low) = (0x100 + (number >> 16), number & 0xffff);
        let _ = writeln!(text, "[[route]]\ndestination = \"2001:db8:{high:x}:{low:x}::/64\"\n{way}");
    }
    text
}

/// The seconds that a command took of the CPUs, in itself and in the kernel. Others use this machine too.
fn seconds(namespace: &Namespace, command: &str, file: &Path) -> f64 {
    let script = format!("{SEGBOX} {command} {} > /dev/null || exit; times", file.display());
    let done = run(namespace.command("sh").expect("the namespace is there").args(["-c", &script]));
    assert_eq!(done.code, Some(0), "{command}: {}", done.err);
    // The second line is of the shell's children: `0m0.53s 0m0.06s`.
    let times = done.out.lines().nth(1).expect("`times` prints two lines");
    let part = |text: &str| -> Option<f64> {
        let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    times.split_whitespace().map(|text| part(text).unwrap_or_else(|| panic!("{text:?} is no time"))).sum()
}

#[test]
fn two_hops_take_at_most_a_third_longer_than_one() {
    let (lab, files) = router_with(&["eth0", "eth1"]);
    let namespace = &lab["router"];
    let empty = files.write("empty.toml", file(0, ""));
    let one = files.write("one.toml", file(ROUTES, "via = \"2001:db8:1::2\""));
    let hops = "hops = [{ via = \"2001:db8:1::2\" }, { via = \"2001:db8:2::2\" }]";
    let two = files.write("two.toml", file(ROUTES, hops));
    apply(namespace, &empty);
    for file in [&one, &two] {
        apply(namespace, file);
        let shown = ip(namespace, "-6 route show proto 86");
        assert_eq!(shown.lines().filter(|line| line.starts_with("2001")).count(), ROUTES);
        apply(namespace, &empty);
    }
    // In turn, and the best of each. Without the time that reading takes: the file with two hops is longer, and a build without optimizations reads
    // slowly.
    let mut times = [[f64::INFINITY; 2]; 2];
    for _ in 0..4 {
        for (file, [reading, whole]) in [&one, &two].into_iter().zip(&mut times) {
            *reading = seconds(namespace, "check", file).min(*reading);
            *whole = seconds(namespace, "apply", file).min(*whole);
            seconds(namespace, "apply", &empty);
        }
    }
    println!("{ROUTES} routes: {times:?}");
    let [one, two] = times.map(|[reading, whole]| whole - reading);
    assert!(two <= 1.3 * one, "{times:?}");
    assert_eq!(ip(namespace, "nexthop show"), "");
}
