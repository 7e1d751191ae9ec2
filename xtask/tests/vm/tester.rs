//! Two machines and two cables: the image as a box, and the same image with the tester's archive behind its initrd, which
//! searches the box's throughput from its console. The cables are taps on a bridge, which lose what a box does not take in
//! time. Rates and counts are compared with each other. Not here: how fast anything is.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use segbox_lab::{Mac, Namespace};
use segbox_vm::{Boot, FW_CFG, Model, Port, Router, image, machine, turns};
use serde_json::Value;

const TESTER: [Mac; 2] = [[0x52, 0x54, 0, 0, 1, 1], [0x52, 0x54, 0, 0, 1, 2]];
const BOX: [Mac; 2] = [[0x52, 0x54, 0, 0, 2, 1], [0x52, 0x54, 0, 0, 2, 2]];
/// Brings the ports up and says who this is; it routes nothing.
const TESTER_FILE: &str = "[system]\nhostname = \"tester\"\nhardware = \"none\"\n[interface.eth0]\n[interface.eth1]\n";
/// An emulated box forwards `low` on a busy machine as well. An emulated tester may be late by any time.
const LAB_FILE: &str = r#"
cases = ["end-bpf-add-tlv8"]
[tester]
send = "eth0"
receive = "eth1"
[box]
mac = "52:54:00:00:02:01"
out-mac = "52:54:00:00:02:02"
[trial]
duration = "500ms"
warm-up = "300ms"
low = "300"
width = 0.2
late = 1.0
"#;
/// Longest search on a machine that does other things too.
const SEARCH: Duration = Duration::from_secs(480);

fn ports<'a>(cables: &'a [Namespace; 2], name: &'a str, macs: [Mac; 2]) -> Vec<Port<'a>> {
    let port = |(namespace, mac)| Port { namespace, interface: name, mac, model: Model::Virtio, queues: 1 };
    cables.iter().zip(macs).map(port).collect()
}

fn ip(namespace: &Namespace, words: &str) {
    let mut command = Command::new("ip");
    let status = command.args(["-n", namespace.name()]).args(words.split(' ')).status().expect("iproute2");
    assert!(status.success(), "ip {words}");
}

/// Puts the taps that are there on the bridges.
fn plug(cables: &[Namespace; 2], tap: &str) {
    for cable in cables {
        ip(cable, &format!("link set {tap} master cable"));
    }
}

fn concatenated(folder: &Path) -> std::path::PathBuf {
    let parts = ["initrd", "tester.cpio.zst"].map(|name| fs::read(image(name)).expect("of the image"));
    let path = folder.join("initrd");
    fs::write(&path, parts.concat()).expect("written");
    path
}

