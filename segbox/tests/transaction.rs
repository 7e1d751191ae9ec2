//! `segbox apply` on a real kernel keeps its promise as a transaction: in sync or as before, once or twice, killed or not.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use segbox_lab::{Lab, Namespace};
use serde_json::Value;
use support::files::Files;
use support::routers::{ip, router, router_with};
use support::segbox::{Run, SEGBOX, apply, run, segbox};

const ROUTER: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/24"]
mtu = 1400
srv6 = true

[[neighbor]]
address = "2001:db8:1::2"
mac = "02:00:00:00:01:01"
interface = "eth0"

[[route]]
destination = "fc00:0:2::/48"
via = "2001:db8:1::2"

[srv6]
locator = "fc00:0:1::/48"
source = "fc00:0:1::1"

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End"

[[srv6.sid]]
sid = "fc00:0:1:100::"
behavior = "End.BPF"
program = "stamp"

[program.stamp]
object = "builtin:end_add_tlv"

[[srv6.policy]]
destination = "2001:db8:3::/64"
behavior = "H.Encaps"
segments = ["fc00:0:2:1::"]
"#;

fn segbox_on(lab: &Lab, command: &str, files: &Files, text: &str) -> Run {
    let file = files.write("segbox.toml", text);
    segbox(&lab["router"], [command.as_ref(), file.as_os_str()])
}

/// The kernel's state as `segbox observe` prints it, without the link-local addresses, which the kernel adds at any time.
fn observed(namespace: &Namespace) -> Value {
    let run = segbox(namespace, ["observe"]);
    let mut dump: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error} in: {}{}", run.out, run.err));
    let addresses = dump["foreign-addresses"].as_array_mut().expect("a dump has them");
    addresses.retain(|row| !row[0]["address"].as_str().is_some_and(|address| address.starts_with("fe80:")));
    dump
}

#[test]
fn plan_lists_the_steps_that_apply_applies_and_then_nothing_is_left() {
    let (lab, files) = router();
    let plan = segbox_on(&lab, "plan", &files, ROUTER);
    assert_eq!(plan.code, Some(2), "{}{}", plan.out, plan.err);
    for line in [
        "+ sid       fc00:0:1:1::/128  End dev segbox0",
        "+ address   2001:db8:1::1/64 dev eth0",
        "+ policy    2001:db8:3::/64",
    ] {
        assert!(plan.out.contains(line), "{line} is not in\n{}", plan.out);
    }
    let before = observed(&lab["router"]);
    let first = segbox_on(&lab, "apply", &files, ROUTER);
    assert_eq!(first.code, Some(0), "{}{}", first.out, first.err);
    let second = segbox_on(&lab, "apply", &files, ROUTER);
    assert_eq!(second.code, Some(0));
    assert!(second.out.contains("nothing to do"), "{}", second.out);
    // A plan for the dump of the earlier state has the same steps.
    let dump = files.write("before.json", before.to_string());
    let paper = segbox(
        &lab["router"],
        ["plan".as_ref(), files.path().join("segbox.toml").as_os_str(), "--actual".as_ref(), dump.as_os_str()],
    );
    assert_eq!(paper.code, Some(2), "{}", paper.err);
    let routes =
        |run: &Run| run.out.lines().filter(|line| line.contains("fc00:")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(routes(&paper), routes(&plan));
    assert_eq!(segbox(&lab["router"], ["clear"]).code, Some(0));
}

#[test]
fn clear_leaves_the_router_as_it_was_found() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    ip(namespace, "address add 2001:db8:9::9/64 dev eth0 nodad");
    ip(namespace, "-6 route add 2001:db8:8::/64 via 2001:db8:9::1 dev eth0");
    let before = observed(namespace);
    apply(namespace, &files.write("segbox.toml", ROUTER));
    assert_ne!(observed(namespace), before);
    let clear = segbox(namespace, ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
    assert_eq!(
        observed(namespace),
        before,
        "settings, addresses and routes that others made are there, nothing else is"
    );
    let again = segbox(namespace, ["clear"]);
    assert_eq!(again.code, Some(0));
    assert!(again.out.contains("nothing to do"), "{}", again.out);
    let others = run(namespace.command("ip").expect("there").args(["-6", "route", "show", "2001:db8:8::/64"]));
    assert!(others.out.contains("via 2001:db8:9::1"), "{}", others.out);
}

#[test]
fn keys_and_addresses_of_others_stay() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let secret = |key: &str| format!("sr hmac set {key} sha256");
    for key in ["77", "78"] {
        let mut set = namespace.command("sh").expect("there");
        // iproute2 asks for the secret on the terminal's standard input.
        let done = run(set.arg("-c").arg(format!("printf 'somebody\n' | ip {}", secret(key))));
        assert_eq!(done.code, Some(0), "{}", done.err);
    }
    files.write("ours.key", "ours");
    let ours = "[interface.eth0]\naddresses = [\"192.0.2.1/24\"]\n[srv6.hmac-key.78]\nalgorithm = \"sha256\"\nsecret-file = \"ours.key\"\n";
    apply(namespace, &files.write("segbox.toml", ours));
    // In our subnet and added after our address, so the kernel marks it as secondary.
    ip(namespace, "address add 192.0.2.9/24 dev eth0");
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
    let keys = run(namespace.command("ip").expect("there").args(["sr", "hmac", "show"])).out;
    assert!(keys.contains("hmac 77"), "a foreign key is gone: {keys}");
    let addresses = run(namespace.command("ip").expect("there").args(["address", "show", "dev", "eth0"])).out;
    assert!(addresses.contains("192.0.2.9/24") && !addresses.contains("192.0.2.1/24"), "{addresses}");
}

