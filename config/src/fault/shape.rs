//! Faults of keys and of single values: unknown, missing, of the wrong type, wrongly written. Not here: two keys that do not go together.

use miette::Diagnostic;

use crate::names::IfNameError;

/// A fault of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ShapeFault {
    /// An unknown key.
    #[error("{table} has no key `{key}`")]
    #[diagnostic(code(segbox::unknown_key), help("{near}"))]
    UnknownKey {
        /// As written.
        key: String,
        /// Its table, `[[srv6.sid]]`.
        table: &'static str,
        /// The most similar name.
        near: String,
    },
    /// A key that must be there.
    #[error("{table} needs the key `{key}`")]
    #[diagnostic(code(segbox::missing_key), help("add it, for example `{key} = {example}`"))]
    MissingKey {
        /// Its name.
        key: &'static str,
        /// Its table.
        table: &'static str,
        /// One that is right.
        example: &'static str,
    },
    /// A number where a string belongs, and so on.
    #[error("`{key}` cannot be {found}: it takes {wanted}")]
    #[diagnostic(code(segbox::wrong_type), help("write it like `{example}`"))]
    WrongType {
        /// The key.
        key: String,
        /// The right kind of value.
        wanted: String,
        /// As written.
        found: &'static str,
        /// One that is right.
        example: String,
    },
    /// A number too small or too large.
    #[error("`{key}` cannot be {value}")]
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
    #[diagnostic(code(segbox::not_one_of), help("{fix}"))]
    NotOneOf {
        /// The key.
        key: String,
        /// As written.
        text: String,
        /// The most similar word, or all that the key takes.
        fix: String,
    },
}

/// A fault of the form of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum TextFault {
    /// Not an address.
    #[error("`{text}` is not an {family} address")]
    #[diagnostic(code(segbox::no_address), help("write an address such as `{example}`"))]
    Address {
        /// As written.
        text: String,
        /// `IPv6`, `IPv4`, `IPv6 or IPv4`.
        family: &'static str,
        /// One that is right.
        example: &'static str,
    },
    /// Not a prefix.
    #[error("`{text}` is not an {family} prefix")]
    #[diagnostic(code(segbox::no_prefix), help("write an address, `/` and a length, such as `{example}`"))]
    Prefix {
        /// As written.
        text: String,
        /// `IPv6`, `IPv4`, `IPv6 or IPv4`.
        family: &'static str,
        /// One that is right.
        example: &'static str,
    },
    /// A prefix longer than its address.
    #[error("the prefix of `{text}` is longer than the address")]
    #[diagnostic(code(segbox::prefix_too_long), help("write a prefix length from 0 to {most}"))]
    PrefixTooLong {
        /// As written.
        text: String,
        /// 32 or 128.
        most: u8,
    },
    /// A prefix with host bits.
    #[error("`{text}` is not a prefix: it has bits set after the prefix length")]
    #[diagnostic(code(segbox::host_bits), help("write `{right}`"))]
    HostBits {
        /// As written.
        text: String,
        /// The prefix it lies in.
        right: String,
    },
    /// Not a MAC address.
    #[error("`{text}` is not a MAC address")]
    #[diagnostic(code(segbox::no_mac), help("write six bytes of two hexadecimal digits, such as `52:54:00:12:34:56`"))]
    Mac {
        /// As written.
        text: String,
    },
    /// Not a PCI address.
    #[error("`{text}` is not a PCI address")]
    #[diagnostic(code(segbox::no_pci_path), help("write it as `lspci -D` prints it, such as `0000:03:00.0`"))]
    Pci {
        /// As written.
        text: String,
    },
    /// Not an interface name.
    #[error("`{text}` cannot be the name of an interface: {why}")]
    #[diagnostic(code(segbox::no_interface_name), help("write a name such as `eth0`"))]
    Interface {
        /// As written.
        text: String,
        /// The rule that it breaks.
        why: IfNameError,
    },
    /// Not a host name.
    #[error("`{text}` is not a host name")]
    #[diagnostic(
        code(segbox::no_hostname),
        help(
            "write labels of letters, digits and `-` with dots between them, at most 64 characters (RFC 1123 section 2.1), such as `r2`"
        )
    )]
    Hostname {
        /// As written.
        text: String,
    },
    /// Not a program's name.
    #[error("`{text}` cannot be the name of a program")]
    #[diagnostic(
        code(segbox::no_program_name),
        help(
            "use 1 to 200 of `a`-`z`, `A`-`Z`, `0`-`9`, `_` and `-`: the name becomes a file name in bpffs, which allows no dots"
        )
    )]
    Program {
        /// As written.
        text: String,
    },
    /// Not an HMAC key id.
    #[error("`{text}` is not an HMAC key id")]
    #[diagnostic(
        code(segbox::no_key_id),
        help("write a number from 1 to 4294967295; 0 means no key (RFC 8754 section 2.1.2.1)")
    )]
    KeyId {
        /// As written.
        text: String,
    },
    /// Not a list of CPUs.
    #[error("`{text}` is not a list of CPUs")]
    #[diagnostic(code(segbox::no_cpu_list), help("write numbers and ranges with commas between them, such as `0,2-3`"))]
    CpuList {
        /// As written.
        text: String,
    },
    /// Not a sysctl's name.
    #[error("`{text}` is not the name of a sysctl")]
    #[diagnostic(
        code(segbox::no_sysctl),
        help("write it as `sysctl` prints it, in quotes, such as `\"net.core.netdev_budget\"`")
    )]
    Sysctl {
        /// As written.
        text: String,
    },
    /// Not a hash that segbox can check. The text may be a password, so it is not repeated.
    #[error("this is not the hash of a password: {why}")]
    #[diagnostic(
        code(segbox::no_password_hash),
        help("write what `mkpasswd -m yescrypt` prints (Debian's package whois), or `openssl passwd -6`")
    )]
    PasswordHash {
        /// The rule that it breaks.
        why: String,
    },
    /// An empty string.
    #[error("this value is empty")]
    #[diagnostic(code(segbox::empty), help("write {wanted}"))]
    Empty {
        /// The right kind of value.
        wanted: &'static str,
    },
}
