//! Links, addresses, neighbours, routes, HMAC keys and settings of one network namespace, through netlink and /proc/sys: read as a whole,
//! written step by step. Not here: which steps (plan), programs and their maps (bpf).

mod address;
mod apply;
mod batch;
mod bond;
mod detection;
mod device;
mod encap;
mod error;
mod ethtool;
mod fast_path;
mod firewalls;
mod frame;
mod generic;
mod keeping;
mod links;
mod lookup;
mod losses;
mod members;
mod next_hop;
mod nexthop;
mod nft;
mod observe;
mod ports;
mod power;
mod probe;
mod reply;
mod route;
mod rule;
mod seg6;
mod seg6local;
mod settings;
mod socket;
mod steering;
mod uapi;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

use segbox_config::{IfName, LinkSeen};
use segbox_plan::materials::Secret;
use segbox_plan::overruled::Destination;
use segbox_plan::route::RouteKey;
use segbox_plan::{Actual, Materials, Step};

pub use error::{ObserveError, OpenError, StepError};
pub use ethtool::Changes;
pub(crate) use ethtool::{Ethtool, Rings};
pub use fast_path::{Freshness, News, aside, ground};
pub(crate) use firewalls::firewalls;
use links::Links;
pub use losses::Losses;
pub use nft::Dropped;
use nft::Tables;
use observe::in_table;
pub use ports::{Port, Ports};
pub use power::PowerButton;
pub use probe::{TunnelAttributes, tunnel_attributes};
pub use reply::{Refusal, TalkError};
use seg6::Seg6;
use socket::Socket;
pub use steering::Steering;

/// How many sockets, each with a thread, share a big batch. Since Linux 6.16 the kernel adds IPv6 routes without its big lock (RTNL), but
/// the threads still wait for the lock of the per-CPU allocator (mm/percpu.c). Two threads need 10 to 30 % less time than one; more threads
/// gain nothing.
const SOCKETS: usize = 2;

/// Finds a loaded program's file descriptor by its name.
type Programs<'a> = &'a (dyn Fn(&str) -> Option<RawFd> + Sync);

/// Netlink of one network namespace: that of the thread that opened it, whichever thread uses it later. Sysctls are those of the calling
/// thread's namespace.
pub struct Netlink {
    /// One or more.
    route: Vec<Socket>,
    seg6: Seg6,
    tables: Tables,
}

/// What [`Netlink::observe`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The state. Its programs and rows are empty: netlink does not know them.
    pub actual: Actual,
    /// The secrets of its HMAC keys by digest, for [`Materials::secrets`]: an undo puts them back.
    pub secrets: BTreeMap<String, Secret>,
}

/// The counters of a local SID, since its route was last written (SEG6_LOCAL_COUNTERS; net/ipv6/seg6_local.c, Linux 5.14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Packets that the behavior was applied to.
    pub packets: u64,
    /// Bytes of these packets, with their IPv6 header.
    pub bytes: u64,
    /// Packets that the behavior could not be applied to: they were dropped.
    pub errors: u64,
}

/// Packets and bytes that a link has received and sent since it was made (struct rtnl_link_stats64).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names, counts of packets or bytes")]
pub struct LinkStatistics {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
}

impl Netlink {
    /// Opens it for the network namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel has no netlink, or no file descriptor is left.
    pub fn open() -> Result<Self, OpenError> {
        let failed = |family| move |source| OpenError { family, source };
        let sockets = std::thread::available_parallelism().map_or(1, usize::from).min(SOCKETS);
        let route = (0..sockets).map(|_| Socket::open(netlink_sys::protocols::NETLINK_ROUTE));
        Ok(Self {
            route: route.collect::<Result<_, _>>().map_err(failed("route"))?,
            seg6: Seg6::open().map_err(failed("generic"))?,
            tables: Tables::default(),
        })
    }

    fn first(&mut self) -> &mut Socket {
        &mut self.route[0]
    }

    /// Reads everything that a [`segbox_plan::State`] holds, except programs and rows. `pinned` has the pinned programs' names by their
    /// ids: a route may run another program of the same name.
    ///
    /// # Errors
    /// The caller is not root, or a table changed during each reading.
    pub fn observe(&mut self, pinned: &BTreeMap<u32, String>) -> Result<Observed, ObserveError> {
        self.observe_all(pinned)
    }

    /// Applies the steps of one phase. Each step is tried, also after another failed: one result per step, in their order.
    /// `programs` finds a loaded program's file descriptor by its name.
    pub fn apply(
        &mut self,
        steps: &[&Step],
        programs: &(dyn Fn(&str) -> Option<RawFd> + Sync),
        materials: &Materials,
    ) -> Vec<Result<(), StepError>> {
        self.apply_all(steps, programs, materials)
    }

