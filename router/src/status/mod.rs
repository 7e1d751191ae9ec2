//! The router's health: what runs, its counters, and the differences between the kernel and the last applied file.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::Duration;

use jiff::Timestamp;
use segbox_config::fault::{Fault, FaultKind, Srv6Fault};
use segbox_config::kernel::Feature;
use segbox_config::model::Vlan;
use segbox_config::{Faults, IfName};
use segbox_linux::bpf::{self, MapRow, Programs};
use segbox_linux::netlink::{Dropped, LinkStatistics};
use segbox_linux::snmp;
use segbox_plan::bonds::{self, BondSeen};
use segbox_plan::filter::{Filter as Content, FilterName};
use segbox_plan::icmp_errors::Counts;
use segbox_plan::overruled::of_state;
use segbox_plan::{Actual, Setting};
use serde::Serialize;

use crate::counted::Ledger;
use crate::desk::{Service, ask};
use crate::error::ChangeError;
use crate::error::with_causes;
use crate::run::boot::Boot;
use crate::run::pending::Pending;
use crate::target::{Target, TargetError};
use crate::{Reading, Router, damage};

mod circles;
/// The fast path.
pub mod fast_path;
mod hop_limit;
/// Ports whose addresses come from their network.
pub mod management;
mod routes;
/// The tuning of the box.
pub mod tuning;

use fast_path::{FastPath, Paths};
use management::ManagementPort;
use routes::routes;
pub use routes::{Policy, Sid};
use tuning::Tuning;

/// The output of `segbox status --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// segbox's version.
    pub version: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// There are no deviations.
    pub healthy: bool,
    /// The deviations, one line each.
    pub deviations: Vec<String>,
    /// The last `segbox apply`; None if nothing is applied.
    pub last_apply: Option<LastApply>,
    /// My Local SID Table.
    pub sids: Vec<Sid>,
    /// Policies of this headend.
    pub policies: Vec<Policy>,
    /// What segbox's filters have dropped.
    pub filters: Vec<Filter>,
    /// The ports that are up and outside of the SR domain: what the edge filter drops as "from outside" came in by one of them.
    pub outside: Vec<String>,
    /// The fast path; None where the file does not ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fast_path: Option<FastPath>,
    /// Loaded BPF programs.
    pub programs: Vec<Program>,
    /// Every interface of the namespace.
    pub links: Vec<Link>,
    /// The kernel's counters of lost IPv6 packets, by their names in /proc/net/snmp6, since the namespace was made.
    pub losses: BTreeMap<&'static str, u64>,
    /// Ports with `dhcp` or `accept-ra`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub management: Vec<ManagementPort>,
    /// ICMP errors about encapsulated packets; None if no service hands them back to hosts.
    pub icmp_errors: Option<Counts>,
    /// The tuning of the box; None in another namespace than the box's.
    pub tuning: Option<Tuning>,
}

/// The last `segbox apply`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LastApply {
    /// When it ended.
    pub at: Timestamp,
    /// The file's path.
    pub file: String,
    /// Seconds until it is undone unless confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for_confirm: Option<u64>,
    /// Seconds since it was to be undone and is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdue: Option<u64>,
}

/// A rule of a filter that drops packets.
#[derive(Debug, Serialize)]
pub struct Filter {
    /// `edge`
    pub filter: String,
    /// Which packets: `from outside to the domain`
    pub dropped: &'static str,
    /// Packets, since the filter was set.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
}

/// A loaded program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Program {
    /// `stamp@1a2b…`
    pub name: String,
    /// `lwt_seg6local`
    pub hook: &'static str,
    /// Bytes of machine code that the kernel compiled; 0 if it interprets the program.
    pub jited: Option<u32>,
    /// SIDs and policies that use it.
    pub used_by: Vec<String>,
    /// The rows of its maps, at most 1,000 of each.
    pub maps: BTreeMap<String, Vec<Row>>,
    /// How many rows more a map has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rows_left_out: BTreeMap<String, usize>,
}

/// The most rows of a map that are shown: a program may have millions.
const ROWS: usize = 1000;

/// A row of a map, in hexadecimal. The value of a per-CPU map is shown as 64-bit words, summed over the CPUs.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The key's bytes.
    pub key: String,
    /// The value's bytes, or the sums.
    pub value: String,
}

/// An interface.
#[derive(Debug, Serialize)]
pub struct Link {
    /// `eth0`
    pub name: String,
    /// `up` or `down`
    pub state: String,
    /// Bytes.
    pub mtu: String,
    /// It accepts SRv6 packets (seg6_enabled).
    pub srv6: bool,
    /// The VLAN that it is, if segbox made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// The bond that it is, as it runs, if segbox made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<BondSeen>,
    /// Its counters.
    #[serde(flatten)]
    pub statistics: LinkStatistics,
}