#[test]
fn a_refused_step_is_reported_with_the_kernels_answer_and_everything_is_undone() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    // A foreign route has the same prefix as a policy.
    ip(namespace, "-6 route add 2001:db8:3::/64 dev eth0 metric 1024 proto bgp");
    let before = observed(namespace);
    let refused = segbox_on(&lab, "apply", &files, ROUTER);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    let told = format!("{}{}", refused.out, refused.err);
    for words in ["2001:db8:3::/64", "File exists", "bgp", "as it was before"] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    assert_eq!(observed(namespace), before);
    // Without the foreign route the same file is applied.
    ip(namespace, "-6 route del 2001:db8:3::/64 metric 1024");
    apply(namespace, &files.write("segbox.toml", ROUTER));
    // A refused change on a running router leaves the running state.
    ip(namespace, "-6 route add 2001:db8:4::/64 dev eth0 metric 1024 proto static");
    let running = observed(namespace);
    let more = ROUTER.replace("2001:db8:3::/64", "2001:db8:4::/64").replace("\"End\"", "\"End.T\"\ntable = 100");
    assert_eq!(segbox_on(&lab, "apply", &files, &more).code, Some(1));
    assert_eq!(observed(namespace), running);
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn a_changed_file_takes_only_the_difference() {
    let (lab, files) = router();
    apply(&lab["router"], &files.write("segbox.toml", ROUTER));
    let changed =
        ROUTER.replace("fc00:0:2:1::", "fc00:0:2:2::") + "\n[[srv6.sid]]\nsid = \"fc00:0:1:2::\"\nbehavior = \"End\"\n";
    let plan = segbox_on(&lab, "plan", &files, &changed);
    assert_eq!(plan.code, Some(2));
    assert!(plan.out.contains("2 steps: 1 to add, 1 to change, 0 to remove"), "{}", plan.out);
    apply(&lab["router"], &files.write("segbox.toml", &changed));
    assert_eq!(segbox(&lab["router"], ["clear"]).code, Some(0));
}

#[test]
fn two_at_once_do_not_mix() {
    let (lab, files) = router();
    let file = files.write("segbox.toml", many(4000));
    let start = || {
        let mut command = lab["router"].command(SEGBOX).expect("there");
        command.arg("apply").arg(&file).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().expect("the command starts")
    };
    let both = [start(), start()].map(|child| Run::from(child.wait_with_output().expect("it ends")));
    for one in &both {
        let busy = one.err.contains("another segbox is changing this router");
        assert!(one.code == Some(0) || (one.code == Some(1) && busy), "{}{}", one.out, one.err);
    }
    assert!(both.iter().any(|one| one.code == Some(0)));
    assert_eq!(segbox(&lab["router"], ["plan".as_ref(), file.as_os_str()]).code, Some(0));
    assert_eq!(segbox(&lab["router"], ["clear"]).code, Some(0));
}

/// A file with this number of policies behind the router's address.
fn many(policies: usize) -> String {
    let mut text = "[interface.eth0]\naddresses = [\"2001:db8:1::1/64\"]\n".to_owned();
    for number in 0..policies {
        text += &format!(
            "[[srv6.policy]]\ndestination = \"2001:db8:{:x}:{:x}::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:2:1::\"]\n",
            0x100 + (number >> 16),
            number & 0xffff
        );
    }
    text
}

#[test]
fn killed_at_any_moment_the_next_apply_gets_there() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let before = observed(namespace);
    let files_of = [files.write("many.toml", many(3000)), files.write("segbox.toml", ROUTER)];
    let mut killed = 0;
    for round in 0..20_u64 {
        let mut command = namespace.command(SEGBOX).expect("there");
        let file = &files_of[round as usize % 2];
        let mut child = command.arg("apply").arg(file).stdout(std::process::Stdio::null()).spawn().expect("it starts");
        // A debug build takes some 200 ms for the long file; the moments are spread over all of it.
        std::thread::sleep(Duration::from_millis(7 * (round % 16)));
        child.kill().expect("it is ours");
        killed += usize::from(!child.wait().expect("it ends").success());
    }
    assert!(killed >= 5, "only {killed} of 20 were killed before they were done: the test tests nothing");
    apply(namespace, &files_of[1]);
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
    assert_eq!(observed(namespace), before, "settings are back to what they were before the first of all those");
}

