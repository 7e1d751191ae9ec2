//! Every path under /run/segbox and its content. It outlives a process, and ends with the boot.

pub mod boot;
pub(crate) mod folder;
pub(crate) mod programs;
pub(crate) mod record;

/// Removes the remains of network namespaces that no longer exist: their folders here, and pins of programs. What cannot be
/// removed now is removed later.
pub fn sweep() {
    folder::Folder::sweep();
    drop(segbox_linux::bpf::sweep());
}
