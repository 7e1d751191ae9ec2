//! `segbench generate` and `segbench receive`, each at an end of a cable, as on two machines. Needs root.
//!
//! The rate is low on purpose: a veth's ring holds 256 packets, and at this rate no pause of a busy machine makes the generator
//! catch up on that many. So every packet must arrive, and every count is known.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use segbox_lab::{Cable, Lab, Offload, Topology};
use serde_json::Value;

const SEGBENCH: &str = env!("CARGO_BIN_EXE_segbench");
const COUNT: u64 = 3000;
const FLOWS: u64 = 1000;

fn bed() -> Lab {
    let cables = [Cable("source", "s0", "sink", "k0")];
    let lab = Topology { routers: &["source", "sink"], hosts: &[], cables: &cables }.build().expect("root");
    for node in ["source", "sink"] {
        lab[node].sysctl("net.ipv6.conf.all.disable_ipv6", "1").expect("there");
    }
    // A veth accepts redirected frames only if its other end has NAPI.
    segbox_lab::set_offload(&lab["sink"], "k0", Offload::ReceiveAggregation, true).expect("veth has GRO");
    lab
}

/// The output of `receive` for the packets that `generate` sends.
fn received(lab: &Lab, hook: &str, probe_at: u32, more: &[&str]) -> Value {
    let mut sink = lab["sink"].exec(SEGBENCH);
    // Ctrl-C ends it long before.
    sink.args(["receive", "k0", "--hook", hook, "--duration", "10min", "--flows", &FLOWS.to_string(), "--json"]);
    // If the offset is not given, the packets in which it is found are not counted.
    sink.args(["--probe-at", &probe_at.to_string()]);
    let mut sink = sink.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut told = BufReader::new(sink.stderr.take().expect("piped")).lines().map(|line| line.expect("text"));
    assert!(told.any(|line| line.starts_with("receiving on k0")), "it says when it is ready");

    let to = lab.mac("sink", "k0").map(|byte| format!("{byte:02x}")).join(":");
    let mut source = lab["source"].exec(SEGBENCH);
    source.args(["generate", "s0", "--to", &to, "--flows", &FLOWS.to_string(), "--count", &COUNT.to_string()]);
    let output = source.args(["--rate", "2k"]).args(more).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with(&format!("{COUNT} packets of ")), "{said}");
    assert!(said.contains(&format!("probe at byte {probe_at}\n")), "{said}");

    // All packets are through when the generator returns, except those that a thread of the kernel still delivers.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let killed = Command::new("kill").args(["-INT", &sink.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let mut text = String::new();
    sink.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
    assert!(sink.wait().expect("it ends").success(), "{text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn what_one_side_sends_the_other_counts() {
    let lab = bed();
    let path = ["--path", "fc00:0:2:1::,fc00:0:3:1::"];
    let any = ["--tlv", "7c06010203040506", "--tlv", "7d020000", "--inside", "v4", "--left", "0", "--size", "imix"];
    // UDP is behind Ethernet, IPv6 and an SRH of two segments; in the second shape also behind two TLVs and an IPv4 header.
    let shapes = [(102, &[][..]), (102 + 16 + 20, &any[..])];
    for hook in ["xdp", "tc"] {
        for socket in [&[][..], &["--socket"]] {
            for (probe_at, shape) in shapes {
                let arguments = [&path[..], socket, shape].concat();
                let received = received(&lab, hook, probe_at, &arguments);
                let context = format!("{hook}, {arguments:?}: {received}");
                assert_eq!(received["packets"], COUNT, "{context}");
                for none in ["lost", "reordered", "strays"] {
                    assert_eq!(received[none], 0, "{none}: {context}");
                }
                assert_eq!(received["latency"]["packets"], COUNT, "paced packets are stamped: {context}");
            }
        }
    }
}
