//! `segbench lab` as a user runs it: two ports of a namespace, and another namespace that segbox has configured as the box.
//! Needs root. A token bucket makes the box lose packets, so the result of the search is known. No test depends on how fast
//! anything is.

mod browser;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use segbox_lab::{Cable, Lab, Topology};
use serde_json::Value;

const SEGBENCH: &str = env!("CARGO_BIN_EXE_segbench");
/// Length of a packet of the thesis in bytes, as the token bucket counts it.
const FRAME: u32 = 14 + 40 + 40 + 8 + 64;
/// Packets per second that the box forwards.
const CAPACITY: u32 = 5000;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A tester with the ports t0 and t1, and a box between them.
struct Bed {
    lab: Lab,
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Bed {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let cables = [Cable("tester", "t0", "box", "eth0"), Cable("tester", "t1", "box", "eth1")];
        let lab = Topology { routers: &["tester", "box"], hosts: &[], cables: &cables }.build().expect("root");
        // A veth accepts redirected frames only if its other end has NAPI.
        let gro = segbox_lab::Offload::ReceiveAggregation;
        segbox_lab::set_offload(&lab["box"], "eth0", gro, true).expect("veth has GRO");
        lab["tester"].sysctl("net.ipv6.conf.all.disable_ipv6", "1").expect("there");
        Self { lab, folder: tempfile::tempdir().expect("a folder"), _turn: turn }
    }

    /// The same, with a box that is configured with the output of `--box-file`.
    fn configured(cases: &str) -> Self {
        Self::configured_with(cases, "")
    }

