//! A network as data, and the network built from it: namespaces, cables between them, and hosts with addresses. A router gets
//! only its cables.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Index;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::netlink::{End, veth};
use crate::{Error, Mac, Namespace, Wire};

/// A network to build.
///
/// ```no_run
/// use segbox_lab::{Cable, Host, Topology};
/// let lab = Topology {
///     routers: &["r1"],
///     hosts: &[Host {
///         name: "a",
///         interface: "eth0",
///         addresses: &["2001:db8:a::2/64"],
///         gateways: &["2001:db8:a::1"],
///     }],
///     cables: &[Cable("a", "eth0", "r1", "eth0")],
/// }
/// .build()?;
/// println!("{} is up", lab["r1"].name());
/// # Ok::<(), segbox_lab::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Topology<'a> {
    /// Namespaces with only loopback and the ends of their cables.
    pub routers: &'a [&'a str],
    /// Plain Linux hosts.
    pub hosts: &'a [Host<'a>],
    /// The cables between them.
    pub cables: &'a [Cable<'a>],
}

/// A plain Linux host with one port.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// Its name in the topology.
    pub name: &'a str,
    /// Its port, which a cable must lead to.
    pub interface: &'a str,
    /// Its addresses, with their prefix lengths.
    pub addresses: &'a [&'a str],
    /// Gateways of its default routes, at most one per family.
    pub gateways: &'a [&'a str],
}

/// A cable: node and interface at one end, node and interface at the other.
#[derive(Debug, Clone, Copy)]
pub struct Cable<'a>(pub &'a str, pub &'a str, pub &'a str, pub &'a str);

/// A network that has been built. All of it is removed on drop.
#[derive(Debug)]
pub struct Lab {
    namespaces: BTreeMap<String, Namespace>,
    macs: BTreeMap<(String, String), Mac>,
}

impl Topology<'_> {
    /// Builds the network. When this returns, every link is up and every host is configured.
    ///
    /// # Errors
    /// See [`Error`]; mostly it is that the caller is not root. The parts that exist so far are removed.
    ///
    /// # Panics
    /// If the topology is wrong: a cable to an unknown node, a text that is not an address.
    pub fn build(&self) -> Result<Lab, Error> {
        let nodes = self.routers.iter().copied().chain(self.hosts.iter().map(|host| host.name));
        let mut lab = Lab { namespaces: BTreeMap::new(), macs: BTreeMap::new() };
        for node in nodes {
            let namespace = Namespace::new(node)?;
            namespace.up("lo")?;
            lab.namespaces.insert(node.to_owned(), namespace);
        }
        for cable in self.cables {
            lab.connect(*cable)?;
        }
        for host in self.hosts {
            lab.equip(host)?;
        }
        Ok(lab)
    }
}

impl Lab {
    fn connect(&mut self, Cable(node_a, interface_a, node_b, interface_b): Cable<'_>) -> Result<(), Error> {
        // Locally administered, and readable in a capture: the cable's number, then the number of its end.
        let number = u8::try_from(self.macs.len() / 2 + 1).expect("a laboratory has fewer than 256 cables");
        let (mac_a, mac_b) = ([2, 0, 0, 0, number, 1], [2, 0, 0, 0, number, 2]);
        veth(
            End { namespace: &self[node_a], interface: interface_a, mac: mac_a },
            End { namespace: &self[node_b], interface: interface_b, mac: mac_b },
        )?;
        self.macs.insert((node_a.to_owned(), interface_a.to_owned()), mac_a);
        self.macs.insert((node_b.to_owned(), interface_b.to_owned()), mac_b);
        Ok(())
    }

    fn equip(&self, host: &Host<'_>) -> Result<(), Error> {
        let namespace = &self[host.name];
        for address in host.addresses {
            namespace.address(host.interface, address.parse().expect("an address with its prefix length"))?;
        }
        for gateway in host.gateways {
            let gateway: IpAddr = gateway.parse().expect("an address");
            let everything =
                if gateway.is_ipv4() { IpNet::V4(Ipv4Net::default()) } else { IpNet::V6(Ipv6Net::default()) };
            namespace.route(everything, gateway)?;
        }
        Ok(())
    }

    /// The Ethernet address of a node's interface.
    ///
    /// # Panics
    /// If no cable leads there.
    pub fn mac(&self, node: &str, interface: &str) -> Mac {
        let key = (node.to_owned(), interface.to_owned());
        *self.macs.get(&key).unwrap_or_else(|| panic!("no cable leads to {interface} of {node}"))
    }

    /// A tap on a node's interface.
    ///
    /// # Errors
    /// As [`Wire::open`].
    pub fn wire(&self, node: &str, interface: &str) -> Result<Wire, Error> {
        Wire::open(&self[node], interface)
    }

    /// Leaves all of it in the kernel when this value is dropped.
    pub fn keep(&mut self) {
        self.namespaces.values_mut().for_each(Namespace::keep);
    }

    /// Every node by its name in the topology, in alphabetical order.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Namespace)> {
        self.namespaces.iter().map(|(name, namespace)| (name.as_str(), namespace))
    }
}

impl Index<&str> for Lab {
    type Output = Namespace;

    fn index(&self, node: &str) -> &Namespace {
        self.namespaces.get(node).unwrap_or_else(|| panic!("the topology has no node {node}"))
    }
}
