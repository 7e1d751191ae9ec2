//! Faults of TOML syntax: those of the parser, and tables and keys that appear twice. Not here: what keys mean.

use miette::Diagnostic;
use toml_parser::{Expected, ParseError};

use super::Fault;
use crate::place::Span;

/// A fault of TOML syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum SyntaxFault {
    /// A fault that the parser reports.
    #[error("this is not TOML: {what}")]
    #[diagnostic(code(segbox::toml), help("{wanted}"))]
    Toml {
        /// In the parser's words.
        what: String,
        /// The right text for this place.
        wanted: String,
    },
    /// `key =` and nothing after it.
    #[error("the value is missing")]
    #[diagnostic(code(segbox::no_value), help("write a value after `=`, or remove the key"))]
    NoValue,
    /// A key or table that appears twice.
    #[error("`{key}` appears twice")]
    #[diagnostic(
        code(segbox::key_twice),
        help("remove one of the two; a table has one header, and all its keys stand below it")
    )]
    Twice {
        /// Its name.
        key: String,
    },
    /// A header or dotted key that leads through a value.
    #[error("`{key}` has a value, so it cannot be a table")]
    #[diagnostic(code(segbox::no_table), help("remove the value, or the keys below it"))]
    NoTable {
        /// Its name.
        key: String,
    },
    /// An integer that does not fit in 64 bits.
    #[error("`{text}` does not fit in 64 bits")]
    #[diagnostic(code(segbox::number_too_long), help("write a number from -2^63 to 2^64-1; put an address in quotes"))]
    NumberTooLong {
        /// As written.
        text: String,
    },
    /// More than a file that says something can have.
    #[error("more keys and values begin here than any router has; what follows is not read")]
    #[diagnostic(code(segbox::too_much), help("close the brackets before it, or remove what does not belong there"))]
    TooMuch,
    /// Places are kept in 32 bits.
    #[error("the file has {bytes} bytes, which is too long")]
    #[diagnostic(code(segbox::file_too_long), help("make it smaller than 4 GiB"))]
    FileTooLong {
        /// Its size.
        bytes: usize,
    },
}

impl SyntaxFault {
    /// A fault that the parser reports, in a text of `length` bytes.
    pub(crate) fn of_parser(error: &ParseError, length: usize) -> Fault {
        let words: Vec<_> = error
            .expected()
            .unwrap_or_default()
            .iter()
            .map(|expected| match expected {
                Expected::Literal("\n") => "a new line".to_owned(),
                Expected::Literal(text) => format!("`{text}`"),
                Expected::Description("literal string" | "basic string") => "a string in quotes".to_owned(),
                Expected::Description(many) if many.ends_with('s') => (*many).to_owned(),
                Expected::Description(text) => format!("a {text}"),
                _ => "something else".to_owned(),
            })
            .collect();
        let wanted = if words.is_empty() {
            "remove it, or put it in quotes".to_owned()
        } else {
            format!("write {} here", either(&words))
        };
        let at = error.unexpected().or(error.context()).unwrap_or_default();
        let start = at.start().min(length);
        let span = Self::at(at.start(), at.end(), length);
        let fault = Fault::new(span, Self::Toml { what: error.description().to_owned(), wanted });
        match error.context().filter(|context| context.start() < start && error.unexpected().is_some()) {
            Some(context) => {
                fault.beside(Span { start: context.start() as u32, end: context.end().min(length) as u32 }, "in this")
            }
            None => fault,
        }
    }

    /// A place in a text of `length` bytes. An empty place cannot be seen: it takes the byte after it, where there is one.
    pub(crate) fn at(start: usize, end: usize, length: usize) -> Span {
        let start = start.min(length);
        let end = if end <= start { start + 1 } else { end };
        Span { start: start as u32, end: end.min(length) as u32 }
    }
}

/// `a, b or c`.
fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}