/// Reads the health of this router.
///
/// # Errors
/// The kernel or the folder under /run cannot be read.
pub fn status(router: &mut Router) -> Result<Status, ChangeError> {
    let kernel_error = |error: TargetError| ChangeError::Kernel(error);
    let overdue = undo_overdue(router);
    // What a damaged file would tell is left out, and said: the kernel is shown all the same.
    let record = router.last_applied().ok().flatten();
    let links_now = router.target.netlink.links().map_err(|error| kernel_error(error.into()))?;
    let on = crate::Seen { links: Some(links_now), ..router.seen_without_links() };
    let reading = record.as_ref().map(|record| record.reading(on));
    if let Some(Ok(reading)) = &reading {
        router.note(&reading.checked.config);
    }
    let found = router.target.observe().map_err(kernel_error)?;
    let counters = router.target.netlink.counters().map_err(|error| kernel_error(error.into()))?;
    let statistics = router.target.netlink.link_statistics().map_err(|error| kernel_error(error.into()))?;
    let dropped = router.target.netlink.dropped().map_err(|error| kernel_error(error.into()))?;
    let pending = Pending::read(&router.folder).ok().flatten();
    let config =
        reading.as_ref().and_then(|reading| reading.as_ref().ok()).map(|reading| reading.checked.config.clone());
    let paths = Paths::read(&router.target.programs, config.as_ref(), &found.actual);
    let (management, of_management) = config.as_ref().map(management::of).unwrap_or_default();
    let (mut deviations, tuning) = deviations(router, &found.actual, reading);
    deviations.extend(of_management);
    deviations.extend(paths.deviations());
    deviations.extend(overdue);
    deviations.extend(damage::damaged(&router.folder));
    deviations.extend(segbox_plan::lost::lost(&found.actual));
    deviations.extend(bonds::trouble(&found.actual));
    deviations.extend(router.overruled(&of_state(&found.actual.state))?.iter().map(ToString::to_string));
    // A machine that segbox has not booted has no record.
    if let Some(boot) = Boot::read().filter(|_| router.facts.own_box) {
        deviations.extend(boot.all_problems().cloned());
    }
    deviations.extend(hop_limit::circles(&router.target.programs, &found.actual));
    deviations.extend(circles::circles(&found.actual));
    let ledger = Ledger::read(&router.folder).unwrap_or_default();
    let (sids, policies) = routes(&found.actual, &counters, &ledger, &paths);
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        healthy: deviations.is_empty(),
        deviations,
        last_apply: record.map(|record| LastApply {
            at: record.at,
            file: record.file.display().to_string(),
            waits_for_confirm: pending.and_then(Pending::left).map(|left| left.as_secs()),
            overdue: pending.and_then(Pending::late).map(|late| late.as_secs()),
        }),
        sids,
        policies,
        filters: dropped.into_iter().map(filter).collect(),
        outside: outside(&found.actual),
        fast_path: paths.whole(),
        programs: programs(router, &found.actual),
        links: links(&found.actual, &statistics),
        losses: losses(),
        icmp_errors: ask(Service::IcmpErrors),
        management,
        tuning,
    })
}

/// Undoes a change whose time is over. A line if it cannot be undone now.
fn undo_overdue(router: &mut Router) -> Option<String> {
    // A damaged file is a deviation of its own.
    let late = Pending::read(&router.folder).ok()??.late()?;
    let error = router.undo_overdue(Duration::ZERO).err()?;
    Some(format!(
        "a change that nobody confirmed was to be undone {} s ago, and is not: {}",
        late.as_secs(),
        with_causes(&error)
    ))
}

