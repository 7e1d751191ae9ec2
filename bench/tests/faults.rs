//! Runs that must fail, with the faults of the right cases: routers that do not do what they are configured to do, that count
//! wrongly, and that lose packets. And packets out of order, which no router here causes. Needs root, the segbox command in
//! segbench's folder, and tc (iproute2).

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use segbox_bench_ebpf::MAGIC;
use segbox_lab::{Cable, Frame, Topology};
use serde_json::Value;

const SEGBENCH: &str = env!("CARGO_BIN_EXE_segbench");

/// The case that the routers here break, and the SID of `end`, which it is compared with.
const CASE: &str = "end-bpf-add-tlv8";
const END: &str = "fc00:0:2:1::";

/// One test at a time: all of them measure on the same CPU. Besides, a child that is forked while a script is being written
/// holds it open for writing, and then the kernel refuses to start the script.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A run with a shell script in place of segbox. In the script `$segbox` is the real one.
fn run_with(script: &str) -> (Output, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let (wrapper, file) = (folder.path().join("segbox"), folder.path().join("run.json"));
    let segbox = Path::new(SEGBENCH).with_file_name("segbox");
    fs::write(&wrapper, format!("#!/bin/sh\nset -e\nsegbox={}\n{script}\n", segbox.display())).expect("written");
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).expect("ours");
    let output = Command::new(SEGBENCH)
        .args(["run", "--case", CASE, "--rounds", "1", "--window", "20ms", "--segbox"])
        .arg(&wrapper)
        .arg("--json")
        .arg(&file)
        .output()
        .expect("it starts");
    let run = fs::read(&file).unwrap_or_else(|_| panic!("no result: {}", said(&output)));
    (output, serde_json::from_slice(&run).expect("JSON"))
}

/// Checks that a run fails with these faults of these cases and no others. A fault is given by its beginning.
fn only_faults((output, run): &(Output, Value), expected: &[(&str, &str)]) {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    let begins =
        |fault: &Value| fault.as_str().and_then(|text| text.split_once(':')).map(|(start, _)| start.to_owned());
    let mut found: Vec<(String, String)> = Vec::new();
    for case in run["cases"].as_array().expect("a list") {
        let faults: Vec<String> = case["faults"].as_array().into_iter().flatten().filter_map(begins).collect();
        assert_eq!(case["valid"], faults.is_empty(), "{case}");
        found.extend(faults.into_iter().map(|fault| (case["case"].as_str().unwrap_or_default().to_owned(), fault)));
    }
    // A fault may be repeated in each turn.
    found.dedup();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(case, fault)| ((*case).to_owned(), (*fault).to_owned())).collect();
    assert_eq!(found, expected, "{}", said(output));
    for (case, fault) in expected {
        assert!(said(output).contains(&format!("INVALID {case}: {fault}: ")), "{}", said(output));
    }
}

#[test]
fn a_router_that_does_something_else_fails_the_case_that_it_is_for() {
    let _turn = turn();
    let run = run_with(
        "if [ \"$1\" = apply ]; then sed -i 's/tlv_value = .*/tlv_value = [1, 2, 3, 4, 5, 7]/' \"$2\"; fi\n\
         exec \"$segbox\" \"$@\"",
    );
    only_faults(&run, &[(CASE, "wrong packet")]);
}

#[test]
fn a_sid_that_counts_what_did_not_happen_fails_its_case() {
    let _turn = turn();
    // A digit is put before each number, at the start and at the end. The difference is wrong because the numbers differ in
    // length.
    let more = format!("/\"sid\": \"{END}/,/\"packets\"/ s/\"packets\": \\([0-9]*\\)/\"packets\": 9\\1/");
    let run = run_with(&format!("\"$segbox\" \"$@\" | sed '{more}'"));
    only_faults(&run, &[("end", "counter")]);
}

