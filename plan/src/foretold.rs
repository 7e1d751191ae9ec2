//! Who will forward the packets of each SID and policy of a file: the fast path, or the kernel and why. Not here: what a running box does
//! (`segbox status`).

use segbox_config::model::FastPath;
use segbox_config::{Config, Kernel};

use crate::base::Base;
use crate::desired::{Context, desired};
use crate::fast_path::Verdict;
use crate::route::{RouteKey, RouteKind};
use crate::state::Actual;

/// A SID or policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foretold {
    /// `SID fc00:0:2:1::/128  End`
    pub what: String,
    /// Why the kernel forwards its packets; None: the fast path does.
    pub why_kernel: Option<String>,
}

/// Each SID and policy of a file with `fast-path = "xdp"`; none of any other.
pub fn foretold(config: &Config) -> Vec<Foretold> {
    if config.fast_path == FastPath::Kernel {
        return Vec::new();
    }
    // A kernel that has everything, and a box on which nothing is: what is left out on one that lacks something is said elsewhere.
    let kernel = Kernel { version: (u32::MAX, 0), ..Kernel::default() };
    let (actual, base) = (Actual::default(), Base::default());
    let want = desired(config, Context { actual: &actual, base: &base, kernel: &kernel, own_box: false, tuning: None });
    let verdict = Verdict::of(config, &want.state);
    let name = |key: &RouteKey, kind| match kind {
        RouteKind::Plain => None,
        RouteKind::Sid => Some(format!("SID {}", key.prefix)),
        RouteKind::Policy => Some(format!("policy {key}")),
    };
    let each = want.state.routes.iter().filter_map(|(key, route)| {
        let what = format!("{}  {}", name(key, route.kind())?, route.behavior());
        Some(Foretold { what, why_kernel: verdict.why_kernel(key, route) })
    });
    each.collect()
}