    /// The counters of each local SID of segbox.
    ///
    /// # Errors
    /// The table changed during each reading.
    pub fn counters(&mut self) -> Result<BTreeMap<RouteKey, Counters>, ObserveError> {
        route::counters(self.first()).map_err(in_table("routes"))
    }

    /// The routes of other programs to these destinations, with the names of their protocols; needs no root.
    ///
    /// # Errors
    /// A table changed during each reading.
    pub fn others_routes(
        &mut self,
        destinations: &BTreeSet<Destination>,
    ) -> Result<BTreeMap<RouteKey, String>, ObserveError> {
        route::others(self.first(), destinations).map_err(in_table("routes"))
    }

    /// Whether the kernel has nf_tables; None where it does not say so. The kernel loads the module if there is one.
    pub fn has_nf_tables(&mut self) -> Option<bool> {
        self.tables.is_supported()
    }

    /// What segbox's filters have dropped.
    ///
    /// # Errors
    /// The caller is not root, or a table changed during each reading.
    pub fn dropped(&mut self) -> Result<Vec<Dropped>, ObserveError> {
        self.tables.dropped().map_err(in_table("nf_tables"))
    }

    /// The links of the namespace; needs no root.
    ///
    /// # Errors
    /// The table changed during each reading.
    pub fn links(&mut self) -> Result<Vec<LinkSeen>, ObserveError> {
        let links = Links::read(self.first()).map_err(in_table("links"))?;
        Ok(links.iter().map(links::LinkRow::seen).collect())
    }

    /// Every link's index and name.
    pub(crate) fn links_by_index(&mut self) -> Result<Vec<(u32, IfName)>, ObserveError> {
        let links = Links::read(self.first()).map_err(in_table("links"))?;
        Ok(links.iter().map(|link| (link.index, link.name)).collect())
    }

    /// The interfaces that have an address of segbox's.
    pub(crate) fn addressed(&mut self) -> Result<BTreeSet<IfName>, ObserveError> {
        let links = Links::read(self.first()).map_err(in_table("links"))?;
        let addresses = address::addresses(self.first(), &links).map_err(in_table("addresses"))?;
        let ours = addresses.into_iter().filter(|(_, maker)| *maker == address::Maker::Segbox);
        Ok(ours.map(|(key, _)| key.interface).collect())
    }

    /// Whether a SID of this box, whoever made it, takes IPv4 packets out of IPv6.
    pub(crate) fn takes_ipv4_out(&mut self) -> Result<bool, ObserveError> {
        route::takes_ipv4_out(self.first()).map_err(in_table("routes"))
    }

    /// Gives a link another name, which no link has.
    ///
    /// # Errors
    /// ENODEV: there is no link `from`. EEXIST: there is a link `to`.
    pub fn rename(&mut self, from: IfName, to: IfName) -> Result<(), TalkError> {
        let links = Links::read(self.first())?;
        let gone = || TalkError::Refused(Refusal { errno: libc::ENODEV, words: None });
        device::rename(self.first(), links.named(from).ok_or_else(gone)?, to)
    }

    /// The statistics of each link of the namespace.
    ///
    /// # Errors
    /// The table changed during each reading.
    pub fn link_statistics(&mut self) -> Result<BTreeMap<IfName, LinkStatistics>, ObserveError> {
        Links::read(self.first()).map(|links| links.statistics()).map_err(in_table("links"))
    }
}

/// Reads a datagram as every kind of message that the kernel sends. For the fuzzer, which searches for panics.
#[doc(hidden)]
pub fn read_anything(datagram: &[u8]) {
    let links = Links::default();
    for frame in frame::frames(datagram) {
        let _ = reply::refusal(frame.flags, frame.payload);
        links::decode(frame.payload);
        address::decode_address(frame.payload, &links);
        address::decode_neighbor(frame.payload, &links);
        ports::decode_address(frame.payload, 1);
        ports::decode_route(frame.payload, 1);
        seg6::decode_key(frame.payload);
        let _ = route::decode(frame.payload, &|index| observe::name_or_number(&links, index));
        route::decode_counters(frame.payload);
        route::decode_tunnels(frame.payload);
        let _ = nexthop::decode(frame.payload, &|index| observe::name_or_number(&links, index));
        steering::decode_vrf(frame.payload);
        firewalls::decode_chain(frame.payload);
        firewalls::decode_rule(frame.payload);
        firewalls::decode_elements(frame.payload);
        rule::decode(frame.payload);
        nft::read_anything(frame.payload);
    }
}
