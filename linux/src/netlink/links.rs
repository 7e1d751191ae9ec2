//! The links of the namespace as the kernel lists them, found by name, by index and by hardware. Not here: making or changing a link
//! (device).

use std::collections::{BTreeMap, HashMap};
use std::fs;

use netlink_packet_route::link::LinkMessage;
use segbox_config::model::{Matcher, Vlan, VlanProtocol};
use segbox_config::{IfName, LinkSeen, Mac};
use segbox_plan::bonds::{BondSeen, MemberSeen};
use segbox_plan::state::{LINK_ALIAS, LINK_GROUP, Link};

use super::bond::{self, BondRow, mac};
use super::frame::{attributes, text_of, u16_of, u32_of, u64_of};
use super::reply::TalkError;
use super::socket::Socket;
use super::{LinkStatistics, uapi};

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkRow {
    pub(super) index: u32,
    pub(super) name: IfName,
    pub(super) up: bool,
    /// It is up and has a carrier.
    pub(super) running: bool,
    /// Whether it can carry packets, as far as its driver knows; None while it is down.
    pub(super) carrier: Option<bool>,
    pub(super) mtu: u32,
    /// Index of its master, 0 for none.
    pub(super) master: u32,
    /// The permanent address, or the one outside of a bond; the current one where there is neither.
    pub(super) mac: Option<Mac>,
    /// The address that its frames have.
    pub(super) current: Option<Mac>,
    /// The id of the XDP program that is here, whose ever it is.
    pub(super) xdp: Option<u32>,
    /// The bus and name of its device: (`pci`, `0000:03:00.0`), (`virtio`, `virtio0`).
    parent: Option<(String, String)>,
    /// Its kind (IFLA_INFO_KIND); None for a card.
    kind: Option<String>,
    /// Index of the link that it lies on in this namespace, 0 for none.
    pub(super) lower: u32,
    /// What it is as a bond, whoever made it.
    pub(super) bond: Option<BondRow>,
    /// What it is as the member of a bond.
    pub(super) member: Option<MemberSeen>,
    /// Its kind, if it has segbox's alias. The parent of a VLAN is known once all links are.
    pub(super) own: Option<Link>,
    statistics: LinkStatistics,
}

/// Every link, by index and by name.
#[derive(Debug, Default)]
pub(super) struct Links {
    rows: Vec<LinkRow>,
    by_index: HashMap<u32, usize>,
    by_name: HashMap<IfName, usize>,
}

impl Links {
    /// Reads them. Links whose name is not ASCII are left out: a segbox.toml cannot name them.
    pub(super) fn read(socket: &mut Socket) -> Result<Self, TalkError> {
        Ok(Self::of(socket.dump(libc::RTM_GETLINK, &LinkMessage::default(), decode)?))
    }

    pub(super) fn of(rows: Vec<LinkRow>) -> Self {
        let mut rows = rows;
        name_parents(&mut rows);
        let by_index = rows.iter().enumerate().map(|(at, row)| (row.index, at)).collect();
        let by_name = rows.iter().enumerate().map(|(at, row)| (row.name, at)).collect();
        Self { rows, by_index, by_name }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &LinkRow> {
        self.rows.iter()
    }

    pub(super) fn named(&self, name: IfName) -> Option<&LinkRow> {
        self.by_name.get(&name).map(|at| &self.rows[*at])
    }

    pub(super) fn index(&self, name: IfName) -> Option<u32> {
        self.named(name).map(|row| row.index)
    }

    pub(super) fn name(&self, index: u32) -> Option<IfName> {
        self.by_index.get(&index).map(|at| self.rows[*at].name)
    }

    /// The link with this hardware: every key of the matcher must fit.
    pub(super) fn with(&self, hardware: &Matcher) -> Option<&LinkRow> {
        let seen: Vec<LinkSeen> = self.rows.iter().map(LinkRow::seen).collect();
        hardware.among(&seen).next().and_then(|link| self.named(link.name))
    }

    pub(super) fn is_bond(&self, index: u32) -> bool {
        self.by_index.get(&index).is_some_and(|at| self.rows[*at].bond.is_some())
    }

    /// The bonds as they run, whoever made them.
    pub(super) fn bonds(&self) -> BTreeMap<IfName, BondSeen> {
        let bond = |row: &LinkRow| {
            let BondRow { bonding, partner } = row.bond?;
            let members = self.rows.iter().filter(|member| member.master == row.index);
            let members = members.filter_map(|member| Some((member.name, member.member?))).collect();
            Some((row.name, BondSeen { bonding, partner, members }))
        };
        self.rows.iter().filter_map(bond).collect()
    }

    pub(super) fn statistics(&self) -> BTreeMap<IfName, LinkStatistics> {
        self.rows.iter().map(|row| (row.name, row.statistics)).collect()
    }
}

impl LinkRow {
    /// As `plan` sees it.
    pub(super) fn seen(&self) -> LinkSeen {
        LinkSeen {
            name: self.name,
            mac: self.mac,
            pci: self.pci(),
            kind: self.kind.clone(),
            mtu: Some(self.mtu),
            carrier: self.carrier,
        }
    }

