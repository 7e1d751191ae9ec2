//! A hundred thousand policies in one file: all of them are installed, however the kernel's allocator behaves, and memory use
//! stays small.

mod support;

use std::fmt::Write;

use segbox_lab::Namespace;
use support::files::Files;
use support::segbox::{SEGBOX, run, segbox};
use support::watched::watch;

const POLICIES: usize = 100_000;
/// Memory of `apply`, and of `plan` in sync, as multiples of the file's size. Each state of the router that is held takes two or three.
const APPLY: usize = 11;
const PLAN: usize = 9;

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
    let size = text.len();
    let file = files.write("segbox.toml", text);
    // The parent's memory counts as the child's until it runs: the text is gone by now.
    let run_on_file = |command: &str| {
        let mut segbox = namespace.command(SEGBOX).expect("the namespace is there");
        let watched = watch(segbox.arg(command).arg(&file));
        assert_eq!(watched.run.code, Some(0), "{}{}", watched.run.out, watched.run.err);
        watched
    };
    let (apply, plan) = (run_on_file("apply"), run_on_file("plan"));
    // Their tenth is the program itself.
    assert!(apply.most < APPLY * size, "apply took {} bytes for a file of {size}", apply.most);
    assert!(plan.most < PLAN * size, "plan took {} bytes for a file of {size}", plan.most);
    assert!(plan.work < apply.work, "plan in sync took {:?}, apply {:?}", plan.work, apply.work);
    // Check with another program than segbox too.
    let mut ip = namespace.command("ip").expect("the namespace is there");
    let listed = run(ip.args(["-6", "route", "show", "proto", "86"]));
    assert_eq!(listed.out.lines().count(), POLICIES);
    let clear = segbox(&namespace, ["clear"]);
    assert_eq!(clear.code, Some(0), "{}", clear.err);
}
