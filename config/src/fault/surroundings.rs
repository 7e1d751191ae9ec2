//! Faults that only show on a box: its interfaces, its kernel, and the files that the file names. Not here: finding them
//! ([`crate::resolve`]).

use miette::Diagnostic;

use crate::names::IfName;

/// A fault of the file on this box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum SurroundingsFault {
    /// An interface that is not there.
    #[error("this box has no interface `{name}`")]
    #[diagnostic(code(segbox::no_such_interface), help("{near}"))]
    NoSuchInterface {
        /// The name.
        name: IfName,
        /// The most similar name.
        near: String,
    },
    /// `match` fits nothing.
    #[error("no interface of this box fits the `match` of `{name}`")]
    #[diagnostic(code(segbox::no_hardware), help("write the `mac` or `pci` of one of these: {there}"))]
    NoHardware {
        /// The name it was to get.
        name: IfName,
        /// The interfaces of the box.
        there: String,
    },
    /// `match` fits several.
    #[error("several interfaces of this box fit the `match` of `{name}`: {which}")]
    #[diagnostic(code(segbox::several_interfaces), help("give both `mac` and `pci`"))]
    SeveralInterfaces {
        /// The name it was to get.
        name: IfName,
        /// Those that fit.
        which: String,
    },
    /// An unknown profile.
    #[error("there is no hardware profile `{name}`")]
    #[diagnostic(code(segbox::no_such_profile), help("{near}"))]
    NoSuchProfile {
        /// As written.
        name: String,
        /// The most similar name.
        near: String,
    },
    /// A filter that the file has by default, on a kernel that cannot filter.
    #[error("this kernel lacks nf_tables, so the filter of `{key}` is left out")]
    #[diagnostic(
        severity(Warning),
        code(segbox::filter_left_out),
        help(
            "use a kernel with {option}, or turn the filter off in the file: `edge-filter = false`, `mss-clamp = false`, `dscp = \"zero\"`, \
             `hmac = \"check\"`"
        )
    )]
    FilterLeftOut {
        /// The key that it belongs to.
        key: &'static str,
        /// The kernel's build option.
        option: &'static str,
    },
    /// A feature that the kernel lacks.
    #[error("this kernel ({major}.{minor}) lacks {what}{elsewhere}")]
    #[diagnostic(
        code(segbox::kernel_lacks),
        help("use Linux {since_major}.{since_minor} or later with {option}; without it: {without}")
    )]
    KernelLacks {
        /// Running version.
        major: u32,
        /// Running version.
        minor: u32,
        /// The feature.
        what: &'static str,
        /// The number of places that ask for it, if there are several.
        elsewhere: String,
        /// First version that has it.
        since_major: u32,
        /// First version that has it.
        since_minor: u32,
        /// The build option.
        option: &'static str,
        /// The consequence.
        without: &'static str,
    },
    /// Another program of the box may lose SRv6.
    #[error("{what}: {loses}")]
    #[diagnostic(severity(Warning), code(segbox::beside_others), help("{fix}"))]
    BesideOthers {
        /// What was found.
        what: String,
        /// What is lost.
        loses: String,
        /// How to keep it.
        fix: String,
    },
    /// The object cannot be read.
    #[error("cannot use the BPF object `{object}`: {why}")]
    #[diagnostic(
        code(segbox::object_unreadable),
        help("a path is relative to the folder of segbox.toml; `segbox programs` lists the built-in objects")
    )]
    ObjectUnreadable {
        /// As written.
        object: String,
        /// The reason.
        why: String,
    },
    /// The key file cannot be read.
    #[error("cannot read the key file `{file}`: {why}")]
    #[diagnostic(
        code(segbox::secret_unreadable),
        help("write the key into this file; its path is relative to the folder of segbox.toml")
    )]
    SecretUnreadable {
        /// As written.
        file: String,
        /// The reason.
        why: String,
    },
    /// A secret that other users can read or write.
    #[error("other users have access to the key file `{file}` (mode {mode:04o})")]
    #[diagnostic(code(segbox::secret_open), help("run `chmod 600 {file}`"))]
    SecretOpen {
        /// As written.
        file: String,
        /// st_mode's permission bits.
        mode: u32,
    },
    /// A key file that another user could have put there.
    #[error("others than root can change the key file `{file}`: {how}")]
    #[diagnostic(code(segbox::secret_exposed), help("{fix}"))]
    SecretExposed {
        /// As written.
        file: String,
        /// Who, and what.
        how: String,
        /// The command that closes the gap.
        fix: String,
    },
    /// The file or an object that another user could change.
    #[error("others than root can change {what}, and so what root does with it: {how}")]
    #[diagnostic(severity(Warning), code(segbox::exposed), help("{fix}"))]
    Exposed {
        /// This file, or an object.
        what: String,
        /// Who, and what.
        how: String,
        /// The command that closes the gap.
        fix: String,
    },
    /// Empty, or longer than the kernel keeps.
    #[error("the key in `{file}` has {bytes} bytes")]
    #[diagnostic(code(segbox::secret_length), help("make it 1 to 64 bytes long (SEG6_HMAC_SECRET_LEN)"))]
    SecretLength {
        /// As written.
        file: String,
        /// Its size.
        bytes: usize,
    },
    /// A file that was not read, though the Config needs it.
    #[error("`{file}` was not read")]
    #[diagnostic(code(segbox::not_looked_at), help("check segbox.toml where `{file}` is too"))]
    NotLookedAt {
        /// The object or key file, as written.
        file: String,
    },
}
