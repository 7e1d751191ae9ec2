//! Every path under /run/segbox and its content. It outlives a process, and ends with the boot.

pub mod boot;
pub(crate) mod folder;
#[cfg(test)]
mod folder_tests;
mod format;
pub(crate) mod pending;
mod place;
pub(crate) mod programs;
pub(crate) mod record;

/// Removes the remains of network namespaces that no longer exist: their folders here, and pins of programs. If one cannot be
/// removed now, a later call tries again.
pub fn sweep() {
    folder::Folder::sweep();
    drop(segbox_linux::bpf::sweep());
}
