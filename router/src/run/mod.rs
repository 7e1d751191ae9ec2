//! Every path under /run/segbox, and what lies there: all that must outlive a process, and nothing that must outlive a boot.

pub mod boot;
pub(crate) mod folder;
pub(crate) mod programs;
pub(crate) mod record;

/// Removes what network namespaces that are gone have left: folders here, and pins of programs. What cannot be removed now is removed
/// another time.
pub fn sweep() {
    folder::Folder::sweep();
    drop(segbox_linux::bpf::sweep());
}
