//! Writes settings of a namespace and its links, reads them back, and finds that no other namespace changed.

use std::collections::BTreeMap;

use segbox_config::model::{HmacAlgorithm, Matcher};
use segbox_linux::netlink::{StepError, TalkError};
use segbox_plan::identity::secret_digest;
use segbox_plan::materials::Secret;
use segbox_plan::state::HmacKey;
use segbox_plan::{Delta, Materials, Setting, Step, sysctl};

use super::world::*;

fn sysctl_of(family: &str, link: &str, key: &str) -> Setting {
    Setting::Sysctl(sysctl::of_a_link(family, name(link), key))
}

#[test]
fn settings_are_the_namespaces_own() {
    let forwarding = || Setting::Sysctl("net.ipv6.conf.all.forwarding".into());
    let outside = observe(&mut netlink()).setting(&forwarding());
    let again = outside.clone();
    in_namespace(move || {
        let mut netlink = netlink();
        veth("eth0.100", 1, "eth1", 2, &here());
        let wanted = [
            (forwarding(), if outside.as_deref() == Some("1") { "0" } else { "1" }),
            (sysctl_of("ipv6", "eth0.100", "seg6_enabled"), "1"),
            (sysctl_of("ipv6", "eth0.100", "seg6_require_hmac"), "-1"),
            (sysctl_of("ipv4", "eth0.100", "rp_filter"), "0"),
            (Setting::LinkMtu(name("eth0.100")), "1400"),
            (Setting::LinkUp(name("eth0.100")), "up"),
            (Setting::LinkUp(name("eth1")), "up"),
            (Setting::EncapSource, "2001:db8::1"),
        ];
        let steps: Vec<Step> = wanted.iter().map(|(setting, value)| set(setting.clone(), value)).collect();
        apply(&mut netlink, &steps);
        let found = observe(&mut netlink);
        for (setting, value) in &wanted {
            assert_eq!(found.setting(setting).as_deref(), Some(*value), "{setting:?}");
        }
        assert_eq!(found.setting(&Setting::LinkMaster(name("eth1"))).as_deref(), Some(""));
        assert_eq!(found.setting(&Setting::Hostname), None, "the host name is the box's");
        apply(&mut netlink, &[set(Setting::EncapSource, "::"), set(Setting::LinkUp(name("eth1")), "down")]);
        let found = observe(&mut netlink);
        assert_eq!(found.setting(&Setting::EncapSource).as_deref(), Some("::"));
        assert_eq!(found.setting(&Setting::LinkUp(name("eth1"))).as_deref(), Some("down"));
    });
    assert_eq!(observe(&mut netlink()).setting(&forwarding()), again);
}

#[test]
fn a_link_joins_and_leaves_its_master() {
    in_namespace(|| {
        let mut netlink = netlink();
        veth("eth0", 1, "eth1", 2, &here());
        ip("link add bridge0 type bridge");
        let master = Setting::LinkMaster(name("eth0"));
        apply(&mut netlink, &[set(master.clone(), "bridge0")]);
        assert_eq!(observe(&mut netlink).setting(&master).as_deref(), Some("bridge0"));
        apply(&mut netlink, &[set(master.clone(), "")]);
        assert_eq!(observe(&mut netlink).setting(&master).as_deref(), Some(""));
        let error =
            results(&mut netlink, &[set(master, "nowhere")]).pop().expect("a result").expect_err("no such link");
        assert!(matches!(&error, StepError::NoInterface { name } if name.as_str() == "nowhere"), "{error}");
    });
}

#[test]
fn a_value_that_cannot_be_is_told_from_one_the_kernel_refuses() {
    in_namespace(|| {
        let mut netlink = netlink();
        let results = results(
            &mut netlink,
            &[
                set(Setting::LinkMtu(name("lo")), "big"),
                set(Setting::LinkUp(name("lo")), "sideways"),
                set(Setting::EncapSource, "192.0.2.1"),
                set(Setting::Sysctl("net.ipv6.conf.lo.seg6_enabled".into()), "yes"),
                set(Setting::Sysctl("net.no.such".into()), "1"),
            ],
        );
        let told = results.iter().map(|result| match result {
            Err(StepError::Value { .. }) => "value",
            Err(StepError::Sysctl { .. }) => "sysctl",
            other => panic!("{other:?}"),
        });
        assert_eq!(told.collect::<Vec<_>>(), ["value", "value", "value", "sysctl", "sysctl"]);
    });
}

#[test]
fn two_interfaces_swap_their_names() {
    in_namespace(|| {
        let mut netlink = netlink();
        veth("eth0", 1, "eth1", 2, &here());
        apply(&mut netlink, &[up("eth0"), up("eth1")]);
        let with = |mac| Setting::LinkName(Matcher { mac: Some(mac_of(mac)), pci: None });
        apply(&mut netlink, &[set(with(1), "eth1"), set(with(2), "eth0")]);
        let found = observe(&mut netlink);
        assert_eq!(found.setting(&with(1)).as_deref(), Some("eth1"));
        assert_eq!(found.setting(&with(2)).as_deref(), Some("eth0"));
        assert_eq!(found.setting(&Setting::LinkUp(name("eth0"))).as_deref(), Some("up"));
        let error = results(&mut netlink, &[set(with(9), "eth9")]).pop().expect("a result").expect_err("no such card");
        assert!(error.to_string().contains("MAC 02:00:00:00:00:09"), "{error}");
    });
}

