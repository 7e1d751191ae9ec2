//! The routers that cases are measured on, and their files. All of a router's cases are in one file: so the rounds go
//! from case to case without a change of the router.

use super::Case;

/// A router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RouterKind {
    /// None: generator and sink, with a cable between them. What they cost themselves.
    Direct,
    /// Behaviors, policies, programs.
    Main,
    /// What needs HMAC keys; its first port takes nothing with an unsigned SRH.
    Signed,
    /// What needs VRF devices.
    Vrf,
    /// Programs, interpreted.
    NoJit,
    /// So many SIDs.
    Sids(u32),
    /// So many policies.
    Policies(u32),
}

impl RouterKind {
    /// Whether a kernel may be built without what this router needs.
    pub(crate) fn may_lack(self) -> bool {
        matches!(self, Self::Signed | Self::Vrf | Self::NoJit)
    }
}

/// Ethernet address of the sink's port, which the routers' files name. The laboratory gives it to the second cable's
/// second end.
pub(crate) const SINK_MAC: &str = "02:00:00:00:02:02";

/// Largest packet between router and sink, in bytes: one of 1500 with the longest path that is measured around it.
pub(crate) const MTU: u32 = 2000;

/// The file beside the router's that has the secret of its HMAC key.
pub(crate) const SECRET_FILE: &str = "hmac-7.key";

/// Both ports, and the way to the sink for everything. `FIRST`, `SECOND`, `SINK` and `TABLE` differ from router to router.
const HEAD: &str = r#"
[system]
hardware = "none"

[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/26"]
srv6 = true
FIRST
[interface.eth1]
addresses = ["2001:db8:2::1/64", "192.0.2.65/26"]
srv6 = true
SECOND
[[neighbor]]
address = "2001:db8:2::2"
mac = "SINK"
interface = "eth1"

[[neighbor]]
address = "192.0.2.66"
mac = "SINK"
interface = "eth1"

[[route]]
destination = "::/0"
via = "2001:db8:2::2"
interface = "eth1"
TABLE
[[route]]
destination = "198.51.100.0/24"
via = "192.0.2.66"
interface = "eth1"
TABLE
[srv6]
source = "fc00:0:2::1"
"#;

/// The key that signs and is asked for.
const KEY: &str = "\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"hmac-7.key\"\n";

/// The file of a router with these cases; `sink` is the Ethernet address behind its second port.
pub(crate) fn toml(kind: RouterKind, cases: &[Case], sink: &str) -> String {
    with_cases(head_of(kind, sink, "", &format!("mtu = {MTU}\n")), cases)
}

/// What a router's file begins with; `first` and `second`: the MTUs of its ports.
fn head_of(kind: RouterKind, sink: &str, first: &str, second: &str) -> String {
    match kind {
        RouterKind::Signed => head(sink, &format!("{first}hmac = \"require\"\n"), second, "") + KEY,
        RouterKind::Vrf => {
            let vrf = "\n[vrf.blue]\ntable = 100\ninterfaces = [\"eth1\"]\n";
            head(sink, first, second, "vrf = \"blue\"\n") + vrf
        }
        _ => head(sink, first, second, ""),
    }
}

/// The file of a box whose ports have these names and, where they need one, this MTU: the same, but for the hardware, which is
/// as its profile has it. The cases are such as one box can have.
pub(crate) fn toml_of_box(cases: &[Case], sink: &str, ports: &[String; 2], mtus: [Option<u32>; 2]) -> String {
    let [first, second] = mtus.map(|mtu| mtu.map_or_else(String::new, |mtu| format!("mtu = {mtu}\n")));
    let kind = cases.first().map_or(RouterKind::Main, |case| case.router);
    let text =
        with_cases(head_of(kind, sink, &first, &second), cases).replace("hardware = \"none\"", "hardware = \"auto\"");
    // By way of words that no name is, lest a box with swapped names get one port twice.
    text.replace("eth0", "\u{1}").replace("eth1", "\u{2}").replace('\u{1}', &ports[0]).replace('\u{2}', &ports[1])
}

/// `first` and `second`: what else the ports have.
fn head(sink: &str, first: &str, second: &str, table: &str) -> String {
    HEAD.replace("SINK", sink)
        .replace("FIRST\n", &format!("{first}\n"))
        .replace("SECOND\n", &format!("{second}\n"))
        .replace("TABLE\n", &format!("{table}\n"))
}

fn with_cases(mut text: String, cases: &[Case]) -> String {
    for (place, case) in cases.iter().enumerate() {
        // Cases of one router may be the same to it: the same SID with other packets.
        if cases[..place].iter().all(|before| before.toml != case.toml) {
            text += &case.toml;
        }
    }
    text
}
