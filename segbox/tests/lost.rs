//! What would be lost without a word is told: routes of other programs that go before segbox's, and links that are too short.

mod support;

use segbox_lab::Lab;
use support::routers::{self, router};
use support::segbox::{Run, apply, segbox, status};

const FILE: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64"]
mtu = 9000
srv6 = true

[[route]]
destination = "fc00:0:3::/48"
via = "2001:db8:1::2"

[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End"

[[srv6.policy]]
destination = "2001:db8:40::/64"
behavior = "H.Encaps"
segments = ["fc00:0:3:1::"]

[[srv6.policy]]                   # stands behind a routing daemon's route
destination = "2001:db8:41::/64"
behavior = "H.Encaps"
segments = ["fc00:0:3:1::"]
metric = 3523215360
"#;

fn ip(lab: &Lab, words: &str) {
    routers::ip(&lab["router"], words);
}

/// The lines of status about overruled routes, and whether the router is healthy.
fn health(lab: &Lab) -> (Vec<String>, bool) {
    let status = status(&lab["router"]);
    let lines = status["deviations"].as_array().expect("a list").iter();
    let lines = lines.map(|line| line.as_str().expect("text").to_owned());
    (lines.filter(|line| line.contains("never reached")).collect(), status["healthy"] == true)
}

#[test]
fn a_route_of_another_program_that_goes_before_segboxs_is_told_by_status_check_and_apply() {
    let (lab, files) = router();
    let file = files.write("segbox.toml", FILE);
    apply(&lab["router"], &file);
    assert_eq!(health(&lab), (Vec::new(), true));
    // What zebra does for a static SID, what BIRD does for a policy's prefix, and a longer prefix, which is another owner's right.
    ip(&lab, "-6 route add fc00:0:1:1::/128 dev segbox0 proto zebra metric 20");
    ip(&lab, "-6 route add 2001:db8:40::/64 via 2001:db8:1::2 proto bird metric 32");
    ip(&lab, "-6 route add 2001:db8:40:0:1::/80 via 2001:db8:1::2 proto bird metric 32");
    ip(&lab, "-6 route add 2001:db8:41::/64 via 2001:db8:1::2 proto bgp metric 20");
    ip(&lab, "-6 route add unreachable fc00:0:3::/48 proto 196 metric 20");
    let (lines, healthy) = health(&lab);
    assert!(!healthy && lines.len() == 3, "{lines:?}");
    for (line, (what, by)) in lines.iter().zip([
        ("policy 2001:db8:40::/64", "a route of bird goes before it (metric 32, ours is 1024)"),
        ("SID fc00:0:1:1::/128", "a route of zebra goes before it (metric 20"),
        ("route fc00:0:3::/48", "a route of FRR's staticd goes before it (metric 20"),
    ]) {
        assert!(line.contains(what) && line.contains(by), "{line}");
    }
    for command in ["check", "apply"] {
        let Run { code, err, .. } = segbox(&lab["router"], [command.as_ref(), file.as_os_str()]);
        assert_eq!(code, Some(0), "{command}: a warning is no fault: {err}");
        assert_eq!(err.matches("never reached").count(), 3, "{command}: {err}");
    }
    let elsewhere = segbox(&lab["router"], ["check".as_ref(), "--elsewhere".as_ref(), file.as_os_str()]);
    assert!(!elsewhere.err.contains("never reached"), "another box's routes do not count: {}", elsewhere.err);
    // A lower metric, as the warning says, and the other routes removed.
    for route in ["fc00:0:1:1::/128 proto zebra", "2001:db8:40::/64 proto bird", "fc00:0:3::/48 proto 196"] {
        ip(&lab, &format!("-6 route del {route}"));
    }
    assert_eq!(health(&lab), (Vec::new(), true));
}

#[test]
fn ports_of_1500_and_a_policy_are_warned_of_and_with_room_they_are_not() {
    let (lab, files) = router();
    let small = files.write("small.toml", FILE.replace("mtu = 9000\n", ""));
    for command in ["check", "apply"] {
        let told = segbox(&lab["router"], [command.as_ref(), small.as_os_str()]);
        assert_eq!(told.code, Some(0), "{}", told.err);
        let text: String = told.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("1436 bytes are lost") && text.contains("40 + 8 + 16 * 1 = 64"),
            "{command}: {}",
            told.err
        );
    }
    assert!(health(&lab).1, "packets of hosts with less get through");
    let room = files.write("room.toml", FILE);
    let told = segbox(&lab["router"], ["check".as_ref(), room.as_os_str()]);
    assert!(told.code == Some(0) && told.err.is_empty(), "{}", told.err);
    let tiny = files.write("tiny.toml", FILE.replace("mtu = 9000", "mtu = 1340"));
    let told = segbox(&lab["router"], ["apply".as_ref(), tiny.as_os_str()]);
    assert!(told.code == Some(1) && told.err.contains("inner_mtu"), "{}", told.err);
}