/// The steps from the kernel's state to the last applied file, and the tuning of the box.
fn deviations(
    router: &Router,
    actual: &Actual,
    reading: Option<Result<Reading, Faults>>,
) -> (Vec<String>, Option<Tuning>) {
    match reading {
        None => (Vec::new(), None),
        Some(Ok(reading)) => {
            let config = &reading.checked.config;
            let reconcile = router.reconcile_with_what_is_left();
            let plan = reconcile.plan(Some(config), actual);
            let choice = reconcile.choice(config, actual);
            // A routing daemon may move a first segment at any time: a policy whose MTU is smaller than it could be loses nothing.
            let steps = plan.steps.iter().filter(|step| !step.only_raises_mtu());
            let mut lines: Vec<String> = steps.map(ToString::to_string).collect();
            lines.extend(choice.trouble().or(reconcile.exposed(&choice)).map(str::to_owned));
            lines.extend(segbox_plan::filter::left_out(config, &reconcile.facts.kernel));
            let warnings = &reading.checked.warnings;
            let guards = reconcile.facts.kernel.has(&Feature::NF_TABLES);
            let certain = |fault: &&Fault| match &fault.kind {
                FaultKind::Path(path) => path.is_certain(),
                FaultKind::Srv6(Srv6Fault::NoPortInside) => guards,
                _ => false,
            };
            lines.extend(warnings.iter().filter(certain).map(|fault| warnings.line(fault).to_string()));
            let want = reconcile.want(Some(config), actual, &reconcile.refusals);
            lines.extend(segbox_plan::spread::unused(config, actual, &want.state));
            (lines, tuning::tuning(&choice, &want.wishes, actual))
        }
        // A file that it names has changed since: an object, a key, or an interface.
        Some(Err(faults)) => (faults.iter().map(|fault| faults.line(fault).to_string()).collect(), None),
    }
}

fn losses() -> BTreeMap<&'static str, u64> {
    let counters = snmp::losses().unwrap_or_default();
    counters.into_iter().map(|(counter, value)| (counter.name, value)).collect()
}

fn filter(dropped: Dropped) -> Filter {
    let Dropped { filter, what, packets, bytes } = dropped;
    Filter { filter: filter.to_string(), dropped: what, packets, bytes }
}

/// Empty without an edge filter. A counter for each port would be a set that packets fill, and a filter of segbox's is exactly what it writes.
fn outside(actual: &Actual) -> Vec<String> {
    let Some(Content::Edge(edge)) = actual.state.filters.get(&FilterName::Edge) else {
        return Vec::new();
    };
    let is_up = |name: &IfName| actual.state.settings.get(&Setting::LinkUp(*name)).is_some_and(|state| state == "up");
    // What comes in by a member of a bond comes in by the bond.
    let is_member = |name: &IfName| actual.bonds.values().any(|bond| bond.members.contains_key(name));
    edge.outside(&actual.links).iter().filter(|name| is_up(name) && !is_member(name)).map(ToString::to_string).collect()
}

fn programs(router: &Router, actual: &Actual) -> Vec<Program> {
    let mut used: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, route) in &actual.state.routes {
        for program in route.programs() {
            used.entry(program).or_default().push(key.to_string());
        }
    }
    let programs = actual.state.programs.iter().map(|(name, hook)| {
        let mut program = Program {
            name: name.clone(),
            hook: hook.section(),
            jited: router.target.programs.fd(name).ok().and_then(|fd| bpf::jited_len(fd.as_fd()).ok()),
            used_by: used.remove(name.as_str()).unwrap_or_default(),
            maps: BTreeMap::new(),
            rows_left_out: BTreeMap::new(),
        };
        // The fast path's tables are shown as SIDs, policies and counters.
        if !segbox_plan::fast_path::is_program(name) {
            read_maps(&router.target.programs, &mut program);
        }
        program
    });
    programs.collect()
}

fn read_maps(programs: &Programs, program: &mut Program) {
    for map in programs.maps(&program.name).unwrap_or_default() {
        // A map that cannot be read is of a kind without rows, or gone meanwhile.
        let Ok(rows) = programs.read_map(&program.name, &map, ROWS) else { continue };
        if rows.left_out > 0 {
            program.rows_left_out.insert(map.clone(), rows.left_out);
        }
        program.maps.insert(map, rows.read.iter().filter(|row| !row.is_zero()).map(row).collect());
    }
}

fn row(row: &MapRow) -> Row {
    let value = match &row.values[..] {
        [one] => hex::encode(one),
        _ => row.sum().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    Row { key: hex::encode(&row.key), value }
}

fn links(actual: &Actual, statistics: &BTreeMap<IfName, LinkStatistics>) -> Vec<Link> {
    let setting = |setting: Setting| actual.state.settings.get(&setting).cloned().unwrap_or_default();
    let links = actual.links.iter().map(|link| Link {
        name: link.name.to_string(),
        state: setting(Setting::LinkUp(link.name)),
        mtu: setting(Setting::LinkMtu(link.name)),
        srv6: setting(Setting::Sysctl(segbox_plan::sysctl::of_a_link("ipv6", link.name, "seg6_enabled"))) == "1",
        vlan: actual.state.links.get(&link.name).and_then(|device| device.vlan()),
        bond: actual.bonds.get(&link.name).filter(|_| actual.state.links.contains_key(&link.name)).cloned(),
        statistics: statistics.get(&link.name).copied().unwrap_or_default(),
    });
    links.collect()
}
