//! Why a program cannot be loaded: the reason in the object, or the kernel's answer and the end of the verifier's log. Not here: loading.

use std::io;

use super::maps::MapError;
use super::object::ObjectError;

/// Why a program is not in the kernel.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The object holds other programs.
    #[error("the object has no function `{function}` in a section `{section}`")]
    NoProgram {
        /// The section asked for.
        section: String,
        /// The function asked for.
        function: String,
    },
    /// The object holds other maps.
    #[error("the object has no map `{0}`")]
    NoMap(String),
    /// A global is not there, or of another size.
    #[error("the object's globals cannot be set")]
    Globals(#[source] aya_obj::ParseError),
    /// References to kernel types (CO-RE) lead nowhere.
    #[error("the object refers to kernel types that this kernel does not have")]
    KernelTypes(#[source] aya_obj::btf::BtfRelocationError),
    /// The kernel's own types cannot be read.
    #[error("the object refers to kernel types, and /sys/kernel/btf/vmlinux cannot be read")]
    NoKernelTypes(#[source] aya_obj::btf::BtfError),
    /// References within the object lead nowhere.
    #[error("the object's references cannot be resolved")]
    Relocate(#[from] aya_obj::relocation::EbpfRelocationError),
    /// The kernel does not make one of its maps.
    #[error("cannot create map `{map}`: {source}")]
    CreateMap {
        /// Which.
        map: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A row does not go into its map.
    #[error("cannot put a row into map `{map}`")]
    Row {
        /// Which map.
        map: String,
        /// Why.
        source: MapError,
    },
    /// The kernel does not look at the program at all.
    #[error("the kernel does not take program `{program}`: {source}{}", hint(source))]
    Refused {
        /// Its function.
        program: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The verifier found fault with the program.
    #[error("the kernel's verifier refuses program `{program}` ({errno}):\n{}", tail(log))]
    Verifier {
        /// Its function.
        program: String,
        /// The kernel's answer.
        errno: io::Error,
        /// What the verifier wrote, all of it; source lines stand behind `;`.
        log: String,
    },
}

/// What to do about an answer that comes without a log.
fn hint(answer: &io::Error) -> &'static str {
    match answer.raw_os_error() {
        Some(libc::EPERM) => "; it takes root (CAP_BPF and CAP_NET_ADMIN)",
        Some(libc::EINVAL) => "; this kernel may lack CONFIG_IPV6_SEG6_BPF or CONFIG_LWTUNNEL_BPF: see `segbox doctor`",
        _ => "",
    }
}

/// The end of a log, where the verifier gives its reason.
fn tail(log: &str) -> &str {
    const LINES: usize = 24;
    let start = log.rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    &log[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logs_end_is_shown() {
        assert_eq!(tail("a\nb"), "a\nb");
        let long = (0..100).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let shown: Vec<&str> = tail(&long).lines().collect();
        assert_eq!((shown.len(), shown.last()), (24, Some(&"99")));
    }
}