/// What status says of lost packets, and whether the router is healthy.
fn losses(lab: &Lab) -> (Vec<String>, bool) {
    let status = status(&lab["router"]);
    let lines = status["deviations"].as_array().expect("a list").iter();
    let lines = lines.map(|line| line.as_str().expect("text").to_owned());
    (lines.filter(|line| line.contains("dropped")).collect(), status["healthy"] == true)
}

#[test]
fn a_first_segment_without_a_route_deviates_until_a_routing_daemon_brings_one() {
    let (lab, files) = router();
    let text = FILE.replace("[[route]]\ndestination = \"fc00:0:3::/48\"\nvia = \"2001:db8:1::2\"\n", "");
    apply(&lab["router"], &files.write("segbox.toml", &text));
    let (lines, healthy) = losses(&lab);
    assert!(
        !healthy && lines.len() == 1 && lines[0].contains("no route leads to the first segment fc00:0:3:1::"),
        "{lines:?}"
    );
    ip(&lab, "-6 route add fc00:0:3::/48 via 2001:db8:1::2 proto isis metric 20");
    assert_eq!(losses(&lab), (Vec::new(), true));
    ip(&lab, "-6 route replace unreachable fc00:0:3::/48 proto isis metric 20");
    assert_eq!(losses(&lab).0.len(), 1, "an unreachable route is none");
}

#[test]
fn policies_that_lead_into_each_other_are_warned_of_and_deviate() {
    let (lab, files) = router();
    let policy = |destination: &str, segment: &str| {
        format!(
            "\n[[srv6.policy]]\ndestination = \"{destination}\"\nbehavior = \"H.Encaps\"\nsegments = [\"{segment}\"]\n"
        )
    };
    let ring = [("fc00:a::/32", "fc00:b::1"), ("fc00:b::/32", "fc00:c::1"), ("fc00:c::/32", "fc00:a::1")];
    let text = FILE.to_owned() + &ring.map(|(destination, segment)| policy(destination, segment)).concat();
    let file = files.write("segbox.toml", &text);
    let told = segbox(&lab["router"], ["apply".as_ref(), file.as_os_str()]);
    assert!(told.code == Some(0) && told.err.contains("lists_go_round"), "{}", told.err);
    let (lines, healthy) = losses(&lab);
    assert!(!healthy && lines.len() == 1 && lines[0].contains("fc00:a::/32 -> "), "{lines:?}");
    ip(&lab, "-6 route add fc00:b::1/128 via 2001:db8:1::2 proto isis metric 20");
    assert_eq!(losses(&lab), (Vec::new(), true), "a more specific route ends the round");
}

#[test]
fn a_sid_that_takes_the_packet_out_too_early_deviates() {
    let (lab, files) = router();
    let sid = "\n[[srv6.sid]]\nsid = \"fc00:0:1:d6::\"\nbehavior = \"End.DT6\"\ntable = 254\n";
    let early = FILE.replacen("[\"fc00:0:3:1::\"]", "[\"fc00:0:1:d6::\", \"fc00:0:3:1::\"]", 1);
    apply(&lab["router"], &files.write("segbox.toml", &(early + sid)));
    let status = status(&lab["router"]);
    let text = status["deviations"].to_string();
    assert!(status["healthy"] == false && text.contains("End.DT6 of this box drops the packet"), "{text}");
    apply(&lab["router"], &files.write("segbox.toml", &(FILE.to_owned() + sid)));
    assert_eq!(health(&lab), (Vec::new(), true));
}

#[test]
fn sids_that_no_port_leads_to_deviate_and_status_names_the_command_for_its_steps() {
    let (lab, files) = router();
    apply(&lab["router"], &files.write("segbox.toml", FILE.replace("srv6 = true\n", "")));
    let text = status(&lab["router"])["deviations"].to_string();
    assert!(text.contains("no packet reaches the SIDs"), "{text}");
    let said = |lab: &Lab| segbox(&lab["router"], ["status"]).out;
    assert!(!said(&lab).contains("takes the steps"), "no step mends that: {}", said(&lab));
    let file = files.write("segbox.toml", FILE);
    apply(&lab["router"], &file);
    assert_eq!(health(&lab), (Vec::new(), true));
    ip(&lab, "-6 route del fc00:0:1:1::/128");
    let command = format!("`segbox apply {}` takes the steps with +, ~ and -", file.display());
    assert!(said(&lab).contains(&command), "{command} is not in:\n{}", said(&lab));
}
