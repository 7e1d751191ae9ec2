//! What the kernel does with attributes of a policy's tunnel that it may not know: it is tried out, and read back as it is.

use segbox_config::Feature;
use segbox_linux::kernel::survey;
use segbox_linux::netlink::tunnel_attributes;

use crate::world::*;

#[test]
fn what_the_kernel_ignores_is_found_by_reading_it_back() {
    let found = tunnel_attributes().expect("these tests run as root, on a kernel with SRv6");
    // Fixes are backported to stable kernels, attributes are not.
    let kernel = survey();
    assert_eq!(found.source, kernel.has(&Feature::POLICY_SOURCE), "{found:?} {kernel:?}");
    assert_eq!(found.table, kernel.has(&Feature::POLICY_TABLE), "{found:?} {kernel:?}");
    in_namespace(|| {
        tunnel_attributes().expect("tried out");
        assert_eq!(ip("-6 route show"), "", "it was tried out elsewhere");
    });
}
