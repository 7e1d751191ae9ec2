//! Faults of keys and of single values: unknown, missing, of the wrong type, not written as such a value is.

use miette::Diagnostic;

use crate::names::IfNameError;

/// What is wrong with a key, whatever its value is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ShapeFault {
    /// No such key.
    #[error("{table} has no key `{key}`")]
    #[diagnostic(code(segbox::unknown_key), help("{near}"))]
    UnknownKey {
        /// As written.
        key: String,
        /// Where it stands, `[[srv6.sid]]`.
        table: &'static str,
        /// What may have been meant.
        near: String,
    },
    /// A key that must be there.
    #[error("{table} lacks `{key}`")]
    #[diagnostic(code(segbox::missing_key), help("add `{key} = {example}`"))]
    MissingKey {
        /// Its name.
        key: &'static str,
        /// Where it should stand.
        table: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// A number where a text belongs, and so on.
    #[error("`{key}` takes {wanted}, and this is {found}")]
    #[diagnostic(code(segbox::wrong_type), help("write it as in `{example}`"))]
    WrongType {
        /// The key.
        key: String,
        /// What belongs there.
        wanted: String,
        /// What is there.
        found: &'static str,
        /// One that would do.
        example: String,
    },
    /// A number too small or too large.
    #[error("`{key}` is {value}, out of {min} to {max}")]
    #[diagnostic(code(segbox::out_of_range), help("write a number from {min} to {max}{unit}"))]
    OutOfRange {
        /// The key.
        key: String,
        /// As written.
        value: i128,
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// ` (bytes)`, or nothing.
        unit: &'static str,
    },
    /// A word that is none of those it may be.
    #[error("`{key}` cannot be `{text}`")]
    #[diagnostic(code(segbox::not_one_of), help("{near}"))]
    NotOneOf {
        /// The key.
        key: String,
        /// As written.
        text: String,
        /// What may have been meant.
        near: String,
    },
}

/// What is wrong with a value as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum TextFault {
    /// Not an address.
    #[error("`{text}` is no {family} address")]
    #[diagnostic(code(segbox::no_address), help("write one as `ip` prints it, like `{example}`"))]
    Address {
        /// As written.
        text: String,
        /// `IPv6`, `IPv4`, `IP`.
        family: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// Not a prefix.
    #[error("`{text}` is no {family} prefix")]
    #[diagnostic(code(segbox::no_prefix), help("write an address, `/` and a length, like `{example}`"))]
    Prefix {
        /// As written.
        text: String,
        /// `IPv6`, `IPv4`, `IP`.
        family: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// A prefix longer than its address.
    #[error("`{text}` has a longer prefix than the address has bits")]
    #[diagnostic(code(segbox::prefix_too_long), help("a prefix of this family has at most {most} bits"))]
    PrefixTooLong {
        /// As written.
        text: String,
        /// 32 or 128.
        most: u8,
    },
    /// A prefix with bits behind its length.
    #[error("`{text}` is an address in a prefix, not a prefix: it has bits set behind its length")]
    #[diagnostic(code(segbox::host_bits), help("write `{right}`"))]
    HostBits {
        /// As written.
        text: String,
        /// The prefix it lies in.
        right: String,
    },
    /// Not a MAC address.
    #[error("`{text}` is no MAC address")]
    #[diagnostic(code(segbox::no_mac), help("write six bytes of two hexadecimal digits, like `52:54:00:12:34:56`"))]
    Mac {
        /// As written.
        text: String,
    },
    /// Not a PCI path.
    #[error("`{text}` is no PCI path")]
    #[diagnostic(code(segbox::no_pci_path), help("write it as `lspci -D` prints it, like `0000:03:00.0`"))]
    Pci {
        /// As written.
        text: String,
    },
    /// Not an interface name.
    #[error("`{text}` is no name for an interface: {why}")]
    #[diagnostic(code(segbox::no_interface_name), help("choose one like `eth0`"))]
    Interface {
        /// As written.
        text: String,
        /// Which of the kernel's rules it breaks.
        why: IfNameError,
    },
    /// Not a host name.
    #[error("`{text}` is no host name")]
    #[diagnostic(
        code(segbox::no_hostname),
        help(
            "letters, digits and `-` in labels with dots between, at most 64 characters (RFC 1123 section 2.1), like `r2`"
        )
    )]
    Hostname {
        /// As written.
        text: String,
    },
    /// Not a program's name.
    #[error("`{text}` is no name for a program")]
    #[diagnostic(
        code(segbox::no_program_name),
        help("1 to 63 of `a`-`z`, `A`-`Z`, `0`-`9`, `_` and `-`: it is a file name in bpffs, which takes no dots")
    )]
    Program {
        /// As written.
        text: String,
    },
    /// Not an HMAC key's id.
    #[error("`{text}` is no HMAC key id")]
    #[diagnostic(
        code(segbox::no_key_id),
        help("write a number from 1 to 4294967295: 0 means no key (RFC 8754 section 2.1.2.1)")
    )]
    KeyId {
        /// As written.
        text: String,
    },
    /// Not a list of CPUs.
    #[error("`{text}` is no list of CPUs")]
    #[diagnostic(code(segbox::no_cpu_list), help("write numbers and ranges with commas between, like `0,2-3`"))]
    CpuList {
        /// As written.
        text: String,
    },
    /// Not a sysctl's name.
    #[error("`{text}` is no sysctl's name")]
    #[diagnostic(
        code(segbox::no_sysctl),
        help("write it as `sysctl` prints it, in quotes, like `\"net.core.netdev_budget\"`")
    )]
    Sysctl {
        /// As written.
        text: String,
    },
    /// Nothing at all.
    #[error("this is empty")]
    #[diagnostic(code(segbox::empty), help("{wanted}"))]
    Empty {
        /// What belongs there.
        wanted: &'static str,
    },
}
