//! The routers that cases are measured on, and their segbox.toml. All cases of a router are in one file, so the rounds go
//! from case to case without a change of the router.

use super::Case;

/// A router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RouterKind {
    /// No router: generator and sink with a cable between them. Its times are those of the harness.
    Direct,
    /// The same, with the sink in the driver.
    DirectXdp,
    /// Behaviors, policies, programs.
    Main,
    /// The behaviors and policies of the fast path.
    FastPath,
    /// Cases that need HMAC keys. Its first port drops every packet with an unsigned SRH.
    Signed,
    /// Cases that need VRF devices.
    Vrf,
    /// Headends that lower the hop limit of what they encapsulate.
    HopLimit,
    /// The filters that a file without a policy has by default.
    Edge,
    /// All filters that a file has by default.
    Filters,
    /// Interpreted programs.
    NoJit,
    /// This many SIDs.
    Sids(u32),
    /// This many policies.
    Policies(u32),
}

impl RouterKind {
    /// Whether a kernel may be built without what this router needs.
    pub(crate) fn may_lack(self) -> bool {
        matches!(
            self,
            Self::Signed | Self::Vrf | Self::HopLimit | Self::Edge | Self::Filters | Self::NoJit | Self::FastPath
        )
    }
}

/// Ethernet address of the sink's port, which the routers' files name. The laboratory gives it to the second end of the
/// second cable.
pub(crate) const SINK_MAC: &str = "02:00:00:00:02:02";

/// Largest packet between router and sink, in bytes: one of 1500 bytes with the longest measured path around it.
pub(crate) const MTU: u32 = 2000;

/// The file next to the router's file that has the secret of its HMAC key.
pub(crate) const SECRET_FILE: &str = "hmac-7.key";

/// Everything that differs between a router in a namespace and a box.
struct Router<'a> {
    /// The hardware profile.
    hardware: &'a str,
    /// Names of its ports, in the direction of the packets.
    ports: [&'a str; 2],
    /// MTUs of the ports, if they must be set.
    mtus: [Option<u32>; 2],
    /// Ethernet address behind the second port.
    sink: &'a str,
}

/// Names of the second port and its VRF in the cases' parts of the file.
const SECOND: &str = "\"eth1\"";
const VRF: &str = "blue";

/// The file of a router in a namespace with these cases. `sink` is the Ethernet address behind its second port.
pub(crate) fn toml(kind: RouterKind, cases: &[Case], sink: &str) -> String {
    file(kind, cases, &Router { hardware: "none", ports: ["eth0", "eth1"], mtus: [None, Some(MTU)], sink })
}

/// The file of a box with these cases, which one box can have together. Its hardware profile decides about tuning.
pub(crate) fn toml_of_box(cases: &[Case], sink: &str, ports: &[String; 2], mtus: [Option<u32>; 2]) -> String {
    let kind = cases.first().map_or(RouterKind::Main, |case| case.router);
    file(kind, cases, &Router { hardware: "auto", ports: [&ports[0], &ports[1]], mtus, sink })
}

/// Two ports, a route to the sink for every packet, and the cases.
fn file(kind: RouterKind, cases: &[Case], router: &Router<'_>) -> String {
    let [first, second] = router.ports;
    let mtu = router.mtus.map(|mtu| mtu.map_or_else(String::new, |mtu| format!("mtu = {mtu}\n")));
    let hmac = if kind == RouterKind::Signed { "hmac = \"require\"\n" } else { "" };
    // Generator and sink compute their checksums themselves, so a veth can have it.
    let xdp = if kind == RouterKind::FastPath { "xdp = \"native\"\n" } else { "" };
    let mut text = format!("\n[system]\nhardware = \"{}\"\n", router.hardware);
    text += &interface(first, ["2001:db8:1::1/64", "192.0.2.1/26"], &format!("{}{hmac}{xdp}", mtu[0]));
    text += &interface(second, ["2001:db8:2::1/64", "192.0.2.65/26"], &format!("{}{xdp}", mtu[1]));
    for address in ["2001:db8:2::2", "192.0.2.66"] {
        text +=
            &format!("\n[[neighbor]]\naddress = \"{address}\"\nmac = \"{}\"\ninterface = \"{second}\"\n", router.sink);
    }
    let vrf = if kind == RouterKind::Vrf { format!("vrf = \"{VRF}\"\n") } else { String::new() };
    for (destination, via) in [("::/0", "2001:db8:2::2"), ("198.51.100.0/24", "192.0.2.66")] {
        text +=
            &format!("\n[[route]]\ndestination = \"{destination}\"\nvia = \"{via}\"\ninterface = \"{second}\"\n{vrf}");
    }
    text += "\n[srv6]\nsource = \"fc00:0:2::1\"\n";
    text += match kind {
        RouterKind::Edge | RouterKind::Filters => "locator = \"fc00:0:2::/48\"\n",
        // The published figures were measured without filters (docs/filters.md says what they cost).
        _ => "edge-filter = false\nmss-clamp = false\ndscp = \"zero\"\n",
    };
    match kind {
        RouterKind::HopLimit => text += "hop-limit = \"rfc\"\n",
        RouterKind::FastPath => text += "fast-path = \"xdp\"\n",
        RouterKind::Signed => {
            text += &format!("\n[srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"{SECRET_FILE}\"\n");
        }
        RouterKind::Vrf => text += &format!("\n[vrf.{VRF}]\ntable = 100\ninterfaces = [\"{second}\"]\n"),
        _ => {}
    }
    for (place, case) in cases.iter().enumerate() {
        // Several cases of a router may have the same part of the file: one SID, and different packets.
        if cases[..place].iter().all(|before| before.toml != case.toml) {
            text += &case.toml.replace(SECOND, &format!("\"{second}\""));
        }
    }
    text
}

fn interface(name: &str, addresses: [&str; 2], more: &str) -> String {
    let [v6, v4] = addresses;
    format!("\n[interface.{name}]\naddresses = [\"{v6}\", \"{v4}\"]\nsrv6 = true\n{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_have_the_names_the_other_way_round() {
        let cases: Vec<Case> = crate::case::all().into_iter().filter(|case| case.id == "end-dx2").collect();
        let text = toml_of_box(&cases, SINK_MAC, &["eth1", "eth0"].map(str::to_owned), [None, Some(1580)]);
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
        assert!(place("[interface.eth1]\naddresses = [\"2001:db8:1::1/64\"") < place("[interface.eth0]"));
        assert!(text.contains("srv6 = true\nmtu = 1580\n\n[[neighbor]]") && text.contains("hardware = \"auto\""));
        assert!(!text[place("[[neighbor]]")..].contains("eth1"), "all that follows is about the second port: {text}");
    }
}
