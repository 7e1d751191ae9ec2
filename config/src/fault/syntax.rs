//! Faults of TOML itself: what the parser reports, and tables and keys given twice.

use miette::Diagnostic;
use toml_parser::{Expected, ParseError};

use super::Fault;
use crate::place::Span;

/// What is wrong with a file as TOML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum SyntaxFault {
    /// The parser's own.
    #[error("this is no TOML: {what}")]
    #[diagnostic(code(segbox::toml), help("{wanted}"))]
    Toml {
        /// In the parser's words.
        what: String,
        /// What would be right there.
        wanted: String,
    },
    /// `key =` and nothing behind it.
    #[error("a value is missing")]
    #[diagnostic(code(segbox::no_value), help("write one after `=`, or remove the key"))]
    NoValue,
    /// A key or table given twice.
    #[error("`{key}` is there already")]
    #[diagnostic(
        code(segbox::key_twice),
        help("keep one of the two; a table is opened once, and all its keys stand under that header")
    )]
    Twice {
        /// Its name.
        key: String,
    },
    /// A header or dotted key that leads through a value.
    #[error("`{key}` is a value already, so nothing can stand under it")]
    #[diagnostic(code(segbox::no_table), help("remove the value, or what stands under it"))]
    NoTable {
        /// Its name.
        key: String,
    },
    /// An integer that 64 bits don't hold.
    #[error("`{text}` does not fit in 64 bits")]
    #[diagnostic(
        code(segbox::number_too_long),
        help("write a number from -2^63 to 2^64-1; an address stands in quotes")
    )]
    NumberTooLong {
        /// As written.
        text: String,
    },
    /// Places are kept in 32 bits.
    #[error("the file has {bytes} bytes")]
    #[diagnostic(code(segbox::file_too_long), help("keep it under 4 GiB"))]
    FileTooLong {
        /// Its size.
        bytes: usize,
    },
}

impl SyntaxFault {
    /// What the parser reports, in a text of so many bytes.
    pub(crate) fn of_parser(error: &ParseError, length: usize) -> Fault {
        let words: Vec<_> = error
            .expected()
            .unwrap_or_default()
            .iter()
            .map(|expected| match expected {
                Expected::Literal("\n") => "a new line".to_owned(),
                Expected::Literal(text) => format!("`{text}`"),
                Expected::Description("literal string" | "basic string") => "a text in quotes".to_owned(),
                Expected::Description(many) if many.ends_with('s') => (*many).to_owned(),
                Expected::Description(text) => format!("a {text}"),
                _ => "something else".to_owned(),
            })
            .collect();
        let wanted = if words.is_empty() {
            "remove it, or put it in quotes".to_owned()
        } else {
            format!("write {} here", words.join(" or "))
        };
        let at = error.unexpected().or(error.context()).unwrap_or_default();
        let start = at.start().min(length);
        let span = Self::at(at.start(), at.end(), length);
        let fault = Fault::new(span, Self::Toml { what: error.description().to_owned(), wanted });
        match error.context().filter(|context| context.start() < start && error.unexpected().is_some()) {
            Some(context) => fault.beside(
                Span { start: context.start() as u32, end: context.end().min(length) as u32 },
                "belongs to this",
            ),
            None => fault,
        }
    }

    /// A place in a text of so many bytes. An empty one shows nothing: it takes the byte it stands before, where there is one.
    pub(crate) fn at(start: usize, end: usize, length: usize) -> Span {
        let start = start.min(length);
        let end = if end <= start { start + 1 } else { end };
        Span { start: start as u32, end: end.min(length) as u32 }
    }
}
