//! The router's health: what runs, what it has counted, and where the kernel is not as the last applied file says.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use jiff::Timestamp;
use segbox_linux::bpf::{self, MapRow};
use segbox_linux::{Counters, LinkStatistics};
use segbox_plan::{Actual, RouteKey, RouteKind, Setting, desired, diff};
use serde::Serialize;

use super::change::{ChangeError, Record};
use super::confirm;
use super::machine::Machine;
use super::read::{Seen, check};
use super::status_tuning::{self, Tuning};
use super::{Refusal, Router};

/// What `segbox status --json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Status {
    /// segbox's version.
    pub(crate) version: &'static str,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// Nothing deviates.
    pub(crate) healthy: bool,
    /// One line each: what is not as it should be.
    pub(crate) deviations: Vec<String>,
    pub(crate) last_apply: Option<LastApply>,
    pub(crate) sids: Vec<Sid>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) programs: Vec<Program>,
    pub(crate) links: Vec<Link>,
    /// How the box is tuned; None in a namespace that is not the box's own.
    pub(crate) tuning: Option<Tuning>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LastApply {
    pub(crate) at: Timestamp,
    pub(crate) file: String,
    /// Seconds until it is undone unless confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waits_for_confirm: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Sid {
    pub(crate) sid: String,
    pub(crate) behavior: String,
    /// None where the kernel does not count (before Linux 5.14).
    pub(crate) packets: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) errors: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Policy {
    pub(crate) destination: String,
    pub(crate) behavior: String,
    pub(crate) interface: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) hook: &'static str,
    /// Bytes of machine code that the kernel made of it; 0 if it interprets it.
    pub(crate) jited: Option<u32>,
    /// SIDs and policies that run it.
    pub(crate) used_by: Vec<String>,
    /// What it keeps in its maps, row by row.
    pub(crate) maps: BTreeMap<String, Vec<Row>>,
}

/// A row of a program's map, in hexadecimal; a value of a per-CPU map as its 64-bit words, summed over the CPUs.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) value: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) mtu: String,
    pub(crate) srv6: bool,
    #[serde(flatten)]
    pub(crate) statistics: LinkStatistics,
}

/// Looks at this router.
pub(crate) fn status(router: &mut Router) -> Result<Status, ChangeError> {
    let found = router.kernel.observe().map_err(ChangeError::Kernel)?;
    let kernel_error = |error: Refusal| ChangeError::Kernel(error);
    let counters = router.kernel.netlink.counters().map_err(|error| kernel_error(error.into()))?;
    let statistics = router.kernel.netlink.link_statistics().map_err(|error| kernel_error(error.into()))?;
    let record = router.last_applied()?;
    let pending = confirm::pending(&router.folder)?;
    let (mut deviations, tuning) = deviations(router, &found.actual, record.as_ref())?;
    if router.own_box {
        deviations.extend(crate::boot::problems());
    }
    let (sids, policies) = routes(&found.actual, &counters);
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        healthy: deviations.is_empty(),
        deviations,
        last_apply: record.map(|record| LastApply {
            at: record.at,
            file: record.file.display().to_string(),
            waits_for_confirm: pending.map(|pending| pending.left().map_or(0, |left| left.as_secs())),
        }),
        sids,
        policies,
        programs: programs(router, &found.actual),
        links: links(&found.actual, &statistics),
        tuning,
    })
}

/// Where the kernel is not as the last applied file says (the steps that would mend it), and how the box is tuned.
fn deviations(
    router: &Router,
    actual: &Actual,
    record: Option<&Record>,
) -> Result<(Vec<String>, Option<Tuning>), ChangeError> {
    let Some(record) = record else { return Ok((Vec::new(), None)) };
    let on = Seen { links: Some(actual.links.clone()), kernel: Some(router.survey.clone()), profiles: None };
    match check(&record.file, &record.text, on) {
        Ok(checked) => {
            let base = router.folder.base()?;
            let tuned = router.tuned(&checked.config, actual)?;
            let want = desired(&checked.config, router.context(actual, &base, &tuned));
            let mut lines: Vec<String> = diff(&want.state, actual).steps.iter().map(ToString::to_string).collect();
            lines.extend(tuned.choice.trouble().map(str::to_owned));
            Ok((lines, status_tuning::tuning(&tuned.choice, &want.wishes, actual)))
        }
        // What it names has changed since: an object, a key, an interface.
        Err(faults) => Ok((faults.iter().map(|fault| faults.line(fault).to_string()).collect(), None)),
    }
}

fn routes(actual: &Actual, counters: &BTreeMap<RouteKey, Counters>) -> (Vec<Sid>, Vec<Policy>) {
    let mut sids = Vec::new();
    let mut policies = Vec::new();
    for (key, route) in &actual.state.routes {
        match route.kind() {
            RouteKind::Plain => {}
            RouteKind::Sid => {
                let counted = counters.get(key);
                sids.push(Sid {
                    sid: key.prefix.to_string(),
                    behavior: route.encap.to_string(),
                    packets: counted.map(|counted| counted.packets),
                    bytes: counted.map(|counted| counted.bytes),
                    errors: counted.map(|counted| counted.errors),
                });
            }
            RouteKind::Policy => policies.push(Policy {
                destination: key.to_string(),
                behavior: route.encap.to_string(),
                interface: route.interface.map(|name| name.to_string()),
            }),
        }
    }
    (sids, policies)
}

fn programs(router: &Router, actual: &Actual) -> Vec<Program> {
    let mut used: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, route) in &actual.state.routes {
        if let Some(program) = route.encap.program() {
            used.entry(program).or_default().push(key.to_string());
        }
    }
    let programs = actual.state.programs.iter().map(|(name, hook)| Program {
        name: name.clone(),
        hook: hook.section(),
        jited: router.kernel.programs.fd(name).ok().and_then(|fd| bpf::jited_len(fd.as_fd()).ok()),
        used_by: used.remove(name.as_str()).unwrap_or_default(),
        maps: maps(router, name),
    });
    programs.collect()
}

fn maps(router: &Router, program: &str) -> BTreeMap<String, Vec<Row>> {
    let programs = &router.kernel.programs;
    // A map that cannot be read (of a kind without rows, or gone meanwhile) has nothing to show.
    let names = programs.maps(program).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|map| programs.read_map(program, &map).ok().map(|rows| (map, rows)))
        .map(|(map, rows)| {
            let set = rows.iter().filter(|row| row.values.iter().flatten().any(|byte| *byte != 0));
            (map, set.map(row).collect())
        })
        .collect()
}

fn row(row: &MapRow) -> Row {
    let value = match &row.values[..] {
        [one] => hex::encode(one),
        _ => row.sum().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    Row { key: hex::encode(&row.key), value }
}

fn links(actual: &Actual, statistics: &BTreeMap<segbox_config::IfName, LinkStatistics>) -> Vec<Link> {
    let setting = |setting: Setting| actual.state.settings.get(&setting).cloned().unwrap_or_default();
    let links = actual.links.iter().map(|link| Link {
        name: link.name.to_string(),
        state: setting(Setting::LinkUp(link.name)),
        mtu: setting(Setting::LinkMtu(link.name)),
        srv6: setting(Setting::Sysctl(segbox_plan::sysctl::of_a_link("ipv6", link.name, "seg6_enabled"))) == "1",
        statistics: statistics.get(&link.name).copied().unwrap_or_default(),
    });
    links.collect()
}
