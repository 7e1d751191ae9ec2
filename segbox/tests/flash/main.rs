//! `segbox flash` on loop devices, which it treats as real disks: a small image with a boot, a config and a state partition. The
//! image itself is tested on disks in a virtual machine (`xtask/tests/image.rs`).

mod disks;
mod refusals;
mod swapped;
mod writing;

#[path = "../support/clang.rs"]
mod clang;
#[path = "../support/files.rs"]
mod files;
#[path = "../support/segbox.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod segbox;