    /// The PCI path of its device. A virtio device is one level below the PCI device: then the path of that.
    fn pci(&self) -> Option<String> {
        let (bus, device) = self.parent.as_ref()?;
        if bus == "pci" {
            return Some(device.clone());
        }
        // /sys/bus shows the machine; /sys/class/net shows the network namespace in which sysfs was mounted.
        let path = fs::canonicalize(format!("/sys/bus/{bus}/devices/{device}")).ok()?;
        let names = path.iter().rev().filter_map(|name| name.to_str());
        names.map(str::to_owned).find(|name| is_pci_path(name))
    }
}

/// `0000:03:00.0`.
fn is_pci_path(name: &str) -> bool {
    let shape = name.bytes().map(|byte| if byte.is_ascii_hexdigit() { b'x' } else { byte });
    shape.eq(*b"xxxx:xx:xx.x")
}

/// Reads an RTM_NEWLINK's payload (struct ifinfomsg and attributes).
pub(super) fn decode(payload: &[u8]) -> Option<LinkRow> {
    let index = u32_of(payload.get(4..)?)?;
    let flags = u32_of(payload.get(8..)?)?;
    let mut name = None;
    let (mut mtu, mut master) = (0, 0);
    let (mut current, mut permanent) = (None, None);
    let (mut bus, mut device) = (None, None);
    let (mut marked, mut kind, mut own) = (false, None, None);
    let (mut lower, mut elsewhere) = (0, false);
    let (mut bond, mut member) = (None, None);
    let (mut statistics, mut xdp) = (LinkStatistics::default(), None);
    for (attribute, value) in attributes(payload.get(16..)?) {
        match attribute {
            libc::IFLA_IFNAME => name = text_of(value).and_then(|text| text.parse().ok()),
            libc::IFLA_MTU => mtu = u32_of(value)?,
            libc::IFLA_MASTER => master = u32_of(value)?,
            libc::IFLA_LINK => lower = u32_of(value)?,
            libc::IFLA_LINK_NETNSID => elsewhere = true,
            libc::IFLA_ADDRESS => current = mac(value),
            libc::IFLA_PERM_ADDRESS => permanent = mac(value),
            uapi::IFLA_PARENT_DEV_NAME => device = text_of(value),
            uapi::IFLA_PARENT_DEV_BUS_NAME => bus = text_of(value),
            libc::IFLA_IFALIAS => marked |= text_of(value) == Some(LINK_ALIAS),
            libc::IFLA_GROUP => marked |= u32_of(value) == Some(LINK_GROUP),
            libc::IFLA_LINKINFO => {
                kind = in_info(value, libc::IFLA_INFO_KIND).and_then(text_of);
                own = own_kind(value);
                bond = bond_of(value);
                if in_info(value, libc::IFLA_INFO_SLAVE_KIND).and_then(text_of) == Some(BOND) {
                    let data = in_info(value, libc::IFLA_INFO_SLAVE_DATA).unwrap_or_default();
                    let (seen, own_address) = bond::decode_member(data);
                    member = Some(seen);
                    permanent = permanent.or(own_address);
                }
            }
            libc::IFLA_XDP => xdp = in_info(value, uapi::IFLA_XDP_PROG_ID).and_then(u32_of),
            libc::IFLA_STATS64 => statistics = decode_statistics(value),
            _ => {}
        }
    }
    let up = flags & libc::IFF_UP.cast_unsigned() != 0;
    Some(LinkRow {
        index,
        name: name?,
        up,
        running: flags & libc::IFF_RUNNING.cast_unsigned() != 0,
        // The kernel removes nexthop objects without it (net/ipv4/nexthop.c, rtm_to_nh_config).
        carrier: up.then_some(flags & uapi::IFF_LOWER_UP.cast_unsigned() != 0),
        mtu,
        master,
        mac: permanent.or(current),
        current,
        xdp,
        parent: bus.zip(device).map(|(bus, device)| (bus.to_owned(), device.to_owned())),
        kind: kind.map(str::to_owned),
        lower: if elsewhere { 0 } else { lower },
        bond,
        member,
        own: own.filter(|_| marked),
        statistics,
    })
}

/// Names the parents of VLANs. One that is in no list (another namespace has it) is `if#7`, which no file asks for.
fn name_parents(rows: &mut [LinkRow]) {
    let names: HashMap<u32, IfName> = rows.iter().map(|row| (row.index, row.name)).collect();
    for row in rows {
        if let Some(Link::Vlan(vlan)) = &mut row.own {
            vlan.parent = names.get(&row.lower).copied().unwrap_or_else(|| nameless(row.lower));
        }
    }
}

fn nameless(index: u32) -> IfName {
    format!("if#{index}").parse().expect("3 characters and 10 digits fit a name")
}

/// An attribute of a nest, such as an IFLA_LINKINFO.
fn in_info(info: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(info).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// The kind of a bond, and of its members.
const BOND: &str = "bond";

fn bond_of(info: &[u8]) -> Option<BondRow> {
    in_info(info, libc::IFLA_INFO_KIND).and_then(text_of).filter(|kind| *kind == BOND)?;
    bond::decode(in_info(info, libc::IFLA_INFO_DATA)?)
}

/// The kind in an IFLA_LINKINFO, if it is one that segbox makes.
fn own_kind(info: &[u8]) -> Option<Link> {
    match text_of(in_info(info, libc::IFLA_INFO_KIND)?)? {
        "dummy" => Some(Link::Dummy),
        "ifb" => Some(Link::Ifb),
        BOND => bond_of(info).map(|row| Link::Bond(row.bonding)),
        "vlan" => {
            let data = in_info(info, libc::IFLA_INFO_DATA)?;
            let field = |wanted| attributes(data).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
            let id = u16_of(field(uapi::IFLA_VLAN_ID)?)?;
            // In network order, unlike the id.
            let ethertype = u16_of(field(uapi::IFLA_VLAN_PROTOCOL)?)?.to_be();
            Some(Link::Vlan(Vlan { parent: nameless(0), id, protocol: VlanProtocol::of_ethertype(ethertype)? }))
        }
        "vrf" => {
            let data = in_info(info, libc::IFLA_INFO_DATA)?;
            let table = attributes(data).find(|(kind, _)| *kind == uapi::IFLA_VRF_TABLE)?.1;
            u32_of(table).map(Link::Vrf)
        }
        _ => None,
    }
}

/// Reads the first eight counters of a struct rtnl_link_stats64 (include/uapi/linux/if_link.h).
fn decode_statistics(value: &[u8]) -> LinkStatistics {
    let at = |place: usize| value.get(place * 8..).and_then(u64_of).unwrap_or_default();
    LinkStatistics {
        rx_packets: at(0),
        tx_packets: at(1),
        rx_bytes: at(2),
        tx_bytes: at(3),
        rx_errors: at(4),
        tx_errors: at(5),
        rx_dropped: at(6),
        tx_dropped: at(7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_pci_path() {
        assert!(is_pci_path("0000:03:00.0"));
        assert!(is_pci_path("10de:af:1f.7"));
        for other in ["virtio0", "0000:03", "0000:03:00.0 ", "pci0000:00"] {
            assert!(!is_pci_path(other), "{other}");
        }
    }

    #[test]
    fn never_stumbles_over_a_truncated_link() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in 0..whole.len() {
            decode(&whole[..length]);
        }
    }
}
