//! The files that are released, which two builds must make alike. `--reproduce` compares them, and so does a test that includes this file.

/// The archive that makes a machine a tester.
pub(crate) const TESTER: &str = "tester.cpio.zst";

/// All released files.
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
