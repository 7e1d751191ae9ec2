//! What the kernel has after an apply, a change, a failure, a kill and `clear`; and what it keeps of others.

use std::fmt::Write as _;
use std::time::Duration;

use segbox_lab::Namespace;

use crate::support::routers::{ip, router_with, shell};
use crate::support::segbox::{SEGBOX, apply, segbox};

const PORTS: [&str; 2] = ["eth0", "eth1"];

/// A router with two ports, and so many routes and policies, each over hops or lists of these weights.
fn router(count: usize, first: u16, second: u16) -> String {
    let mut text = String::from(
        "[interface.eth0]\naddresses = [\"2001:db8:1::1/64\", \"192.0.2.1/24\"]\n\
         [interface.eth1]\naddresses = [\"2001:db8:2::1/64\"]\nsrv6 = true\n[srv6]\nsource = \"fc00:0:1::1\"\n\
         [[route]]\ndestination = \"fc00:0:3::/48\"\nvia = \"2001:db8:2::2\"\n",
    );
    for number in 0..count {
        let _ = write!(
            text,
            "[[route]]\ndestination = \"2001:db8:a{number:03x}::/48\"\nhops = [{{ via = \"2001:db8:1::2\", weight = {first} }}, {{ via = \"fe80::2\", interface = \"eth1\", weight = {second} }}]\n\
             [[srv6.policy]]\ndestination = \"2001:db8:b{number:03x}::/48\"\nbehavior = \"H.Encaps\"\n\
             lists = [{{ segments = [\"fc00:0:3:{number:x}::\"], weight = {first} }}, {{ segments = [\"fc00:0:3:ffff::\"], weight = {second} }}]\n"
        );
    }
    text
}

fn nexthops(namespace: &Namespace) -> String {
    ip(namespace, "nexthop show")
}

#[test]
fn a_change_touches_groups_alone_and_clear_leaves_what_others_have() {
    let (lab, files) = router_with(&PORTS);
    let namespace = &lab["router"];
    ip(namespace, "address add 198.51.100.1/24 dev eth0");
    ip(namespace, "link set eth0 up");
    // In segbox's range, and outside of it; a group and a route of another program.
    for command in [
        "nexthop add id 5 via 198.51.100.7 dev eth0",
        "nexthop add id 1442840576 via 198.51.100.8 dev eth0",
        "nexthop add id 1451229184 group 5/1442840576,3",
        "route add 203.0.113.0/24 nhid 1451229184 proto bgp",
    ] {
        ip(namespace, command);
    }
    let (before, routes) = (nexthops(namespace), ip(namespace, "route show proto bgp"));
    let file = files.write("segbox.toml", router(20, 3, 1));
    apply(namespace, &file);
    let with = nexthops(namespace);
    // Two gateways, 20 lists and the one that all policies have; one group for the routes, and one per policy.
    assert_eq!(with.lines().filter(|line| line.contains("proto 86")).count(), 23 + 21, "{with}");

    files.write("segbox.toml", router(20, 7, 1));
    let plan = segbox(namespace, ["plan".as_ref(), file.as_os_str()]);
    let steps: Vec<&str> = plan.out.lines().filter(|line| line.starts_with(['+', '-', '~'])).collect();
    assert!(steps.len() == 21 && steps.iter().all(|step| step.starts_with("~ group ")), "{}", plan.out);
    let json = segbox(namespace, ["plan".as_ref(), file.as_os_str(), "--json".as_ref()]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let text = json.to_string();
    assert!(text.contains("\"nexthop\"") && text.contains("\"weight\":7"), "{text}");
    apply(namespace, &file);
    assert_eq!(nexthops(namespace).lines().count(), with.lines().count(), "each group has kept its id");

    let clear = segbox(namespace, ["clear"]);
    assert_eq!(clear.code, Some(0), "{}{}", clear.out, clear.err);
    // `clear` takes eth0 down, which it found up: so it is up again.
    assert_eq!(nexthops(namespace), before);
    assert_eq!(ip(namespace, "route show proto bgp"), routes);
}

#[test]
fn a_failing_step_is_undone_and_the_groups_are_as_before() {
    let (lab, files) = router_with(&PORTS);
    let namespace = &lab["router"];
    let file = files.write("segbox.toml", router(3, 3, 1));
    apply(namespace, &file);
    let before = (nexthops(namespace), ip(namespace, "-6 route show proto 86"));
    // Another program's route to a new policy's destination: the policy is refused, after the groups have changed.
    ip(namespace, "-6 route add 2001:db8:b003::/48 dev eth1 proto bgp");
    files.write("segbox.toml", router(4, 9, 2));
    let refused = segbox(namespace, ["apply".as_ref(), file.as_os_str()]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.out.contains("~ group") && refused.out.contains("protocol bgp"), "{}{}", refused.out, refused.err);
    assert_eq!((nexthops(namespace), ip(namespace, "-6 route show proto 86")), before);
}

#[test]
fn killed_at_any_moment_the_next_apply_gets_there() {
    let (lab, files) = router_with(&PORTS);
    let namespace = &lab["router"];
    let all = [files.write("many.toml", router(1500, 1, 2)), files.write("few.toml", router(2, 5, 1))];
    let mut killed = 0;
    for round in 0..20_u64 {
        let mut command = namespace.command(SEGBOX).expect("there");
        let mut child = command
            .arg("apply")
            .arg(&all[round as usize % 2])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(25 * (round % 16)));
        child.kill().expect("it is ours");
        killed += usize::from(!child.wait().expect("it ends").success());
    }
    assert!(killed >= 5, "only {killed} of 20 were killed before they were done: the test tests nothing");
    apply(namespace, &all[1]);
    let left = nexthops(namespace);
    assert_eq!(left.lines().count(), 2 + 3 + 3, "two gateways, three lists, three groups:\n{left}");
    assert_eq!(segbox(namespace, ["clear"]).code, Some(0));
    assert_eq!(nexthops(namespace), "");
    assert!(shell(namespace, "test -z \"$(ip -6 route show proto 86)\""));
}
