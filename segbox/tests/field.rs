//! The networks of `config/examples/field`: networks that others teach and test SRv6 with, as files of segbox. Each is built, each router gets
//! its file by `segbox apply`, and the hosts ping each other both ways. Not here: packets compared byte by byte (`selftest_mesh`).
#![expect(clippy::expect_used, reason = "a test stops on a surprise")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use segbox_lab::{Cable, Host, Lab, Namespace, Topology};
use serde::Deserialize;

use support::routers::ip;
use support::segbox::{apply, run, segbox, status};

/// `network.toml` of a network.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    /// Where it comes from.
    source: String,
    /// What is another way than there.
    changed: Vec<String>,
    /// Each has its file beside this one.
    routers: Vec<String>,
    cables: Vec<[String; 4]>,
    #[serde(default, rename = "host")]
    hosts: Vec<Station>,
    /// Node, destination, and the source address if it matters.
    pings: Vec<Vec<String>>,
    /// Router and SID: the pings pass them.
    sids: Vec<[String; 2]>,
}

/// A host.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Station {
    name: String,
    interface: String,
    addresses: Vec<String>,
    #[serde(default)]
    gateways: Vec<String>,
    /// `PREFIX via ADDRESS`
    #[serde(default)]
    routes: Vec<String>,
    mac: Option<String>,
}

fn field() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/examples/field")
}

fn read(folder: &Path) -> Network {
    let text = fs::read_to_string(folder.join("network.toml")).expect("each network has a network.toml");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

impl Network {
    /// The network, with its routers configured by their files.
    fn build(&self, folder: &Path) -> Lab {
        let lists: Vec<_> = self.hosts.iter().map(|host| [texts(&host.addresses), texts(&host.gateways)]).collect();
        let hosts: Vec<Host<'_>> = self
            .hosts
            .iter()
            .zip(&lists)
            .map(|(host, [addresses, gateways])| Host {
                name: &host.name,
                interface: &host.interface,
                addresses,
                gateways,
            })
            .collect();
        let cables: Vec<Cable<'_>> = self.cables.iter().map(|[a, b, c, d]| Cable(a, b, c, d)).collect();
        let topology = Topology { routers: &texts(&self.routers), hosts: &hosts, cables: &cables };
        let lab = topology.build().expect("this test makes network namespaces: run it as root");
        for host in &self.hosts {
            host.equip(&lab[&host.name]);
        }
        for router in &self.routers {
            let file = folder.join(format!("{router}.toml"));
            let check = segbox(&lab[router], ["check".as_ref(), file.as_os_str()]);
            assert_eq!(check.err, "", "{router}: an example gives no warning");
            apply(&lab[router], &file);
        }
        lab
    }
}

impl Station {
    fn equip(&self, namespace: &Namespace) {
        if let Some(mac) = &self.mac {
            ip(namespace, &format!("link set {} address {mac}", self.interface));
        }
        for route in &self.routes {
            ip(namespace, &format!("route add {route}"));
        }
    }
}

/// The SIDs of every router: where a packet ended.
fn counters(network: &Network, lab: &Lab) -> String {
    let sids = |router: &String| format!("{router}: {}\n", status(&lab[router])["sids"]);
    network.routers.iter().map(sids).collect()
}

fn ping(network: &Network, lab: &Lab, words: &[String]) {
    let [from, to, source @ ..] = words else { panic!("a ping needs two ends: {words:?}") };
    let mut ping = lab[from].command("ping").expect("the namespace is there");
    ping.args(["-n", "-c", "3", "-i", "0.2", "-W", "2", to]);
    ping.args(source.iter().flat_map(|source| ["-I", source]));
    let done = run(&mut ping);
    if !done.out.contains(" 0% packet loss") {
        panic!("ping from {from} to {to}:\n{}{}{}", done.out, done.err, counters(network, lab));
    }
}

/// Builds a network, pings, and looks at the SIDs.
fn holds(name: &str) {
    let folder = field().join(name);
    let network = read(&folder);
    assert!(!network.source.is_empty() && network.changed.iter().all(|line| !line.is_empty()));
    let lab = network.build(&folder);
    for words in &network.pings {
        ping(&network, &lab, words);
    }
    for [router, sid] in &network.sids {
        let status = status(&lab[router]);
        let found = status["sids"].as_array().and_then(|all| all.iter().find(|one| one["sid"] == **sid));
        let found = found.unwrap_or_else(|| panic!("{router} has no SID {sid}: {}", status["sids"]));
        assert!(found["packets"].as_u64().is_some_and(|packets| packets > 0), "{router}: no packet passed {found}");
        assert_eq!(found["errors"], 0, "{router}: {found}");
    }
    for router in &network.routers {
        assert_eq!(status(&lab[router])["deviations"].as_array().map(Vec::len), Some(0), "{router}");
        let clear = segbox(&lab[router], ["clear"]);
        assert_eq!(clear.code, Some(0), "{router}: {}{}", clear.out, clear.err);
    }
}

/// A test for each network, and one that says so of a folder without a test.
macro_rules! networks {
    ($($test:ident: $folder:literal,)+) => {
        $(#[test]
        fn $test() {
            holds($folder);
        })+

        #[test]
        fn every_network_has_its_test() {
            let entries = fs::read_dir(field()).expect("the folder is there");
            let mut found: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
            found.retain(|path| path.is_dir());
            found.sort();
            let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
            assert_eq!(names, [$($folder),+]);
        }
    };
}

networks! {
    containerlab_usid_clos: "containerlab-usid-clos",
    linux_end_x_next_csid: "linux-end-x-next-csid",
    linux_flavors: "linux-flavors",
    linux_hencap_red: "linux-hencap-red",
    linux_hl2encap_red: "linux-hl2encap-red",
    linux_next_csid: "linux-next-csid",
    netgroup_eight_routers: "netgroup-eight-routers",
    netlab_inter_as: "netlab-inter-as",
    netlab_ipv4_islands: "netlab-ipv4-islands",
    netlab_ipv6_islands: "netlab-ipv6-islands",
}
