//! Every example has no faults, and no warnings but those that it is meant to show.
#![expect(clippy::expect_used, reason = "a test stops on a surprise")]

mod support;

use segbox_config::{Config, LinkSeen, read};

fn config(name: &str) -> (Config, String) {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the example is there");
    let mut surroundings = support::surroundings();
    // The ports of the VPNs' edges.
    let ports = [
        ("enp5s1", "52:54:00:12:00:01"),
        ("enp5s2", "52:54:00:12:00:02"),
        ("enp5s3", "52:54:00:12:00:03"),
        ("enp5s4", "52:54:00:12:00:04"),
    ];
    surroundings.links.get_or_insert_default().extend(
        ports
            .into_iter()
            .chain(["site1", "eth4", "eth5"].map(|name| (name, "")))
            .map(|(name, mac)| LinkSeen { mac: mac.parse().ok(), ..LinkSeen::named(name.parse().expect("a name")) }),
    );
    let checked = read(text, name).resolve(&surroundings).expect("the example has no fault");
    (checked.config, checked.warnings.to_string())
}

#[test]
fn the_demo_s_routers_lead_there_and_back() {
    for name in ["r1.toml", "r2.toml", "r3.toml"] {
        let (config, warnings) = config(name);
        assert_eq!(warnings, "", "{name}");
        assert_eq!(config.system.hostname.as_deref(), name.strip_suffix(".toml"));
        assert!(config.sids.len() >= 3 && config.interfaces.len() == 2 && config.routes.len() == 2, "{name}");
    }
}

#[test]
fn the_full_example_says_everything() {
    let (config, warnings) = config("full.toml");
    assert_eq!(warnings.lines().count(), 1, "only the route that stands in: {warnings}");
    let behaviors: std::collections::BTreeSet<_> = config.sids.iter().map(|sid| sid.endpoint.behavior.name()).collect();
    assert_eq!(behaviors.len(), segbox_config::behavior::ENDPOINTS.len());
    assert_eq!(config.policies.len(), segbox_config::behavior::HEADENDS.len());
    assert_eq!(config.programs["classify"].rows["classes"].len(), 2);
    assert_eq!(config.programs["stamp"].globals["tlv_type"], [124]);
    assert_eq!(config.hmac_keys[&7].secret.len(), 32);
}

#[test]
fn the_l3_vpn_s_edge_keeps_two_customers_apart() {
    let (config, warnings) = config("l3vpn.toml");
    assert_eq!(warnings, "");
    assert_eq!(config.policies.iter().map(|policy| policy.table).collect::<Vec<_>>(), [100, 100, 200, 200, 200]);
    let [blue, green] = ["blue1", "green1"].map(|name| &config.interfaces[&name.parse().expect("a name")].addresses);
    assert_eq!(blue, green, "both use the same addresses");
}

#[test]
fn the_edge_with_bonds_has_its_vlans_on_them() {
    let (config, warnings) = config("lag.toml");
    assert_eq!(warnings, "");
    let bonds = config.interfaces.values().filter_map(|interface| interface.bond.as_ref());
    assert_eq!(
        bonds.map(|bond| (bond.members.len(), bond.mode.name())).collect::<Vec<_>>(),
        [(2, "802.3ad"), (2, "active-backup")]
    );
    let parents = config.interfaces.values().filter_map(|interface| interface.vlan);
    assert_eq!(parents.map(|vlan| vlan.parent.to_string()).collect::<Vec<_>>(), ["core", "core", "lan"]);
}

#[test]
fn the_headend_with_two_ways_has_hops_and_lists() {
    let (config, warnings) = config("hops.toml");
    assert_eq!(warnings, "");
    assert_eq!(config.routes[0].hops.iter().map(|hop| hop.weight).collect::<Vec<_>>(), [2, 1]);
    assert!(config.policies.iter().all(|policy| policy.steer.count() == 2));
}

#[test]
fn the_l2_vpn_s_edge_lets_frames_in_and_out_of_one_port() {
    let (config, warnings) = config("l2vpn.toml");
    assert_eq!(warnings, "");
    assert_eq!(config.sids[0].endpoint.behavior.name(), "End.DX2");
    assert!(config.policies.iter().all(|policy| policy.interface.is_none() && policy.table == 254));
}
