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
    /// The object has no such program.
    #[error("the object has no function `{function}` in a section `{section}`")]
    NoProgram {
        /// The section asked for.
        section: String,
        /// The function asked for.
        function: String,
    },
    /// The object has no such map.
    #[error("the object has no map `{0}`")]
    NoMap(String),
    /// A global is missing, or has another size.
    #[error("cannot set the object's globals")]
    Globals(#[source] aya_obj::ParseError),
    /// The kernel lacks a type that the object refers to (CO-RE).
    #[error("the object refers to kernel types that this kernel lacks")]
    KernelTypes(#[source] aya_obj::btf::BtfRelocationError),
    /// The kernel's types cannot be read.
    #[error("the object refers to kernel types, and /sys/kernel/btf/vmlinux cannot be read")]
    NoKernelTypes(#[source] aya_obj::btf::BtfError),
    /// A reference within the object cannot be resolved.
    #[error("cannot resolve the object's references")]
    Relocate(#[from] aya_obj::relocation::EbpfRelocationError),
    /// The kernel refuses to make one of its maps.
    #[error("cannot create map `{map}`: {source}")]
    CreateMap {
        /// Which.
        map: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel refuses a row of a map.
    #[error("cannot write a row of map `{map}`")]
    Row {
        /// Which map.
        map: String,
        /// Why.
        source: MapError,
    },
    /// The kernel refuses the program without verifying it.
    #[error("the kernel refuses program `{program}`: {source}{}", hint(source))]
    Refused {
        /// Its function.
        program: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The verifier refuses the program.
    #[error("the kernel's verifier refuses program `{program}` ({errno}):\n{}", tail(log))]
    Verifier {
        /// Its function.
        program: String,
        /// The kernel's answer.
        errno: io::Error,
        /// The whole log of the verifier. Source lines follow a `;`.
        log: String,
    },
}

/// A hint at the cause of a refusal without a log.
fn hint(answer: &io::Error) -> &'static str {
    match answer.raw_os_error() {
        Some(libc::EPERM) => "; it needs root (CAP_BPF and CAP_NET_ADMIN)",
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