#[test]
fn the_name_goes_to_the_card_and_not_to_what_lies_on_it() {
    in_namespace(|| {
        let mut netlink = netlink();
        // Made first, so that the kernel lists it first.
        ip("link add br0 type bridge");
        veth("port0", 1, "port1", 2, &here());
        ip("link set port0 master br0");
        ip("link add link port1 name upper type macvlan mode passthru");
        let seen = netlink.links().expect("readable");
        let with =
            |mac| seen.iter().filter(move |link| link.mac == Some(mac_of(mac))).map(|link| link.name.to_string());
        assert_eq!(with(1).collect::<Vec<_>>(), ["br0", "port0"], "the bridge has its port's address");
        assert_eq!(with(2).count(), 2, "the macvlan has its parent's address");
        let kind = |name: &str| seen.iter().find(|link| link.name.as_str() == name).and_then(|link| link.kind.clone());
        assert_eq!(
            ["lo", "br0", "port0", "upper"].map(kind).map(Option::unwrap_or_default),
            ["", "bridge", "veth", "macvlan"]
        );
        assert!(seen.iter().all(|link| link.mtu >= Some(1500)), "{seen:?}");

        let card = |mac| Setting::LinkName(Matcher { mac: Some(mac_of(mac)), pci: None });
        assert_eq!(
            [1, 2].map(|mac| observe(&mut netlink).setting(&card(mac))),
            ["port0", "port1"].map(|name| Some(name.to_owned()))
        );
        apply(&mut netlink, &[set(card(1), "wan"), set(card(2), "lan")]);
        let names: Vec<_> = netlink.links().expect("readable").iter().map(|link| link.name.to_string()).collect();
        for name in ["br0", "wan", "lan", "upper"] {
            assert!(names.iter().any(|there| there == name), "{name}: {names:?}");
        }
    });
}

#[test]
fn an_interface_that_is_up_gets_a_free_name_and_no_other() {
    in_namespace(|| {
        let mut netlink = netlink();
        veth("eth0", 1, "eth1", 2, &here());
        apply(&mut netlink, &[up("eth0")]);
        netlink.rename(name("eth0"), name("uplink")).expect("the name is free");
        let found = observe(&mut netlink);
        assert_eq!(found.setting(&Setting::LinkUp(name("uplink"))).as_deref(), Some("up"));
        assert_eq!(found.setting(&Setting::LinkUp(name("eth0"))), None);
        for (from, to, errno) in [("uplink", "eth1", libc::EEXIST), ("eth0", "eth2", libc::ENODEV)] {
            let error = netlink.rename(name(from), name(to)).expect_err("taken, or not there");
            assert!(matches!(&error, TalkError::Refused(refusal) if refusal.errno == errno), "{error}");
        }
    });
}

#[test]
fn hmac_keys_come_back_with_their_secrets() {
    in_namespace(|| {
        let mut netlink = netlink();
        let secrets = [b"first secret".to_vec(), vec![0xa5; 64]];
        let materials = Materials {
            secrets: secrets.iter().map(|secret| (secret_digest(secret), Secret(secret.clone()))).collect(),
            ..Materials::default()
        };
        let key = |algorithm, secret: &[u8]| HmacKey { algorithm, digest: secret_digest(secret) };
        let wanted = BTreeMap::from([
            (7, key(HmacAlgorithm::Sha256, &secrets[0])),
            (u32::MAX, key(HmacAlgorithm::Sha1, &secrets[1])),
        ]);
        let steps: Vec<Step> = wanted
            .iter()
            .map(|(id, key)| Step::HmacKey(Delta { key: *id, before: None, after: Some(key.clone()) }))
            .collect();
        for result in netlink.apply(&steps.iter().collect::<Vec<_>>(), &|_| None, &materials) {
            result.unwrap_or_else(|error| panic!("{}", in_full(&error)));
        }
        let found = netlink.observe(&BTreeMap::new()).expect("readable");
        assert_eq!(found.actual.state.hmac_keys, wanted);
        assert_eq!(found.secrets, materials.secrets);

        // One is changed in place, then both are removed. A missing secret is reported.
        let changed = key(HmacAlgorithm::Sha256, &secrets[1]);
        let change = Step::HmacKey(Delta { key: 7, before: wanted.get(&7).cloned(), after: Some(changed.clone()) });
        let lacking = netlink.apply(&[&change], &|_| None, &Materials::default()).pop().expect("a result");
        assert!(matches!(lacking, Err(StepError::NoSecret { id: 7 })), "{lacking:?}");
        netlink.apply(&[&change], &|_| None, &materials).pop().expect("a result").expect("changed");
        assert_eq!(observe(&mut netlink).state.hmac_keys.get(&7), Some(&changed));
        let removing: Vec<Step> = steps.into_iter().filter_map(Step::inverse).collect();
        apply(&mut netlink, &removing);
        apply(&mut netlink, &removing);
        assert!(observe(&mut netlink).state.hmac_keys.is_empty());
    });
}
