//! Cases with the filters that a file has by default: each is a case of another file, on a router that does not turn them off. Their ratios
//! to those cases are what the filters cost (docs/filters.md).

use super::{Case, RouterKind, endpoints, headends, plain};

pub(super) fn cases() -> Vec<Case> {
    let on = |router, ending: &str, with: &str, case: Case| Case {
        id: format!("{}-{ending}", case.id),
        what: format!("{}, {with}", case.what),
        router,
        ..case
    };
    // Without a policy there is the edge filter alone.
    let edge = |case| on(RouterKind::Edge, "edge", "with the edge filter", case);
    let all = |case| on(RouterKind::Filters, "filters", "with all filters", case);
    let end = || endpoints::find("end");
    let [encaps, encaps4] = [headends::find("headend-seg6-encap"), headends::v4()];
    vec![edge(plain()), edge(end()), all(plain()), all(end()), all(encaps), all(encaps4)]
}
