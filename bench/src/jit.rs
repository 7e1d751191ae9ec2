//! The BPF JIT switched off for a moment, where the kernel lets one: a program keeps what it was loaded with.

use std::fs;

const SWITCH: &str = "/proc/sys/net/core/bpf_jit_enable";

/// Runs something with the JIT off, and puts it back.
///
/// # Errors
/// The kernel does not let it be switched; says why.
pub(crate) fn without<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let before =
        fs::read_to_string(SWITCH).map_err(|error| format!("this kernel has no BPF JIT to switch off: {error}"))?;
    let refused = |error| {
        format!(
            "this kernel does not let one switch the BPF JIT off ({error}): it is built with CONFIG_BPF_JIT_ALWAYS_ON"
        )
    };
    fs::write(SWITCH, "0").map_err(refused)?;
    let result = run();
    // It took the other value a moment ago.
    let _ = fs::write(SWITCH, before.trim());
    Ok(result)
}