#[test]
fn slow_a_box_is_searched_by_a_tester_and_both_count_the_same() {
    let _turn = turns(2);
    let tools = image("tools");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let cables = ["send", "receive"].map(|name| Namespace::new(name).expect("root"));
    for cable in &cables {
        ip(cable, "link add cable type bridge mcast_snooping 0");
        ip(cable, "link set cable up");
    }

    let mut tester = machine(&tools, "");
    if let Boot::Direct { initrd, .. } = &mut tester.boot {
        *initrd = concatenated(folder.path());
    }
    tester.files.push((FW_CFG.to_owned(), file("tester.toml", TESTER_FILE)));
    tester.files.push(("opt/org.segbox/lab.toml".to_owned(), file("lab.toml", LAB_FILE)));
    tester.ports = ports(&cables, "tester", TESTER);
    let mut tester = Router::boot(&tester);
    plug(&cables, "tester");
    assert!(tester.answer("help").contains("segbench lab"), "the console offers the tester");

    // The box's file comes from the tester, which knows its port's address.
    let printed = tester.answer("segbench lab --box-file").replace('\r', "");
    let text = printed.split_once('\n').expect("the echo first").1;
    assert!(text.contains("52:54:00:00:01:02") && text.contains("[[srv6.sid]]"), "{text}");
    let mut router = machine(&tools, "");
    router.files.push((FW_CFG.to_owned(), file("box.toml", text)));
    router.ports = ports(&cables, "box", BOX);
    let mut router = Router::boot(&router);
    plug(&cables, "box");
    assert!(router.screen.contains("good: configured from"), "{}", router.screen);
    assert!(!router.answer("help").contains("segbench"), "a box does not measure");

    let before = Counts::of(&router.status());
    let said = tester.answer_within("segbench lab --json -", SEARCH);
    let result = said.find("{\"environment\"").and_then(|from| said.get(from..=said.rfind('}')?));
    let result: Value = serde_json::from_str(result.unwrap_or_else(|| panic!("no result in: {said}"))).expect("JSON");
    let after = Counts::of(&router.status());

    let case = &result["cases"][0];
    let search = &case["search"];
    let rate = |key: &str| search[key].as_f64().unwrap_or_else(|| panic!("no {key}: {search}"));
    let (ndr, pdr, generator) = (rate("ndr"), rate("pdr"), rate("generator-rate"));
    assert!(0.3 <= ndr && ndr <= pdr && pdr <= generator, "NDR {ndr}, PDR {pdr}, generator {generator}");
    // Received packets are the model's, byte for byte.
    assert_eq!((case["valid"].as_bool(), &case["faults"]), (Some(true), &Value::Null), "{case}");
    assert!(case["checked"]["samples"].as_u64() > Some(0), "{case}");

    let log = search["log"].as_array().expect("a list");
    let number = |trial: &Value, key: &str| trial[key].as_u64().unwrap_or_else(|| panic!("{key} of {trial}"));
    let sum = |key: &str| log.iter().map(|trial| number(trial, key)).sum::<u64>();
    let baseline = log.iter().find(|trial| trial["part"] == "baseline").expect("it is the first");
    assert_eq!(number(baseline, "sent"), number(baseline, "received"), "{baseline}");
    for (kept, found) in [(0.0, ndr), (0.005, pdr)] {
        let seen = log.iter().any(|trial| {
            let lost = 1.0 - number(trial, "received") as f64 / number(trial, "sent") as f64;
            trial["rate"].as_f64() == Some(found) && lost <= kept
        });
        assert!(seen, "no trial at {found} kpps lost at most {kept}: {search}");
    }
    // At no rate up to the NDR a trial of the whole length lost one.
    for trial in log.iter().filter(|trial| trial["part"] == "search") {
        let (rate, sent) = (trial["rate"].as_f64().expect("a rate"), number(trial, "sent"));
        let is_whole = sent >= (rate * 1e3 * 0.49) as u64;
        assert!(!is_whole || rate > ndr || number(trial, "received") == sent, "NDR {ndr}: {trial}");
    }
    // Every packet that the tester ever sent, at each place that it passed. The kernels' own are a few.
    let own = 60;
    let [came_in, sid, went_out] = [0, 1, 2].map(|place| after.0[place] - before.0[place]);
    let (sent, received) = (sum("sent"), sum("received"));
    let told = format!("{sent} sent, {came_in} came in, {sid} at the SID, {went_out} went out, {received} received");
    // A packet that the box's queue behind its port did not take is the box's drop, and does not reach the SID.
    let dropped = after.0[3] - before.0[3];
    assert!(came_in <= sent + own && sid <= came_in && came_in <= sid + dropped + own, "{told}, {dropped} dropped");
    assert!(went_out <= sid + own && received <= went_out, "{told}");
    assert!(received > 0 && sid > 0, "{told}");
}

/// Packets that came in at eth0, that the SID forwarded, that left eth1, and that eth0 dropped.
struct Counts([u64; 4]);

impl Counts {
    fn of(status: &Value) -> Self {
        let link = |name: &str, key: &str| {
            let links = status["links"].as_array().expect("a list");
            links.iter().find(|link| link["name"] == name).and_then(|link| link[key].as_u64()).expect("counted")
        };
        let sid = status["sids"][0]["packets"].as_u64().expect("counted");
        Self([link("eth0", "rx-packets"), sid, link("eth1", "tx-packets"), link("eth0", "rx-dropped")])
    }
}
