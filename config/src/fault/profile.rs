//! Faults of hardware profiles, each in itself.

use miette::Diagnostic;

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ProfileFault {
    /// A CPU for both.
    #[error("CPU {cpu} is for housekeeping and for forwarding")]
    #[diagnostic(code(segbox::cpu_twice), help("leave it to one of the two"))]
    CpuTwice {
        /// Its number.
        cpu: u32,
    },
    /// A knob that goes by a list that isn't there.
    #[error("`{key} = \"{word}\"` goes by `forwarding` of `[cpu]`, and that is not there")]
    #[diagnostic(
        code(segbox::no_forwarding),
        help("add `forwarding = \"1-3\"` to `[cpu]`, or give `{key}` another value")
    )]
    NoForwarding {
        /// The knob.
        key: &'static str,
        /// Its value.
        word: &'static str,
    },
}
