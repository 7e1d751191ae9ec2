//! A hundred thousand policies in one file: all of them are installed, however the kernel's allocator behaves, and memory use
//! stays small.

mod support;

use std::fmt::Write;

use segbox_lab::Namespace;
use support::files::Files;
use support::segbox::{run, segbox};

const POLICIES: usize = 100_000;

#[test]
fn a_hundred_thousand_policies_arrive_and_read_back() {
    let namespace = Namespace::new("scale").expect("these tests make network namespaces: run them as root");
    let files = Files::new();
    let mut text = String::new();
    for number in 0..POLICIES {
        let (high, low) = (0x100 + (number >> 16), number & 0xffff);
        writeln!(
            text,
            "[[srv6.policy]]\ndestination = \"2001:db8:{high:x}:{low:x}::/64\"\nbehavior = \"H.Encaps\"\n\
             segments = [\"fc00:0:2:1::\", \"fc00:0:3:{low:x}::\"]\n"
        )
        .expect("a String takes all");
    }
    let file = files.write("segbox.toml", text);
    let apply = segbox(&namespace, ["apply".as_ref(), file.as_os_str()]);
    assert_eq!(apply.code, Some(0), "{}{}", apply.out, apply.err);
    let plan = segbox(&namespace, ["plan".as_ref(), file.as_os_str()]);
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    // Check with another program than segbox too.
    let mut ip = namespace.command("ip").expect("the namespace is there");
    let listed = run(ip.args(["-6", "route", "show", "proto", "86"]));
    assert_eq!(listed.out.lines().count(), POLICIES);
    let clear = segbox(&namespace, ["clear"]);
    assert_eq!(clear.code, Some(0), "{}", clear.err);
}
