//! The two ways in which QEMU executes a guest. Not here: which of them works (`probe`).

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor.
    Kvm,
    /// QEMU itself, in software: ten to thirty times slower.
    Tcg,
}