#[test]
fn status_finds_foreign_changes() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    apply(namespace, &files.write("segbox.toml", ROUTER));
    let healthy = segbox(namespace, ["status"]);
    assert_eq!(healthy.code, Some(0), "{}{}", healthy.out, healthy.err);
    ip(namespace, "link set eth0 mtu 1300");
    ip(namespace, "-6 route del fc00:0:1:1::/128");
    let status = segbox(namespace, ["status"]);
    assert_eq!(status.code, Some(3), "{}", status.out);
    assert!(status.out.contains("fc00:0:1:1::/128") && status.out.contains("1300 -> 1400"), "{}", status.out);
    apply(namespace, &files.path().join("segbox.toml"));
    assert_eq!(segbox(namespace, ["status"]).code, Some(0));
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

/// Somebody has removed the pins of a program. It still runs in its route, but whatever is pinned under its name next is another one, with
/// maps of its own.
#[test]
fn a_route_runs_the_program_that_is_pinned() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let file = files.write("segbox.toml", ROUTER);
    apply(namespace, &file);
    let runs = |what: &str| ip(namespace, "-6 -details route show fc00:0:1:100::").contains(what);
    let program = observed(namespace)["state"]["programs"][0][0].as_str().expect("a name").to_owned();
    assert!(runs(&program), "{program}");
    let own = namespace.enter(|| segbox_linux::namespace::Namespace::current().expect("Linux 5.14")).expect("there");
    std::fs::remove_dir_all(format!("/sys/fs/bpf/segbox/{own}")).expect("the pins");

    let plan = segbox(namespace, ["plan".as_ref(), file.as_os_str()]);
    assert_eq!(plan.code, Some(2), "{}", plan.out);
    assert!(plan.out.contains("prog#"), "{}", plan.out);
    assert_eq!(segbox(namespace, ["status"]).code, Some(3));
    apply(namespace, &file);
    assert!(runs(&program));
    assert_eq!(segbox(namespace, ["status"]).code, Some(0));
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}

#[test]
fn the_order_of_tables_does_not_matter() {
    let (lab, files) = router();
    apply(&lab["router"], &files.write("segbox.toml", ROUTER));
    let mut tables: BTreeMap<usize, String> = ROUTER.split("\n\n").map(str::to_owned).enumerate().collect();
    let mut turned = String::new();
    while let Some((_, table)) = tables.pop_last() {
        turned += &format!("{table}\n\n");
    }
    assert_eq!(segbox_on(&lab, "plan", &files, &turned).code, Some(0));
    assert_eq!(segbox(&lab["router"], ["clear"]).code, Some(0));
}

#[test]
fn interfaces_that_change_names_get_them_back_with_all_that_was_theirs() {
    let (lab, files) = router_with(&["eth0", "eth1"]);
    let namespace = &lab["router"];
    let before = observed(namespace);
    let mac = |interface: &str| lab.mac("router", interface).map(|byte| format!("{byte:02x}")).join(":");
    // The two swap their names, and one gets an MTU under its new name.
    let text = format!(
        "[interface.eth1]\nmatch = {{ mac = \"{}\" }}\nmtu = 1400\nsrv6 = true\n[interface.eth0]\nmatch = {{ mac = \"{}\" }}\n",
        mac("eth0"),
        mac("eth1")
    );
    apply(namespace, &files.write("segbox.toml", text));
    let links = run(namespace.command("ip").expect("there").args(["-br", "link", "show", "eth1"]));
    assert!(links.out.contains(&mac("eth0")), "{}", links.out);
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
    assert_eq!(observed(namespace), before);
}

#[test]
fn a_polite_signal_waits_until_the_change_is_whole() {
    let (lab, files) = router();
    let namespace = &lab["router"];
    let file = files.write("many.toml", many(20_000));
    let mut command = namespace.command(SEGBOX).expect("there");
    let mut child = command.arg("apply").arg(&file).stdout(std::process::Stdio::null()).spawn().expect("it starts");
    let pid = rustix::process::Pid::from_child(&child);
    // Once the first route exists, a change is in progress.
    while !run(namespace.command("ip").expect("there").args(["-6", "route", "show", "proto", "86"]))
        .out
        .contains("2001:db8")
    {
        assert!(child.try_wait().expect("ours").is_none(), "it ended before its first route was seen");
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is ours");
    child.wait().expect("it ends");
    let plan = segbox(namespace, ["plan".as_ref(), file.as_os_str()]);
    assert_eq!(plan.code, Some(0), "Ctrl-C left half a change: {}", plan.out.lines().count());
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
}
