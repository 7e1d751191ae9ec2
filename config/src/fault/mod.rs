//! The faults of a file: one variant per kind says what is wrong, why, and how to fix it. Not here: finding them.
//!
//! The text of a fault stands at its variant, and whether it is a warning. [`Faults`] prints them.

mod bonds;
mod found;
mod management;
mod network;
mod paths;
mod profile;
mod program;
mod report;
mod shape;
mod spread;
mod srv6;
mod steering;
mod surroundings;
mod syntax;

use std::fmt::Write as _;

use miette::{Diagnostic, LabeledSpan, Severity};

pub use bonds::BondFault;
pub(crate) use found::{Found, MOST};
pub use management::ManagementFault;
pub use network::NetworkFault;
pub use paths::PathFault;
pub use profile::ProfileFault;
pub use program::ProgramFault;
pub use report::Faults;
pub use shape::{ShapeFault, TextFault};
pub use spread::SpreadFault;
pub use srv6::Srv6Fault;
pub use steering::SteeringFault;
pub use surroundings::SurroundingsFault;
pub use syntax::SyntaxFault;

pub use crate::place::Span;
use crate::visible;

/// One fault, at one place or between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub span: Span,
    /// The other place, where two entries clash, and its label.
    pub beside: Option<(Span, &'static str)>,
    /// Its kind, with the details.
    pub kind: FaultKind,
}

/// Every kind of fault, by its subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error(transparent)]
pub enum FaultKind {
    /// TOML syntax.
    #[diagnostic(transparent)]
    Syntax(#[from] SyntaxFault),
    /// Keys and their types.
    #[diagnostic(transparent)]
    Shape(#[from] ShapeFault),
    /// The form of a single value.
    #[diagnostic(transparent)]
    Text(#[from] TextFault),
    /// Interfaces, VRFs, routes, neighbours.
    #[diagnostic(transparent)]
    Network(#[from] NetworkFault),
    /// `dhcp` and `accept-ra`.
    #[diagnostic(transparent)]
    Management(#[from] ManagementFault),
    /// Bonds and their members.
    #[diagnostic(transparent)]
    Bond(#[from] BondFault),
    /// `hops` and `lists`.
    #[diagnostic(transparent)]
    Spread(#[from] SpreadFault),
    /// Sources of policies.
    #[diagnostic(transparent)]
    Steering(#[from] SteeringFault),
    /// SIDs, policies, keys.
    #[diagnostic(transparent)]
    Srv6(#[from] Srv6Fault),
    /// Whole paths.
    #[diagnostic(transparent)]
    Path(#[from] PathFault),
    /// Programs, their globals and maps.
    #[diagnostic(transparent)]
    Program(#[from] ProgramFault),
    /// Hardware profiles.
    #[diagnostic(transparent)]
    Profile(#[from] ProfileFault),
    /// The box and the files around the file.
    #[diagnostic(transparent)]
    Surroundings(#[from] SurroundingsFault),
}

impl Fault {
    pub(crate) fn new(span: Span, kind: impl Into<FaultKind>) -> Self {
        Self { span, beside: None, kind: kind.into() }
    }

    pub(crate) fn beside(self, span: Span, what: &'static str) -> Self {
        Self { beside: Some((span, what)), ..self }
    }

    /// Whether the file can be used in spite of it.
    pub fn is_warning(&self) -> bool {
        self.kind.severity() == Some(Severity::Warning)
    }

    /// The way to fix it.
    pub fn fix(&self) -> String {
        self.help().map(|help| help.to_string()).unwrap_or_default()
    }

    /// A short name that stays the same between versions, `segbox::sid_twice`.
    pub fn code(&self) -> String {
        self.kind.code().map(|code| code.to_string()).unwrap_or_default()
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(visible::Short::new(f, LONGEST), "{}", self.kind)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.kind.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.kind.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let help = self.kind.help()?;
        Some(Box::new(std::fmt::from_fn(move |f| write!(visible::Short::new(f, LONGEST), "{help}"))))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = LabeledSpan::new_primary_with_span(Some("here".into()), self.span);
        let beside = self.beside.map(|(span, what)| LabeledSpan::new_with_span(Some(what.into()), span));
        Some(Box::new(std::iter::once(here).chain(beside)))
    }
}

/// Characters of a fault's text, at most: a file can have a word of ten megabytes.
const LONGEST: usize = 2000;
/// No name is longer than this; what is longer is like none.
const LONGEST_NAME: usize = 256;

/// A wrong name is compared with so many names at most.
const MOST_NAMES: usize = 512;

/// The name of `among` that is most like a wrong one, as a suggestion; all of them where none is alike and they are few.
pub(crate) fn near<'a>(given: &str, among: impl IntoIterator<Item = &'a str>) -> String {
    let among: Vec<_> = among.into_iter().collect();
    // A hundred thousand wrong names, each compared with a hundred thousand, would take minutes.
    if among.len() > MOST_NAMES {
        return format!("use one of the {} that are there", among.len());
    }
    if given.len() > LONGEST_NAME {
        return "use one of the names that are there".into();
    }
    let lower = given.to_lowercase();
    let likeness = |word: &str| strsim::jaro_winkler(&lower, &word.to_lowercase());
    let best = among.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best {
        // Below 0.8 two words have little in common but their length.
        Some(best) if likeness(best) >= 0.8 => format!("did you mean `{best}`?"),
        None => "remove it; there is none".into(),
        _ if among.len() > 16 => format!("use one of the {} that are there; none is similar", among.len()),
        _ if among.len() == 1 => format!("use {}, the only one", listed(among)),
        _ => format!("use one of {}", listed(among)),
    }
}

/// The same for the name of a table, `[vrf.NAME]`, that the file may still get.
pub(crate) fn undefined<'a>(given: &str, table: &str, among: impl IntoIterator<Item = &'a str>) -> String {
    let mut among = among.into_iter().peekable();
    let add = format!("add `[{table}.{given}]`");
    if among.peek().is_none() {
        return add;
    }
    let near = near(given, among);
    if near.ends_with('?') { near } else { format!("{near}, or {add}") }
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_word_is_offered_or_all_of_them() {
        assert_eq!(near("end.dt64", ["End", "End.DT46", "End.X"]), "did you mean `End.DT46`?");
        assert_eq!(near("foo", ["mtu", "match"]), "use one of `mtu` and `match`");
        assert_eq!(near("foo", ["mtu"]), "use `mtu`, the only one");
        assert_eq!(near("foo", []), "remove it; there is none");
    }

    #[test]
    fn a_table_that_is_not_there_can_be_added() {
        assert_eq!(undefined("blue", "vrf", []), "add `[vrf.blue]`");
        assert_eq!(undefined("bleu", "vrf", ["blue"]), "did you mean `blue`?");
        assert_eq!(undefined("red", "vrf", ["blue"]), "use `blue`, the only one, or add `[vrf.red]`");
    }

    #[test]
    fn a_fault_stays_small() {
        // A hundred thousand of them must fit into the memory that the tree had.
        assert!(size_of::<Fault>() <= 160, "{}", size_of::<Fault>());
    }
}
