//! The files that leave the house, which two builds must have alike: compared by `--reproduce`, and by a test that includes this file.

/// The archive that makes a machine a tester.
pub(crate) const TESTER: &str = "tester.cpio.zst";

/// All of them.
pub(crate) const FILES: [&str; 10] = [
    "kernel",
    "initrd",
    "segbox",
    "segbox.efi",
    "segbox.raw",
    "segbox.raw.zst",
    "segbox.qcow2",
    "segbox.cdx.json",
    "manifest.json",
    TESTER,
];
