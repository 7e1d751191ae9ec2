//! Reads `[system]`, `[interface]`, `[vrf]` and `[[neighbor]]`. Not here: routes, which can clash with SIDs and policies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::vlans::place_of_mtu;
use super::{Reader, number, optional, rows, value};
use crate::fault::{Fault, NetworkFault};
use crate::forms;
use crate::kernel::Feature;
use crate::model::{Hardware, HmacMode, IPV6_MIN_MTU, Interface, Mac, Matcher, Neighbor, PortXdp, Vrf, XdpMode};
use crate::names::IfName;
use crate::place::{At, Span};
use crate::toml::{Entry, Value};

impl Reader {
    pub(super) fn system(&mut self, entry: Entry<'_>) {
        self.config.system.hostname = entry.get("hostname").and_then(Entry::text).map(str::to_owned);
        if let Some((hardware, span)) = entry.get("hardware").and_then(|entry| Some((entry.text()?, entry.span()))) {
            self.config.system.hardware = match hardware {
                "auto" => Hardware::Auto,
                "none" => Hardware::None,
                name => {
                    self.asks.profile = Some(At { value: name.to_owned(), span });
                    Hardware::Profile(name.to_owned())
                }
            };
        }
    }

    pub(super) fn management(&mut self, root: Entry<'_>) {
        let console = root.get("management").and_then(|management| management.get("console"));
        let hash = console.and_then(|console| value(console, "password-hash", forms::password_hash));
        self.config.console_password = hash.map(|hash| hash.value);
    }

    pub(super) fn interfaces(&mut self, root: Entry<'_>) {
        let mut matchers: Vec<(At<IfName>, Matcher)> = Vec::new();
        for entry in rows(root.get("interface")) {
            let Ok(value) = forms::interface(entry.key()) else { continue };
            let name = At { value, span: entry.key_span() };
            self.link(name);
            self.keys_of_member(value, entry);
            let interface = self.one_interface(name.value, entry);
            if let Some(matcher) = &interface.matches {
                if let Some((other, _)) = matchers.iter().find(|(_, other)| matcher.overlaps(other)) {
                    let same = NetworkFault::SameHardware { first: other.value, second: name.value };
                    self.faults.push(Fault::new(name.span, same).beside(other.span, "the other one"));
                }
                matchers.push((name, matcher.clone()));
            }
            self.port_spans.insert(name.value, name.span);
            if interface.vlan.is_some() {
                self.asks.vlans.insert(name.value, place_of_mtu(entry));
            }
            self.config.interfaces.insert(name.value, interface);
        }
        self.vlans_together();
    }

    fn one_interface(&mut self, name: IfName, entry: Entry<'_>) -> Interface {
        let mut interface = Interface {
            matches: entry.get("match").map(|entry| self.matcher(entry)),
            vlan: self.vlan(name, entry),
            bond: self.bond(name, entry),
            srv6: entry.get("srv6").and_then(Entry::bool).unwrap_or_default(),
            mtu: number(entry, "mtu").ok().flatten(),
            learns: self.learns(name, entry),
            ..Interface::default()
        };
        interface.xdp = match entry.get("xdp").and_then(Entry::text) {
            Some("native") => Some(PortXdp::On(XdpMode::Native)),
            Some("generic") => Some(PortXdp::On(XdpMode::Generic)),
            Some("off") => Some(PortXdp::Off),
            _ => None,
        };
        if let Some(hmac) = entry.get("hmac") {
            self.feature(Feature::SEG6_HMAC, hmac.span());
            interface.hmac = match hmac.text() {
                Some("ignore") => Some(HmacMode::Ignore),
                Some("check") => Some(HmacMode::Check),
                Some("require") => {
                    self.asks.defaults.insert("hmac", hmac.span());
                    Some(HmacMode::Require)
                }
                _ => None,
            };
        }
        let mut seen: BTreeMap<IpAddr, Span> = BTreeMap::new();
        for item in rows(entry.get("addresses")) {
            let Some(address) = item.text().and_then(|text| forms::on_link(text).ok()) else { continue };
            let plain = address.addr();
            if let Some(what) = not_unicast(plain) {
                self.fault(item.span(), NetworkFault::AddressUnusable { address: plain, what });
            } else if let Some(first) = seen.insert(plain, item.span()) {
                let twice = NetworkFault::AddressTwice { interface: name, address: plain };
                self.faults.push(Fault::new(item.span(), twice).beside(first, "first here"));
            } else {
                interface.addresses.push(address);
                if let IpAddr::V6(address) = plain {
                    self.owners.insert(address, name);
                }
            }
        }
        let ipv6 = interface.has_ipv6();
        if let Some(mtu) = interface.mtu.filter(|mtu| ipv6 && *mtu < IPV6_MIN_MTU)
            && let Some(entry) = entry.get("mtu")
        {
            self.fault(entry.span(), NetworkFault::MtuTooSmall { interface: name, mtu });
        }
        interface
    }

