//! Measures how fast segbox writes, reads and removes routes, and how fast `ip -6 -batch` writes the same ones: `netlink_rate [ROUTES]
//! [ROUNDS]`, as root. Not here: any verdict.
//!
//! Each round runs both in a fresh network namespace, one after the other; the median of the rounds counts. With more than some 40,000 routes
//! `ip` gives up at the kernel's ENOMEM: its time then means nothing.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Seek, Write as _};
use std::net::Ipv6Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use ipnet::{IpNet, Ipv6Net};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use segbox_config::{HeadendMode, IfName};
use segbox_linux::Netlink;
use segbox_plan::route::{Encap, Hop, Route, RouteKey};
use segbox_plan::state::{ANCHOR, Link};
use segbox_plan::{Delta, Materials, Setting, Step};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The times of a round.
struct Round {
    put: Duration,
    read: Duration,
    remove: Duration,
    ip: Duration,
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().map_or(Ok(30_000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let mut done = Vec::new();
    for _ in 0..rounds {
        // One thread per round: a namespace is left by ending the thread that is in it.
        done.push(std::thread::spawn(move || round(count)).join().expect("a round does not panic")?);
    }
    println!("{count} routes of 3 segments, median of {rounds} rounds, nanoseconds per route:");
    type Column = (&'static str, fn(&Round) -> Duration);
    let columns: [Column; 4] =
        [("put", |r| r.put), ("read", |r| r.read), ("remove", |r| r.remove), ("ip -6 -batch", |r| r.ip)];
    for (name, column) in columns {
        let mut times: Vec<_> = done.iter().map(column).collect();
        times.sort_unstable();
        let of = |time: Duration| time.as_nanos() / u128::from(count);
        println!("{name:>14} {:>7}   ({} to {})", of(times[rounds / 2]), of(times[0]), of(times[rounds - 1]));
    }
    Ok(())
}

fn round(count: u32) -> Outcome<Round> {
    // SAFETY: only the network namespace of this thread changes; no file descriptor table is unshared.
    #[expect(unsafe_code, reason = "unshare(2) of a thread")]
    unsafe {
        unshare_unsafe(UnshareFlags::NEWNET)?;
    }
    let mut netlink = Netlink::open()?;
    let anchor = ANCHOR.parse()?;
    let up = Setting::LinkUp("lo".parse()?);
    apply(&mut netlink, &[Step::Setting(Delta { key: up, before: None, after: Some("up".into()) })])?;
    apply(&mut netlink, &[Step::Link(Delta { key: anchor, before: None, after: Some(Link::Ifb) })])?;
    let routes: Vec<(RouteKey, Route)> = (0..count).map(|number| route(number, anchor)).collect();
    let add =
        |(key, route): &(RouteKey, Route)| Step::Route(Delta { key: *key, before: None, after: Some(route.clone()) });
    let adding: Vec<Step> = routes.iter().map(add).collect();
    let removing: Vec<Step> = adding.iter().cloned().filter_map(Step::inverse).collect();

    let (_, put) = timed(|| apply(&mut netlink, &adding))?;
    let (found, read) = timed(|| Ok(netlink.observe(&std::collections::BTreeMap::new())?))?;
    if found.actual.state.routes.len() != routes.len() {
        return Err(format!("put {}, read {}", routes.len(), found.actual.state.routes.len()).into());
    }
    drop(found);
    let (_, remove) = timed(|| apply(&mut netlink, &removing))?;

    // A file without a path: root runs this, and others can write in /tmp.
    let mut file = tempfile::tempfile()?;
    file.write_all(batch(&routes)?.as_bytes())?;
    file.rewind()?;
    let mut ip = Command::new("ip");
    ip.args(["-6", "-batch", "-"]).stdin(file);
    let (status, ip) = timed(|| Ok(ip.status()?))?;
    if !status.success() {
        eprintln!("`ip -6 -batch` gave up");
    }
    apply(&mut netlink, &removing)?;
    Ok(Round { put, read, remove, ip })
}

fn apply(netlink: &mut Netlink, steps: &[Step]) -> Outcome<()> {
    let steps: Vec<&Step> = steps.iter().collect();
    netlink.apply(&steps, &|_| None, &Materials::default()).into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Duration)> {
    let start = Instant::now();
    let result = work()?;
    Ok((result, start.elapsed()))
}

fn route(number: u32, anchor: IfName) -> (RouteKey, Route) {
    let high = u16::try_from(number >> 16).expect("16 bits");
    let low = u16::try_from(number & 0xffff).expect("16 bits");
    let prefix = Ipv6Net::new(Ipv6Addr::new(0x2001, 0xdb8, high, low, 0, 0, 0, 0), 64).expect("64 is below 128");
    let segments = [1, 2, 3].map(|node| Ipv6Addr::new(0xfc00, 0, node, high, low, 0, 0, 0)).to_vec();
    let encap =
        Encap::Seg6 { mode: HeadendMode::Encaps, segments: segments.into(), hmac_key: 0, source: None, table: None };
    let key = RouteKey { table: 254, prefix: IpNet::V6(prefix), metric: 1024 };
    (key, Hop { interface: Some(anchor), encap, ..Hop::default() }.into())
}

/// The same routes, as input of `ip -batch`.
fn batch(routes: &[(RouteKey, Route)]) -> Outcome<String> {
    let mut text = String::new();
    for (key, route) in routes {
        let [Hop { encap: Encap::Seg6 { segments, .. }, .. }] = &*route.hops else { continue };
        let list: Vec<String> = segments.iter().map(Ipv6Addr::to_string).collect();
        let list = list.join(",");
        writeln!(text, "route add {} encap seg6 mode encap segs {list} dev {ANCHOR} proto 86", key.prefix)?;
    }
    Ok(text)
}
