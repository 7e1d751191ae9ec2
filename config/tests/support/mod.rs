//! A box to check test files against: a few interfaces, a current kernel, a few objects and keys.

use std::collections::BTreeMap;

use segbox_config::object::{Field, MapKind, MapShape, Object, ObjectProgram, Shape};
use segbox_config::surroundings::SecretFile;
use segbox_config::{Hook, Kernel, LinkSeen, Surroundings};

/// The box.
pub(crate) fn surroundings() -> Surroundings {
    let link = |name: &str, mac: &str, pci: Option<&str>| LinkSeen {
        mac: mac.parse().ok(),
        pci: pci.map(str::to_owned),
        // The ports to other routers have room for the headers around a host's packet.
        mtu: Some(if ["lan", "blue1", "green1", "eth2"].contains(&name) { 1500 } else { 9000 }),
        ..LinkSeen::named(name.parse().expect("a name"))
    };
    let mut links = vec![
        link("lo", "", None),
        link("enp1s0", "52:54:00:12:34:56", Some("0000:01:00.0")),
        link("enp3s0f1", "52:54:00:12:34:57", Some("0000:03:00.1")),
        link("eth0", "52:54:00:12:34:60", None),
        link("eth1", "52:54:00:12:34:61", None),
        link("eth2", "52:54:00:12:34:62", None),
        // Two cards with one address.
        link("eth3", "52:54:00:12:34:63", None),
        link("twin", "52:54:00:12:34:63", None),
    ];
    // What lies on a card and has its address.
    for (name, kind) in [("eth0.100", "vlan"), ("br0", "bridge"), ("shadow", "macvlan")] {
        links.push(LinkSeen { kind: Some(kind.to_owned()), ..link(name, "52:54:00:12:34:60", None) });
    }
    links.extend(["lan", "r1", "r2", "r3", "core", "blue1", "green1"].map(|name| link(name, "", None)));
    let options = ["CONFIG_NET_VRF", "CONFIG_IPV6_SEG6_LWTUNNEL"].map(|option| (option.to_owned(), true));
    let secret = |mode, length| Ok(SecretFile { mode, exposed: None, secret: vec![b'k'; length] });
    Surroundings {
        links: Some(links),
        kernel: Some(Kernel { version: (6, 18), options: options.into() }),
        objects: objects(),
        secrets: BTreeMap::from([
            ("hmac-7.key".to_owned(), secret(0o600, 32)),
            ("open.key".to_owned(), secret(0o644, 32)),
            ("empty.key".to_owned(), secret(0o600, 0)),
            ("gone.key".to_owned(), Err("no such file".to_owned())),
        ]),
        profiles: Some(["generic", "x3440-82599"].map(str::to_owned).into()),
        hazards: Vec::new(),
        exposed: None,
        exposed_objects: BTreeMap::new(),
    }
}

fn int(size: u32) -> Shape {
    Shape::Int { size, signed: false }
}

/// A struct without padding.
fn of(fields: &[(&str, Shape)]) -> Shape {
    let mut size = 0;
    let fields = fields.iter().map(|(name, shape)| {
        let field = Field { name: (*name).to_owned(), offset: size, shape: shape.clone() };
        size += shape.size();
        field
    });
    let fields = fields.collect();
    Shape::Struct { size, fields }
}

fn objects() -> BTreeMap<String, Result<Object, String>> {
    let object = |sections: &[(&str, &str)]| Object {
        bytes: [0x7f, b'E', b'L', b'F'].into(),
        programs: sections
            .iter()
            .map(|(section, function)| ObjectProgram {
                section: (*section).to_owned(),
                function: (*function).to_owned(),
                hook: Hook::of_section(section),
            })
            .collect(),
        globals: BTreeMap::new(),
        maps: BTreeMap::new(),
    };
    let map = |kind, key, value, max_entries| MapShape { kind, key, value, max_entries };
    let mut stamp = object(&[("lwt_seg6local/end_add_tlv", "end_add_tlv")]);
    stamp.globals = BTreeMap::from([
        ("tlv_type".to_owned(), int(1)),
        // A Rust newtype of six bytes.
        ("tlv_value".to_owned(), of(&[("__0", Shape::Array(Box::new(int(1)), 6))])),
        ("limit".to_owned(), Shape::Int { size: 4, signed: true }),
        ("origin".to_owned(), Shape::Array(Box::new(int(1)), 16)),
        ("pair".to_owned(), of(&[("low", int(2)), ("high", int(2))])),
        ("weights".to_owned(), Shape::Array(Box::new(int(2)), 3)),
    ]);
    let mut classify = object(&[("lwt_in/classify", "classify"), ("lwt_in/other", "other"), ("socket", "nothing")]);
    let class = of(&[("segment", Shape::Bytes(16)), ("weight", int(4))]);
    let trie = of(&[("prefixlen", int(4)), ("address", Shape::Bytes(16))]);
    classify.maps = BTreeMap::from([
        ("classes".to_owned(), map(MapKind::LpmTrie, trie, class.clone(), 100)),
        ("slots".to_owned(), map(MapKind::Array, int(4), int(8), 4)),
        ("flows".to_owned(), map(MapKind::Hash, of(&[("from", Shape::Bytes(16)), ("port", int(2))]), int(1), 2)),
        ("frames".to_owned(), map(MapKind::Hash, int(8), Shape::Bytes(400_000_000), 10)),
        ("ring".to_owned(), map(MapKind::RingBuf, Shape::Bytes(0), int(4), 4096)),
    ]);
    BTreeMap::from([
        ("builtin:end_add_tlv".to_owned(), Ok(stamp)),
        ("builtin:xdp_fast_path".to_owned(), Ok(object(&[("segbox_xdp/xdp_fast_path", "xdp_fast_path")]))),
        ("builtin:end_count".to_owned(), Ok(object(&[("lwt_seg6local/end_count", "end_count")]))),
        ("classify.o".to_owned(), Ok(classify)),
        ("nothing.o".to_owned(), Ok(object(&[("socket", "nothing")]))),
        ("gone.o".to_owned(), Err("no such file".to_owned())),
    ])
}
