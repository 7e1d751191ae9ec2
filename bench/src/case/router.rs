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
    /// What needs VRF devices.
    Vrf,
    /// Programs, interpreted.
    NoJit,
    /// So many SIDs.
    Sids(u32),
    /// So many policies.
    Policies(u32),
}

/// Ethernet address of the sink's port, which the routers' files name. The laboratory gives it to the second cable's
/// second end.
pub(crate) const SINK_MAC: &str = "02:00:00:00:02:02";

/// Both ports, and the way to the sink for everything.
const HEAD: &str = r#"
[system]
hardware = "none"

[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/26"]
srv6 = true

[interface.eth1]
addresses = ["2001:db8:2::1/64", "192.0.2.65/26"]
srv6 = true

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

[[route]]
destination = "198.51.100.0/24"
via = "192.0.2.66"

[srv6]
source = "fc00:0:2::1"
"#;

/// eth1 lies in the VRF, with the way to the sink.
const VRF_HEAD: &str = r#"
[system]
hardware = "none"

[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/26"]
srv6 = true

[interface.eth1]
addresses = ["2001:db8:2::1/64", "192.0.2.65/26"]
srv6 = true

[vrf.blue]
table = 100
interfaces = ["eth1"]

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
vrf = "blue"

[[route]]
destination = "198.51.100.0/24"
via = "192.0.2.66"
interface = "eth1"
vrf = "blue"

[srv6]
source = "fc00:0:2::1"
"#;

/// The file of a router with these cases; `sink` is the Ethernet address behind its second port.
pub(crate) fn toml(kind: RouterKind, cases: &[Case], sink: &str) -> String {
    let head = if kind == RouterKind::Vrf { VRF_HEAD } else { HEAD };
    with_cases(head.replace("SINK", sink), cases)
}

/// The file of a box whose ports have these names: the same, and the hardware as its profile has it.
pub(crate) fn toml_of_box(cases: &[Case], sink: &str, ports: &[String; 2]) -> String {
    let text = with_cases(HEAD.replace("SINK", sink), cases).replace("hardware = \"none\"", "hardware = \"auto\"");
    // By way of words that no name is, lest a box with swapped names get one port twice.
    text.replace("eth0", "\u{1}").replace("eth1", "\u{2}").replace('\u{1}', &ports[0]).replace('\u{2}', &ports[1])
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
