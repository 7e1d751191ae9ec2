//! Faults that only show against the box: its interfaces, its kernel, the files the file names.

use miette::Diagnostic;

use crate::names::IfName;

/// What does not fit what the file was checked against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum SurroundingsFault {
    /// No interface of that name.
    #[error("this box has no interface `{name}`")]
    #[diagnostic(code(segbox::no_such_interface), help("{near}"))]
    NoSuchInterface {
        /// The name.
        name: IfName,
        /// What may have been meant.
        near: String,
    },
    /// `match` fits nothing.
    #[error("no interface of this box matches `{name}`")]
    #[diagnostic(code(segbox::no_hardware), help("there is {there}"))]
    NoHardware {
        /// The name it was to get.
        name: IfName,
        /// What there is.
        there: String,
    },
    /// `match` fits several.
    #[error("several interfaces of this box match `{name}`: {which}")]
    #[diagnostic(code(segbox::several_interfaces), help("give both `mac` and `pci`"))]
    SeveralInterfaces {
        /// The name it was to get.
        name: IfName,
        /// Those that fit.
        which: String,
    },
    /// No profile of that name.
    #[error("there is no hardware profile `{name}`")]
    #[diagnostic(code(segbox::no_such_profile), help("{near}"))]
    NoSuchProfile {
        /// As written.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// Something the kernel lacks.
    #[error("this kernel ({major}.{minor}) lacks {what}{elsewhere}")]
    #[diagnostic(
        code(segbox::kernel_lacks),
        help("it comes with Linux {since_major}.{since_minor} and {option}; without it: {without}")
    )]
    KernelLacks {
        /// Running version.
        major: u32,
        /// Running version.
        minor: u32,
        /// The feature, as a person calls it.
        what: &'static str,
        /// How often the file asks for it, if more than once.
        elsewhere: String,
        /// First version that has it.
        since_major: u32,
        /// First version that has it.
        since_minor: u32,
        /// The build option.
        option: &'static str,
        /// What goes without it.
        without: &'static str,
    },
    /// The object cannot be read.
    #[error("the object `{object}` cannot be used: {why}")]
    #[diagnostic(
        code(segbox::object_unreadable),
        help("a path is relative to this file; `segbox programs` lists the built-in ones")
    )]
    ObjectUnreadable {
        /// As written.
        object: String,
        /// In the words of who tried.
        why: String,
    },
    /// The key file cannot be read.
    #[error("the key file `{file}` cannot be read: {why}")]
    #[diagnostic(code(segbox::secret_unreadable), help("write the key into it; its path is relative to this file"))]
    SecretUnreadable {
        /// As written.
        file: String,
        /// In the words of who tried.
        why: String,
    },
    /// A secret that others can read.
    #[error("the key file `{file}` is open to others (mode {mode:04o})")]
    #[diagnostic(code(segbox::secret_open), help("run `chmod 600 {file}`"))]
    SecretOpen {
        /// As written.
        file: String,
        /// st_mode's permission bits.
        mode: u32,
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
    /// Nobody looked.
    #[error("`{file}` was not looked at")]
    #[diagnostic(code(segbox::not_looked_at), help("check the file where `{file}` can be read"))]
    NotLookedAt {
        /// The object or key file, as written.
        file: String,
    },
}
