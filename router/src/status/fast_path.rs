//! The fast path, for `status`: who forwards the packets of each SID and policy, and what the program has counted. Not here: what it may forward
//! (`segbox_plan::fast_path`).

use std::collections::BTreeMap;

use segbox_config::Config;
use segbox_config::model::FastPath as Asked;
use segbox_linux::bpf::{Programs, Sums, counted, lease_left, passed};
use segbox_linux::netlink::ground;
use segbox_plan::Actual;
use segbox_plan::fast_path::{Standing, Verdict, is_program, row_of, slot_of, standing, unused};
use segbox_plan::route::{Route, RouteKey};
use serde::Serialize;

/// Who forwards packets of a SID or policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Path {
    /// `xdp` or `kernel`. What the fast path is not sure of the kernel forwards in either case.
    pub path: &'static str,
    /// Why it is the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_why: Option<String>,
    /// Packets that the fast path has forwarded; None where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xdp_packets: Option<u64>,
    /// Bytes of these packets, as they came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xdp_bytes: Option<u64>,
}

/// The fast path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FastPath {
    /// Why it forwards nothing at all; None: it forwards.
    pub stopped: Option<String>,
    /// The ports that have its program, and in which mode.
    pub ports: BTreeMap<String, String>,
    /// Ports that it leaves to the kernel, and why.
    pub idle: BTreeMap<String, String>,
    /// Answers that were looked up anew: a next hop may have changed.
    pub misses: u64,
    /// Packets that passed to the kernel because the service had not renewed the lease.
    pub passed_no_lease: u64,
    /// Packets that passed so that the kernel keeps a neighbour's entry fresh.
    pub passed_refresh: u64,
    /// Packets to SIDs and policies that passed because the kernel has to judge them.
    pub passed_doubtful: u64,
}

/// What is known of the paths.
pub(super) struct Paths<'a> {
    config: Option<&'a Config>,
    verdict: Option<Verdict<'a>>,
    actual: &'a Actual,
    /// The loaded program's name.
    program: Option<&'a str>,
    standing: Standing,
    /// Why nothing is forwarded by it.
    stopped: Option<String>,
    counted: BTreeMap<u32, Sums>,
    passed: Vec<u64>,
}

impl<'a> Paths<'a> {
    /// Reads it. What cannot be read is told as a reason why the kernel forwards.
    pub(super) fn read(programs: &Programs, config: Option<&'a Config>, actual: &'a Actual) -> Self {
        let program = actual.state.programs.keys().map(String::as_str).find(|name| is_program(name));
        let slots = actual.state.rows.iter().filter(|(key, _)| Some(&*key.program) == program);
        let slots = slots.filter_map(|(_, row)| slot_of(row));
        let found = program.map(|name| {
            let attached = programs.ports_of(name).unwrap_or_default();
            ground(&attached).map(|ground| standing(&ground)).map_err(|error| error.to_string())
        });
        let (standing, unread) = match found {
            Some(Ok(standing)) => (standing, None),
            Some(Err(error)) => (Standing::default(), Some(error)),
            None => (Standing::default(), None),
        };
        let lease = lease_left(programs).ok().flatten();
        let no_lease = lease.is_none().then(|| "no service keeps it fresh: run `segbox keep`".to_owned());
        let stopped = program.and_then(|_| unread.or_else(|| standing.stopped.clone()).or(no_lease));
        let counted = counted(programs, slots).unwrap_or_default();
        let passed = passed(programs).unwrap_or_default();
        let verdict = config.map(|config| Verdict::of(config, &actual.state));
        Self { config, verdict, actual, program, standing, stopped, counted, passed }
    }

    fn is_asked_for(&self) -> bool {
        self.config.is_some_and(|config| config.fast_path == Asked::Xdp)
    }

    /// What the user has to know.
    pub(super) fn deviations(&self) -> Vec<String> {
        let Some(config) = self.config.filter(|_| self.is_asked_for()) else { return Vec::new() };
        let mut lines: Vec<String> = unused(config, self.actual);
        lines.extend(self.stopped.iter().map(|why| format!("the fast path forwards nothing: {why}")));
        lines.extend(self.standing.idle.iter().map(|(name, why)| format!("no fast path at {name}: {why}")));
        lines
    }

    pub(super) fn whole(&self) -> Option<FastPath> {
        let program = self.program?;
        let at = |place: usize| self.passed.get(place).copied().unwrap_or_default();
        let ports = self.actual.state.xdp.iter().filter(|(_, at)| at.program == program);
        Some(FastPath {
            stopped: self.stopped.clone(),
            ports: ports.map(|(name, at)| (name.to_string(), format!("{:?}", at.mode).to_lowercase())).collect(),
            idle: self.standing.idle.iter().map(|(name, why)| (name.to_string(), why.clone())).collect(),
            misses: at(0),
            passed_no_lease: at(1),
            passed_refresh: at(2),
            passed_doubtful: at(3),
        })
    }

    /// The place of a route's row in the counters.
    fn slot(&self, key: &RouteKey) -> Option<u32> {
        slot_of(self.actual.state.rows.get(&row_of(self.program?, key)?)?)
    }

    /// What the fast path has counted of a route; None where it does not forward it.
    pub(super) fn counted(&self, key: &RouteKey) -> Option<Sums> {
        self.counted.get(&self.slot(key)?).copied()
    }

    /// Who forwards a route's packets.
    pub(super) fn of(&self, key: &RouteKey, route: &Route) -> Path {
        let fast = self.counted(key);
        let (xdp_packets, xdp_bytes) = (fast.map(|fast| fast.packets), fast.map(|fast| fast.bytes));
        let kernel = |why: String| Path { path: "kernel", path_why: Some(why), xdp_packets, xdp_bytes };
        if !self.is_asked_for() {
            return kernel("fast-path is \"kernel\"".to_owned());
        }
        let by_file = self.verdict.as_ref().and_then(|verdict| verdict.why_kernel(key, route));
        match (by_file, &self.stopped, self.slot(key)) {
            (Some(why), ..) => kernel(why),
            (None, Some(why), _) => kernel(why.clone()),
            (.., None) => kernel("its row is not in the table".to_owned()),
            _ if self.standing.ports.is_empty() => kernel("no port has the fast path".to_owned()),
            _ => Path { path: "xdp", path_why: None, xdp_packets, xdp_bytes },
        }
    }
}