    /// The same, with further lines in lab.toml.
    fn configured_with(cases: &str, more: &str) -> Self {
        let bed = Self::new();
        bed.write(&bed.file(cases, more));
        let text = bed.segbench(&["lab", "--box-file"]);
        assert!(text.status.success(), "{}", said(&text));
        // This machine is not a box: its CPU and its ports must not be tuned.
        let text = String::from_utf8_lossy(&text.stdout).replace("hardware = \"auto\"", "hardware = \"none\"");
        fs::write(bed.path("segbox.toml"), text).expect("written");
        let applied = bed.lab["box"].exec(segbox()).arg("apply").arg(bed.path("segbox.toml")).output();
        let applied = applied.expect("segbox is beside segbench");
        assert!(applied.status.success(), "{}", said(&applied));
        bed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mac(&self, port: &str) -> String {
        self.lab.mac("box", port).map(|byte| format!("{byte:02x}")).join(":")
    }

    /// lab.toml for these cases. `more` is the rest of `[box]` and the whole of `[trial]`.
    fn file(&self, cases: &str, more: &str) -> String {
        format!(
            "cases = [{cases}]\n[tester]\nsend = \"t0\"\nreceive = \"t1\"\nsink = \"tc\"\n[box]\nmac = \"{}\"\nout-mac = \"{}\"\n{more}",
            self.mac("eth0"),
            self.mac("eth1")
        )
    }

    fn write(&self, text: &str) {
        fs::write(self.path("lab.toml"), text).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab["tester"].exec(SEGBENCH);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn segbench(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it starts")
    }

    /// Runs a command in the box or the tester.
    fn run(&self, node: &str, words: &str) -> String {
        let mut words = words.split(' ');
        let output = self.lab[node].exec(words.next().expect("a command")).args(words).output().expect("iproute2");
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// Checks the report of lab.json: it has the result of the search, and it fits a browser's window.
    fn shows_what_was_found(&self) {
        for (format, name, marks) in [
            (&[][..], "lab.html", ["<th>NDR</th><th>PDR</th>", "<th>line</th><th>generator</th>", ", its SID "]),
            (&["--markdown"], "lab.md", ["| NDR | PDR |", "| line | generator |", ", its SID "]),
        ] {
            let output = self.segbench(&[&["report", "lab.json"][..], format].concat());
            assert!(output.status.success(), "{}", said(&output));
            let text = fs::read_to_string(self.path(name)).expect("written");
            for mark in marks {
                assert!(text.contains(mark), "no {mark} in {text}");
            }
            for wrong in ["tenth of the rate", "median of the rounds", "interleaved", "router, links"] {
                assert!(!text.contains(wrong), "{wrong} in {text}");
            }
        }
        browser::fits(&self.path("lab.html"), 3);
    }

    /// Runs `segbench lab` with this file: it must fail with these messages.
    fn refuses(&self, text: &str, told: &[&str]) {
        self.write(text);
        let output = self.segbench(&["lab"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        for told in told {
            assert!(said(&output).contains(told), "no {told:?} in: {}", said(&output));
        }
    }
}

fn segbox() -> PathBuf {
    Path::new(SEGBENCH).with_file_name("segbox")
}

/// A bucket that forwards this many packets per second. It also holds a hundred packets, for a burst of the generator.
fn bucket(verb: &str, packets: u32) -> String {
    let (rate, burst, limit) = (packets * FRAME * 8, 40 * FRAME, 60 * FRAME);
    format!("tc qdisc {verb} dev eth1 root tbf rate {rate}bit burst {burst} limit {limit}")
}

/// `late` is 1 because a machine that runs tests may be late by any time.
const TRIALS: &str = "[trial]\nduration = \"300ms\"\nwarm-up = \"100ms\"\nwait = \"300ms\"\nlow = \"2k\"\nhigh = \"60k\"\nwidth = 0.05\nlate = 1.0\n";

/// One test at a time: a generator that waits for its CPU does not keep a rate.
static TURN: Mutex<()> = Mutex::new(());

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_box_that_loses_is_searched_and_its_counters_agree() {
    let bed = Bed::configured("\"ipv6-forward\", \"end\"");
    bed.run("box", &bucket("add", CAPACITY));
    let status = format!("status = \"ip netns exec {} {} status --json\"\n", bed.lab["box"].name(), segbox().display());
    for method in ["multiple", "binary"] {
        bed.write(&bed.file("\"ipv6-forward\", \"end\"", &format!("{status}{TRIALS}method = \"{method}\"\n")));
        let output = bed.segbench(&["lab", "--json", "lab.json"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("t0 is a virtual port"), "{}", said(&output));
        let run: Value = serde_json::from_slice(&fs::read(bed.path("lab.json")).expect("written")).expect("JSON");
        for case in run["cases"].as_array().expect("a list") {
            found(case);
        }
        let port = &run["environment"]["ports"]["t0"];
        assert_eq!(port["driver"], "veth", "{port}");
        assert!(run["environment"]["segbox"].to_string().contains("the box's: segbox "), "{}", run["environment"]);
        let offloads = port["offloads"].as_array().expect("a list");
        assert!(offloads.iter().any(|name| name == "tx-tcp-segmentation"), "{port}");
    }
    bed.shows_what_was_found();

    // Every rate loses packets, so nothing is searched.
    bed.run("box", &bucket("change", 200));
    let text = fs::read_to_string(bed.path("lab.toml")).expect("written");
    bed.refuses(&text, &["ipv6-forward: ", "before a search no packet may be lost", "even at this rate"]);
}

/// Checks the result of a case, and that every packet of it is accounted for.
fn found(case: &Value) {
    let search = &case["search"];
    assert_eq!(case["valid"], true, "{case}");
    assert!(case["checked"]["samples"].as_u64() > Some(0), "{case}");
    assert_eq!(search["line-rate"], Value::Null, "{case}");
    let [ndr, pdr] = ["ndr", "pdr"].map(|key| search[key].as_f64().expect("found"));
    let capacity = f64::from(CAPACITY) / 1e3;
    assert!(2.0 <= ndr && ndr <= pdr && pdr > 0.8 * capacity, "NDR {ndr}, PDR {pdr} of {capacity}");
    let log = search["log"].as_array().expect("a list");
    // Nothing is sent at a higher rate before the screen has shown that the lowest rate loses nothing.
    assert_eq!((&log[0]["part"], &log[1]["part"]), (&"baseline".into(), &"flat-out".into()), "{search}");
    let part = |name: &'static str| log.iter().filter(move |trial| trial["part"] == name);
    assert_eq!((part("flat-out").count(), part("baseline").count(), part("warm-up").count()), (1, 1, 1), "{search}");
    assert_eq!(part("search").count() as u64, number(&search["trials"]));
    let loss = |trial: &Value| 1.0 - number(&trial["received"]) as f64 / number(&trial["sent"]) as f64;
    assert_eq!(part("baseline").map(loss).sum::<f64>(), 0.0);
    assert!(part("search").any(|trial| loss(trial) > 0.05), "the bucket had no effect: {search}");
    for trial in part("search") {
        // The bucket holds a hundred packets more.
        let most = f64::from(CAPACITY) * (trial["seconds"].as_f64().expect("a number") + 0.1) + 110.0;
        assert!(
            number(&trial["received"]) as f64 <= most,
            "more packets came through than the bucket forwards: {trial}"
        );
    }
    for (rate, kept) in [(ndr, 0.0), (pdr, 0.005)] {
        assert!(part("search").any(|trial| trial["rate"].as_f64() == Some(rate) && loss(trial) <= kept), "{search}");
    }
    // Some rate above the PDR has lost more than that.
    assert!(part("search").any(|trial| trial["rate"].as_f64() > Some(pdr) && loss(trial) > 0.005), "{search}");

    let counted = &search["box"];
    let sum = |key: &str| part("search").chain(part("latency")).map(|trial| number(&trial[key])).sum::<u64>();
    let (sent, received) = (sum("sent"), sum("received"));
    let [came_in, went_out] = ["came-in", "went-out"].map(|key| number(&counted[key]));
    assert!((sent..sent + 30).contains(&came_in), "{sent} sent: {counted}");
    assert!((received..received + 30).contains(&went_out), "{received} received: {counted}");
    if case["case"] == "end" {
        // A packet that the bucket drops is an error of the SID.
        let [sid, errors] = ["sid", "sid-errors"].map(|key| number(&counted[key]));
        assert_eq!((sid, sid + errors), (received, sent), "{counted}");
    }
}

#[test]
fn drivers_without_one_thing_are_measured_with_another() {
    let bed = Bed::configured("\"ipv6-forward\", \"end\"");
    // Three searches of few trials, which a box of any speed passes.
    let trials = TRIALS.replace("60k", "6k").replace("0.05", "0.4") + "method = \"binary\"\nruns = 3\n";
    let file = bed.file("\"ipv6-forward\", \"end\"", &trials);
    bed.write(&file.replace("sink = \"tc\"", "sink = \"xdp\"\nsocket = true"));
    for name in ["one.json", "two.json"] {
        let output = bed.segbench(&["lab", "--json", name]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("end: searching, 6 of 6; about "), "{}", said(&output));
        assert!(said(&output).contains("medians of 3 searches"), "{}", said(&output));
        let run: Value = serde_json::from_slice(&fs::read(bed.path(name)).expect("written")).expect("JSON");
        assert_eq!((&run["settings"]["generator"], &run["settings"]["rounds"]), (&"af-packet".into(), &3.into()));
        for case in run["cases"].as_array().expect("a list") {
            let lists = [&case["kpps"]["rounds"], &case["search"]["ndrs"]].map(|list| list.as_array().map(Vec::len));
            assert_eq!(lists, [Some(3), Some(3)], "{case}");
        }
    }
    // There are enough searches for a verdict, whatever it is.
    let compared = bed.segbench(&["compare", "one.json", "two.json"]);
    assert!(said(&compared).contains("end ") && !said(&compared).contains("too few rounds"), "{}", said(&compared));
}

#[test]
fn a_box_that_asks_for_signatures_is_measured_by_itself() {
    let bed = Bed::new();
    bed.write(&bed.file("\"end-hmac\"", &format!("{TRIALS}method = \"binary\"\n")));
    let text = bed.segbench(&["lab", "--box-file"]);
    let text = String::from_utf8_lossy(&text.stdout).replace("hardware = \"auto\"", "hardware = \"none\"");
    // The command in the file's first line.
    let command =
        text.lines().next().and_then(|line| line.split_once("in the folder of this file: ")).expect("a remark").1;
    let made = Command::new("sh").args(["-c", command]).current_dir(bed.folder.path()).status().expect("sh");
    assert!(made.success(), "{command}");
    fs::write(bed.path("segbox.toml"), &text).expect("written");
    let applied = bed.lab["box"].exec(segbox()).arg("apply").arg(bed.path("segbox.toml")).output();
    let applied = applied.expect("segbox is beside segbench");
    assert!(applied.status.success(), "{}", said(&applied));
    let output = bed.segbench(&["lab", "--json", "lab.json"]);
    assert!(output.status.success(), "{}", said(&output));
    bed.refuses(&bed.file("\"end-hmac\", \"end\"", TRIALS), &["end-hmac and end", "not signed", "separate lab.toml"]);
}

#[test]
fn an_interpreted_program_is_none_that_the_jit_has_made_code_of() {
    let bed = Bed::configured("\"end-bpf-noop-nojit\"");
    let status = format!("status = \"ip netns exec {} {} status --json\"\n", bed.lab["box"].name(), segbox().display());
    let of = |case: &str| bed.file(&format!("\"{case}\""), &format!("{status}{TRIALS}"));
    // One of the two is refused, with the JIT on or off.
    let jit = fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").expect("there");
    let (refused, found) =
        if jit.trim() == "0" { ("end-bpf-noop", "interpreted") } else { ("end-bpf-noop-nojit", "machine code") };
    bed.refuses(&of(refused), &[refused, found, "segbox clear"]);
}

/// The cases that docs/lab.md measures: a box accepts the file for them.
fn cases_of_the_page() -> String {
    let page = include_str!("../../docs/lab.md");
    let list =
        page.split_once("cases = [").and_then(|(_, rest)| rest.split_once(']')).expect("the page has a lab.toml");
    format!("\"end\", {}", list.0.replace("\"end\",", ""))
}

#[test]
fn what_is_wrong_is_told_before_anything_is_measured() {
    let bed = Bed::configured(&cases_of_the_page());
    let good = bed.file("\"end\"", TRIALS);
    let with = |from: &str, to: &str| good.replace(from, to);
    bed.refuses(&with("\"t1\"", "\"t0\""), &["t0 twice"]);
    bed.refuses(&with("\"t1\"", "\"t9\""), &["no port t9", "it has t0, t1"]);
    bed.refuses(&with("\"t0\"", "\"lo\""), &["driver of lo", "cannot run the XDP program", "socket = true"]);
    bed.refuses(
        &with("\"t1\"\nsink = \"tc\"", "\"lo\""),
        &["driver of lo", "cannot run the XDP program", "sink = \"tc\""],
    );
    bed.refuses(&with(&bed.mac("eth0"), "02:00:00:00:99:99"), &["answers on t0", "02:00:00:00:99:99"]);
    bed.refuses(&with("send = \"t0\"\nreceive = \"t1\"", "send = \"t1\"\nreceive = \"t0\""), &["cables are swapped"]);
    bed.refuses(&with("[trial]", "status = \"ls /nonexistent\"\n[trial]"), &["[box] status", "No such file"]);
    bed.refuses(&with("low = \"2k\"", "low = \"60k\""), &["low is 60 kpps", "nothing between"]);
    bed.refuses(&with("\"end\"", "\"end-x\""), &["end-x: ", "packets that come back are wrong", "fc00:0:2:3::"]);

    fs::set_permissions(bed.folder.path(), PermissionsExt::from_mode(0o755)).expect("ours");
    // Another process makes the copy: if this one did, a child that another test forks meanwhile would hold it open for writing,
    // and the kernel would refuse to start it.
    assert!(Command::new("cp").arg(SEGBENCH).arg(bed.path("segbench")).status().expect("coreutils").success());
    bed.write(&good);
    let mut nobody = Command::new(bed.path("segbench"));
    let output = nobody.args(["lab"]).arg(bed.path("lab.toml")).uid(65534).gid(65534).output().expect("it starts");
    assert!(!output.status.success() && said(&output).contains("needs root"), "{}", said(&output));

    bed.run("tester", "ip link set t0 down");
    bed.refuses(&good, &["t0 is down", "ip link set t0 up"]);
    bed.run("tester", "ip link set t0 up");
    bed.run("box", "ip link set eth1 down");
    bed.refuses(&good, &["t1 has no link"]);
    // The cables are right, and the box has no configuration.
    bed.run("box", "ip link set eth1 up");
    for port in ["eth0", "eth1"] {
        bed.run("box", &format!("ip address flush dev {port}"));
    }
    bed.refuses(&good, &["0 arrived", "no answer on t0 and t1"]);
}

#[test]
fn a_case_that_makes_packets_longer_gets_ports_that_carry_them() {
    const CASES: &str = "\"headend-seg6-encap\", \"end\"";
    let size = "[traffic]\nsize = \"1500\"\n";
    let bed = Bed::configured_with(CASES, size);
    // A path of two segments around a packet of 1500 bytes. Packets to the box fit without a change.
    let text = fs::read_to_string(bed.path("segbox.toml")).expect("written");
    assert_eq!(text.matches("mtu = ").count(), 1, "{text}");
    assert!(bed.run("box", "ip link show eth1").contains("mtu 1580"), "{text}");

    let good = bed.file(CASES, &format!("{size}{TRIALS}method = \"binary\"\n"));
    bed.refuses(&good, &["port t1 has an MTU of 1500", "up to 1580", "ip link set t1 mtu 1580"]);
    bed.run("tester", "ip link set t1 mtu 1580");
    bed.run("tester", "ip link set t0 mtu 1499");
    bed.refuses(&good, &["port t0 has an MTU of 1499", "up to 1500"]);
    bed.run("tester", "ip link set t0 mtu 1500");
    bed.refuses(&good.replace("1500", "9000"), &["longer than", "use shorter packets"]);
    bed.write(&good);
    let output = bed.segbench(&["lab", "--json", "lab.json"]);
    assert!(output.status.success(), "{}", said(&output));
    let run: Value = serde_json::from_slice(&fs::read(bed.path("lab.json")).expect("written")).expect("JSON");
    assert_eq!(run["cases"][0]["frame_bytes"], 1514.0, "{run}");

    // A box with too small an MTU loses all of them, and the message names the cause.
    bed.run("box", "ip link set eth1 mtu 1500");
    bed.refuses(&good, &["0 arrived", "mtu"]);
}

#[test]
fn ctrl_c_keeps_the_finished_cases_and_frees_the_ports() {
    let bed = Bed::configured("\"ipv6-forward\", \"end\"");
    // Long enough that the second run starts and ends before the first one is finished.
    let trials = TRIALS.replace("duration = \"300ms\"", "duration = \"1s\"");
    bed.write(&bed.file("\"ipv6-forward\", \"end\"", &format!("{trials}method = \"binary\"\n")));
    let mut first = bed.command(&["lab", "--json", "lab.json"]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(first.stderr.take().expect("piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    assert!(lines.by_ref().any(|line| line.contains("ipv6-forward: searching, 1 of 2; about ")));
    // Two runs at a time would count each other's packets.
    let second = bed.segbench(&["lab"]);
    assert_eq!(second.status.code(), Some(1), "{}", said(&second));
    assert!(said(&second).contains("t0 has an XDP program already"), "{}", said(&second));

    assert!(lines.by_ref().any(|line| line.contains("end: searching")));
    // `ip netns exec` becomes the program, so it is the same process.
    let killed = Command::new("kill").args(["-INT", &first.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let rest: Vec<_> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("interrupted: 1 of 2 cases")), "{rest:?}");
    assert_eq!(first.wait().expect("it ends").code(), Some(0), "the finished case is valid");
    let run: Value = serde_json::from_slice(&fs::read(bed.path("lab.json")).expect("written")).expect("JSON");
    assert_eq!(run["settings"]["interrupted"], true);
    let cases = run["cases"].as_array().expect("a list");
    assert_eq!(cases.iter().map(|case| &case["case"]).collect::<Vec<_>>(), ["ipv6-forward"]);
    for port in ["t0", "t1"] {
        let link = bed.run("tester", &format!("ip -details link show {port}"));
        assert!(!link.contains("xdp"), "{link}");
        let qdiscs = bed.run("tester", &format!("tc qdisc show dev {port}"));
        assert!(!qdiscs.contains("clsact"), "{qdiscs}");
    }
}
