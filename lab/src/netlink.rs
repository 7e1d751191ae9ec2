//! Links, addresses and routes inside a namespace, by rtnetlink: those of hosts and cables. segbox makes those of routers.

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags};
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder, new_connection};
use rustix::net::{AddressFamily, SocketType, netdevice, socket};

use crate::{Error, Mac, Namespace};

/// One end of a cable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) interface: &'a str,
    pub(crate) mac: Mac,
}

impl Namespace {
    /// Brings an interface up.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::Netlink`].
    pub fn up(&self, interface: &str) -> Result<(), Error> {
        let doing = || format!("bring {interface} of {} up", self.name());
        self.netlink(doing, async |handle| {
            let up = LinkUnspec::new_with_index(index_of(interface)?).up().build();
            handle.link().change(up).execute().await.map_err(Failure::Netlink)
        })
    }

    /// Sets an interface's MTU in bytes.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::Netlink`].
    pub fn mtu(&self, interface: &str, mtu: u32) -> Result<(), Error> {
        let doing = || format!("set the MTU of {interface} of {} to {mtu}", self.name());
        self.netlink(doing, async |handle| {
            let change = LinkUnspec::new_with_index(index_of(interface)?).mtu(mtu).build();
            handle.link().change(change).execute().await.map_err(Failure::Netlink)
        })
    }

    /// Gives an interface an address, `2001:db8:a::2/64`.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::Netlink`].
    pub fn address(&self, interface: &str, address: IpNet) -> Result<(), Error> {
        let doing = || format!("add {address} to {interface} of {}", self.name());
        self.netlink(doing, async |handle| {
            let mut request = handle.address().add(index_of(interface)?, address.addr(), address.prefix_len());
            // Without this flag the address is unusable until a worker of the kernel has run, even if it is not probed.
            request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            request.execute().await.map_err(Failure::Netlink)
        })
    }

    /// Adds a route to `destination` through a gateway on one of the host's links.
    ///
    /// # Errors
    /// [`Error::Netlink`].
    pub fn route(&self, destination: IpNet, via: IpAddr) -> Result<(), Error> {
        let doing = || format!("route {destination} via {via} in {}", self.name());
        self.netlink(doing, async |handle| {
            let route = RouteMessageBuilder::<IpAddr>::new();
            let route = route
                .destination_prefix(destination.addr(), destination.prefix_len())
                .and_then(|route| route.gateway(via))
                .expect("an IpNet's prefix fits its family; a gateway of the other family is a fault of the topology")
                .build();
            handle.route().add(route).execute().await.map_err(Failure::Netlink)
        })
    }

    /// The index of an interface in this namespace.
    pub(crate) fn index(&self, interface: &str) -> Result<u32, Error> {
        self.enter(|| index_of(interface))?.map_err(|failure| self.error(failure, String::new))
    }

    fn error(&self, failure: Failure, doing: impl FnOnce() -> String) -> Error {
        match failure {
            Failure::Netlink(source) => Error::Netlink { doing: doing(), source },
            Failure::NoInterface(interface) => Error::NoInterface { namespace: self.name().to_owned(), interface },
            Failure::Io(source) => Error::Namespace { name: self.name().to_owned(), doing: "open netlink", source },
        }
    }

    /// Runs requests over a netlink socket of this namespace.
    fn netlink<T: Send>(
        &self,
        doing: impl FnOnce() -> String,
        requests: impl AsyncFnOnce(Handle) -> Result<T, Failure> + Send,
    ) -> Result<T, Error> {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(Failure::Io)?;
            runtime.block_on(async {
                let (connection, handle, _) = new_connection().map_err(Failure::Io)?;
                let connection = tokio::spawn(connection);
                let result = requests(handle).await;
                connection.abort();
                result
            })
        };
        self.enter(run)?.map_err(|failure| self.error(failure, doing))
    }
}

/// A cable between two namespaces: a veth pair, both ends up.
///
/// # Errors
/// [`Error::Netlink`]: a name is taken.
pub(crate) fn veth(a: End<'_>, b: End<'_>) -> Result<(), Error> {
    let doing =
        || format!("cable {} of {} to {} of {}", a.interface, a.namespace.name(), b.interface, b.namespace.name());
    let other = b.namespace.open()?;
    a.namespace.netlink(doing, async |handle| {
        let mut peer = LinkMessageBuilder::<LinkUnspec>::new().name(b.interface).address(b.mac.to_vec()).build();
        peer.attributes.push(LinkAttribute::NetNsFd(other.as_raw_fd()));
        let pair = LinkVeth::new(a.interface, b.interface)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .address(a.mac.to_vec())
            .build();
        handle.link().add(pair).execute().await.map_err(Failure::Netlink)
    })?;
    a.namespace.up(a.interface)?;
    b.namespace.up(b.interface)
}

enum Failure {
    Netlink(rtnetlink::Error),
    NoInterface(String),
    Io(std::io::Error),
}

/// The index of an interface in the calling thread's namespace.
fn index_of(interface: &str) -> Result<u32, Failure> {
    let socket = socket(AddressFamily::INET6, SocketType::DGRAM, None).map_err(|errno| Failure::Io(errno.into()))?;
    netdevice::name_to_index(socket, interface).map_err(|_| Failure::NoInterface(interface.to_owned()))
}