#[test]
fn a_link_that_counts_what_did_not_happen_fails_all_cases_of_the_router() {
    let _turn = turn();
    for counter in ["rx-packets", "tx-packets"] {
        let more = format!("s/\"{counter}\": \\([0-9]*\\)/\"{counter}\": 9\\1/");
        let run = run_with(&format!("\"$segbox\" \"$@\" | sed '{more}'"));
        only_faults(&run, &[("ipv6-forward", "link"), ("end", "link"), (CASE, "link")]);
    }
}

#[test]
fn a_router_that_loses_packets_fails_the_case_that_lost_them_and_no_other() {
    let _turn = turn();
    // Its first port redirects one in 256 of the packets to End to the loopback, by the last byte of the sequence number, which
    // is behind an IPv6 header, an SRH of two segments, UDP, and three words of the probe.
    let drop = format!(
        "tc qdisc add dev eth0 clsact\ntc filter add dev eth0 ingress protocol ipv6 prio 1 u32 match ip6 dst {END}/128 \
         match u8 7 0xff at 99 action mirred egress redirect dev lo"
    );
    let run = run_with(&format!("\"$segbox\" \"$@\"\nif [ \"$1\" = apply ]; then\n{drop}\nfi"));
    only_faults(&run, &[("end", "loss"), ("end", "counter")]);
    let end = run.1["cases"].as_array().expect("a list").iter().find(|case| case["case"] == "end").expect("there");
    assert!(end["published"].as_array().expect("a list").iter().all(|one| one["why"] == "not-valid"), "{end}");
}

#[test]
fn packets_after_later_ones_of_their_flow_are_seen() {
    let _turn = turn();
    let cables = [Cable("src", "eth0", "snk", "eth0")];
    let lab = Topology { routers: &["src", "snk"], hosts: &[], cables: &cables }.build().expect("root");
    let wire = lab.wire("src", "eth0").expect("root");
    // Flow and sequence number. Two packets come after later ones of their flow, and two numbers of 0 to 9 are missing. The two
    // flows are not in step, which is not a fault.
    let sent = [(0, 0), (1, 3), (0, 2), (1, 1), (0, 6), (1, 5), (0, 4), (1, 9)];
    for hook in ["tc", "xdp"] {
        let mut receiving = lab["snk"]
            .exec(SEGBENCH)
            // The probe is behind Ethernet, IPv6 and UDP.
            .args(["receive", "eth0", "--json", "--run", "5", "--probe-at", "62", "--flows", "2", "--duration", "1m"])
            .args(["--hook", hook])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let told = BufReader::new(receiving.stderr.take().expect("piped")).lines().map_while(Result::ok);
        assert!(told.take(1).any(|line| line.contains("receiving on eth0")), "it does not receive");
        let send = |run: u32, (flow, number): (u32, u32)| {
            let payload: Vec<u8> = [MAGIC | run, flow, number, 0].into_iter().flat_map(u32::to_be_bytes).collect();
            let [from, to] = ["2001:db8::1", "2001:db8::2"].map(|one| one.parse::<IpAddr>().expect("an address"));
            let packet = segbox_lab::udp((from, 9), (to, 9), &payload);
            wire.send(&Frame::new(lab.mac("src", "eth0"), lab.mac("snk", "eth0"), &packet)).expect("it is up");
        };
        sent.into_iter().for_each(|packet| send(5, packet));
        // A packet of another run is not counted, whatever its number.
        send(6, (0, 1));
        // A veth delivers packets before the sender continues; with XDP it delivers them a moment later.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let kill = Command::new("kill").args(["-INT", &receiving.id().to_string()]).status().expect("kill runs");
        assert!(kill.success());
        let output = receiving.wait_with_output().expect("it ends");
        let received: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let counted = ["packets", "reordered", "lost"].map(|key| received[key].as_u64());
        assert_eq!(counted, [Some(8), Some(2), Some(2)], "{hook}: {received}");
        assert!(received["strays"].as_u64() >= Some(1), "{hook}: {received}");
    }
}
