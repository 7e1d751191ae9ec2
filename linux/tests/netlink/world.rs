//! A network namespace per test: the test's thread is in it. rtnetlink makes the links that segbox does not make (veth).

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;

use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use segbox_config::{IfName, Mac};
use segbox_linux::Netlink;
use segbox_linux::netlink::StepError;
use segbox_plan::route::{Route, RouteKey};
use segbox_plan::state::{AddressKey, Link, PROTOCOL};
use segbox_plan::{Actual, Delta, Materials, Setting, Step};

/// Runs in a fresh network namespace, which ends with it.
pub(crate) fn in_namespace<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        // SAFETY: only the network namespace of this thread changes; no file descriptor table is unshared.
        #[expect(unsafe_code, reason = "unshare(2) of a thread")]
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("these tests need root");
        test()
    });
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The namespace of the calling thread, to put a link's other end in.
pub(crate) fn here() -> File {
    File::open("/proc/thread-self/ns/net").expect("/proc is mounted")
}

/// Runs rtnetlink requests in the calling thread's namespace.
pub(crate) fn rtnetlink<T>(requests: impl AsyncFnOnce(Handle) -> Result<T, rtnetlink::Error>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection().expect("a socket");
        tokio::spawn(connection);
        requests(handle).await.expect("the kernel does as asked")
    })
}

/// A veth pair: `name` here, `peer` in the other namespace; each MAC has the given last byte.
pub(crate) fn veth(name: &str, mac: u8, peer: &str, peer_mac: u8, other: &File) {
    let mut far = LinkMessageBuilder::<LinkUnspec>::new().name(peer).address(mac_of(peer_mac).0.to_vec()).build();
    far.attributes.push(LinkAttribute::NetNsFd(other.as_raw_fd()));
    let pair = LinkVeth::new(name, peer)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(far)))
        .address(mac_of(mac).0.to_vec())
        .build();
    rtnetlink(async |handle| handle.link().add(pair).execute().await);
}

/// 02:00:00:00:00:07.
pub(crate) fn mac_of(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

pub(crate) fn name(text: &str) -> IfName {
    text.parse().expect("a name")
}

pub(crate) fn netlink() -> Netlink {
    Netlink::open().expect("a socket")
}

pub(crate) fn observe(netlink: &mut Netlink) -> Actual {
    netlink.observe(&BTreeMap::new()).expect("readable").actual
}

/// Applies steps that the kernel must accept.
pub(crate) fn apply(netlink: &mut Netlink, steps: &[Step]) {
    for (step, result) in steps.iter().zip(results(netlink, steps)) {
        if let Err(error) = result {
            panic!("{step:?}: {}", in_full(&error));
        }
    }
}

/// Applies steps; any of them may fail.
pub(crate) fn results(netlink: &mut Netlink, steps: &[Step]) -> Vec<Result<(), StepError>> {
    let steps: Vec<&Step> = steps.iter().collect();
    netlink.apply(&steps, &|_| None, &Materials::default())
}

/// An error with all of its causes.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub(crate) fn set(setting: Setting, value: &str) -> Step {
    Step::Setting(Delta { key: setting, before: None, after: Some(value.to_owned()) })
}

pub(crate) fn up(link: &str) -> Step {
    set(Setting::LinkUp(name(link)), "up")
}

/// Makes the anchor, and brings lo up.
pub(crate) fn anchor(netlink: &mut Netlink) {
    let make = Step::Link(Delta { key: name("segbox0"), before: None, after: Some(Link::Ifb) });
    apply(netlink, &[make, up("lo")]);
}

/// The same with a network of each family on it, for gateways.
pub(crate) fn anchor_with_networks(netlink: &mut Netlink) {
    anchor(netlink);
    let address = |text: &str| AddressKey { interface: name("segbox0"), address: text.parse().expect("a prefix") };
    let addresses = ["2001:db8::1/64", "192.0.2.1/24"].map(address);
    apply(netlink, &addresses.map(|key| Step::Address(Delta { key, before: None, after: Some(()) })));
}

pub(crate) fn route_step(key: RouteKey, before: Option<Route>, after: Option<Route>) -> Step {
    Step::Route(Delta { key, before, after })
}

/// In the main table, with the kernel's default metric.
pub(crate) fn key(prefix: &str) -> RouteKey {
    let prefix: ipnet::IpNet = prefix.parse().expect("a prefix");
    RouteKey { table: 254, prefix, metric: if prefix.addr().is_ipv6() { 1024 } else { 0 } }
}

/// Runs `ip`, as another program; OURS stands for segbox's protocol number.
pub(crate) fn ip(arguments: &str) -> String {
    let arguments = arguments.replace("OURS", &PROTOCOL.to_string());
    let output = std::process::Command::new("ip").args(arguments.split_whitespace()).output().expect("iproute2");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
