//! What a file says of a port whose addresses come from its network: a management port. Not here: asking the network (services), and what its
//! answers may say (plan).

/// The keys of `[interface.NAME]` that take addresses and routes from the network behind the port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Learns {
    /// `dhcp`: an IPv4 address, its routes and DNS servers by DHCP (RFC 2131).
    pub dhcp: bool,
    /// `accept-ra`: IPv6 addresses, routes and DNS servers by router advertisements (RFC 4861, RFC 8106).
    pub accept_ra: bool,
}

impl Learns {
    /// The keys that are on, as a file has them.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'static str> {
        [(self.dhcp, "dhcp"), (self.accept_ra, "accept-ra")].into_iter().filter_map(|(on, key)| on.then_some(key))
    }

    /// Whether any is on.
    pub fn any(self) -> bool {
        self.dhcp || self.accept_ra
    }
}
