//! `segbox flash` on loop devices, which are real disks to it: a small image with a boot partition, a config and a state partition.
//! What the image itself does on a disk is judged in a virtual machine (`xtask/tests/image.rs`).

mod disks;
mod refusals;
mod writing;

#[path = "../support/clang.rs"]
mod clang;
#[path = "../support/files.rs"]
mod files;
#[path = "../support/segbox.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod segbox;