    /// `match`. One with a fault fits no interface, and the search for interfaces ignores it: one fault is enough.
    fn matcher(&mut self, entry: Entry<'_>) -> Matcher {
        if entry.value() == Value::Table && entry.children().next().is_none() {
            self.fault(entry.span(), NetworkFault::MatchEmpty);
        }
        let mac = optional(entry, "mac", forms::mac);
        let pci = optional(entry, "pci", forms::pci);
        let (Ok(mac), Ok(pci)) = (mac, pci) else { return Matcher { mac: None, pci: None } };
        let fine = mac.is_none_or(|mac| self.station(mac));
        Matcher { mac: mac.filter(|_| fine).map(|mac| mac.value), pci: pci.filter(|_| fine).map(|pci| pci.value) }
    }

    /// Whether a MAC address can be that of a single station; if not, it is reported.
    fn station(&mut self, mac: At<Mac>) -> bool {
        let fits = mac.value.0[0] & 1 == 0 && mac.value.0 != [0; 6];
        if !fits {
            self.fault(mac.span, NetworkFault::MacUnusable { mac: mac.value });
        }
        fits
    }

    pub(super) fn vrf_tables(&mut self, root: Entry<'_>) {
        let mut tables: BTreeMap<u32, At<IfName>> = BTreeMap::new();
        let mut members: BTreeMap<IfName, At<IfName>> = BTreeMap::new();
        for entry in rows(root.get("vrf")) {
            let Ok(value) = forms::interface(entry.key()) else { continue };
            let name = At { value, span: entry.key_span() };
            self.feature(Feature::VRF, name.span);
            if self.config.interfaces.contains_key(&value)
                && let Some(interface) = root.get("interface").and_then(|all| all.get(entry.key()))
            {
                let clash = Fault::new(name.span, NetworkFault::VrfIsInterface { name: value });
                self.faults.push(clash.beside(interface.key_span(), "the interface"));
            }
            let mut interfaces = Vec::new();
            for item in rows(entry.get("interfaces")) {
                let Some(member) = item.text().and_then(|text| forms::interface(text).ok()) else { continue };
                let place = At { value: name.value, span: item.span() };
                if self.vrfs.contains_key(member.as_str()) {
                    self.fault(item.span(), NetworkFault::VrfIsInterface { name: member });
                } else if let Some(first) = members.insert(member, place) {
                    let two = NetworkFault::TwoVrfs { interface: member, first: first.value, second: name.value };
                    self.faults.push(Fault::new(item.span(), two).beside(first.span, "first here"));
                } else {
                    self.used_alone(member, item.span());
                    interfaces.push(self.link(At { value: member, span: item.span() }));
                }
            }
            let Ok(Some(table)) = number(entry, "table") else { continue };
            let span = entry.get("table").map(Entry::span).unwrap_or_default();
            if self.own_table(table, span).is_err() {
                continue;
            }
            if let Some(owner) = kernels_own(table) {
                self.fault(span, NetworkFault::ReservedTable { vrf: name.value, table, owner });
            } else if let Some(first) = tables.insert(table, At { value: name.value, span }) {
                let same = NetworkFault::SameTable { first: first.value, second: name.value, table };
                self.faults.push(Fault::new(span, same).beside(first.span, "first here"));
            } else {
                self.config.vrfs.insert(name.value, Vrf { table, interfaces });
            }
        }
    }

    pub(super) fn neighbors(&mut self, root: Entry<'_>) {
        let mut seen: BTreeMap<(IfName, IpAddr), Span> = BTreeMap::new();
        for entry in rows(root.get("neighbor")) {
            let interface = self.interface(entry).ok().flatten();
            let address = value(entry, "address", forms::ip);
            let mac = value(entry, "mac", forms::mac);
            if mac.is_some_and(|mac| !self.station(mac)) {
                continue;
            }
            let (Some(address), Some(mac), Some(interface)) = (address, mac, interface) else { continue };
            if let Some(what) = not_unicast(address.value) {
                self.fault(address.span, NetworkFault::NextHopUnusable { address: address.value, what });
            } else if let Some(first) = seen.insert((interface, address.value), address.span) {
                let twice = NetworkFault::NeighborTwice { interface, address: address.value };
                self.faults.push(Fault::new(address.span, twice).beside(first, "first here"));
            } else {
                self.config.neighbors.push(Neighbor { address: address.value, mac: mac.value, interface });
            }
        }
    }
}

impl Matcher {
    /// Whether both are for the same hardware, as far as the file alone shows it.
    pub(crate) fn overlaps(&self, other: &Matcher) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> Option<bool> {
            a.zip(b).map(|(a, b)| a == b)
        }
        let mac = agree(self.mac.as_ref(), other.mac.as_ref());
        let pci = agree(self.pci.as_ref(), other.pci.as_ref());
        mac != Some(false) && pci != Some(false) && (mac, pci) != (None, None)
    }
}

/// The name of a table that the kernel uses (/etc/iproute2/rt_tables).
fn kernels_own(table: u32) -> Option<&'static str> {
    match table {
        253 => Some("default"),
        254 => Some("main"),
        255 => Some("local"),
        _ => None,
    }
}

/// The kind of an address that no single station has.
pub(super) fn not_unicast(address: IpAddr) -> Option<&'static str> {
    match address {
        _ if address.is_unspecified() => Some("the unspecified address"),
        _ if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Some("an IPv4 address written as IPv6"),
        _ => None,
    }
}
