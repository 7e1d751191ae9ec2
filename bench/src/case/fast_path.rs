//! Cases of the fast path: those of the kernel that it can do, with the same packets and the same checks, on a router with `fast-path = "xdp"`.

use super::{Case, RouterKind};

/// The cases that it can do.
const DONE: [&str; 8] = [
    "end",
    "end-psp",
    "end-x",
    "end-dx6",
    "end-dt6",
    "headend-seg6-encap",
    "headend-seg6-encap-red",
    "headend-seg6-encap-red-single",
];

/// Each of these cases once more.
pub(super) fn cases(kernel: &[Case]) -> Vec<Case> {
    let mut own = kernel.iter().filter(|case| DONE.contains(&case.id.as_str())).cloned().collect::<Vec<_>>();
    for case in &mut own {
        case.id = format!("xdp-{}", case.id);
        case.what = format!("{}, in the fast path", case.what);
        case.router = RouterKind::FastPath;
    }
    own
}
