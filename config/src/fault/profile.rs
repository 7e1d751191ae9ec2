//! Faults of hardware profiles. Not here: whether a profile fits a box ([`crate::profile`]).

use miette::Diagnostic;

/// A fault of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ProfileFault {
    /// A CPU in both lists.
    #[error("CPU {cpu} is in `housekeeping` and in `forwarding`")]
    #[diagnostic(code(segbox::cpu_twice), help("remove it from one of the two"))]
    CpuTwice {
        /// Its number.
        cpu: u32,
    },
    /// A knob that needs the list of forwarding CPUs.
    #[error("`{key} = \"{word}\"` needs the key `forwarding` of `[cpu]`, which is missing")]
    #[diagnostic(
        code(segbox::no_forwarding),
        help("add it, for example `forwarding = \"1-3\"`, or give `{key}` another value")
    )]
    NoForwarding {
        /// The knob.
        key: &'static str,
        /// Its value.
        word: &'static str,
    },
}
