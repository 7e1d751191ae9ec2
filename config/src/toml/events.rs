//! From a text to a [`Tree`]: runs `toml_parser` over one stretch of the text after the other, and passes its events to the [`Builder`].
//! Not here: TOML's rules for tables.
//!
//! A stretch ends before a header outside all brackets, so that the tokens of a 15 MB file are never in memory together.

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{EventReceiver, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Span as RawSpan};

use super::build::{Builder, span};
use super::{Key, Kind, Tree};
use crate::fault::{Fault, Found, MOST, SyntaxFault};

/// Tokens of a stretch, at least: so many that the cost of starting one vanishes, so few that they stay in a cache.
const STRETCH: usize = 2048;
/// Depth of arrays and inline tables in each other, at most: a file of brackets must not exhaust the stack. The `toml` crate has the
/// same limit.
const DEPTH: u32 = 80;

/// Tokens of a stretch, at most. Only one value of a hundred thousand elements would be longer, or a bracket that is never closed.
const LONGEST: usize = 1 << 20;
/// Nodes that a text may have, at most: so many and one for each sixteen bytes before. A router has one for each twenty bytes, the rows of a map
/// one for each ten, and these are 262,144 at most.
const NODES: usize = 150_000;

/// The tree of all that is well-formed; every syntax fault is added to `faults`. Reading ends where there are too many to be held, or where the
/// tree would take many times the memory of the text.
pub(crate) fn parse<'t>(text: &'t str, faults: &mut Found) -> Tree<'t> {
    let source = toml_parser::Source::new(text);
    let mut builder = Builder::new(source);
    let mut errors = Errors::default();
    let mut stretch = Vec::with_capacity(STRETCH * 2);
    let (mut depth, mut line_start, mut header) = (0_u32, true, false);
    for token in source.lex() {
        let kind = token.kind();
        if line_start && depth == 0 && stretch.len() >= STRETCH || stretch.len() >= LONGEST {
            let is_long = stretch.len() >= LONGEST;
            builder.take(&stretch, &mut errors);
            let start = stretch.first().map_or(0, |token: &Token| token.span().start());
            stretch.clear();
            if is_long || builder.tree.nodes.len() > NODES + token.span().start() / 16 {
                let at = SyntaxFault::at(start, start, text.len());
                builder.faults.push(Fault::new(at, SyntaxFault::TooMuch));
                break;
            }
            if builder.faults.len() + errors.0.len() >= MOST {
                break;
            }
        }
        header |= kind == TokenKind::LeftSquareBracket && line_start && depth == 0;
        match kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
            // A header ends with its line, closed or not.
            TokenKind::Newline if std::mem::take(&mut header) => depth = 0,
            _ => {}
        }
        line_start = kind == TokenKind::Newline || line_start && kind == TokenKind::Whitespace;
        stretch.push(token);
    }
    builder.take(&stretch, &mut errors);
    let (mut found, _) = builder.faults.into_held();
    found.extend(errors.0.iter().map(|error| SyntaxFault::of_parser(error, text.len())));
    // Two faults at one place are one fault. The parser's text for it goes before ours.
    found.sort_by_key(|fault| (fault.span.start, fault.kind == SyntaxFault::NoValue.into()));
    found.dedup_by_key(|fault| fault.span.start);
    faults.extend(found);
    builder.tree
}

/// The first faults that the parser reports.
#[derive(Default)]
struct Errors(Vec<ParseError>);

impl ErrorSink for Errors {
    fn report_error(&mut self, error: ParseError) {
        if self.0.len() < MOST {
            self.0.push(error);
        }
    }
}

impl Builder<'_> {
    fn take(&mut self, stretch: &[Token], errors: &mut Errors) {
        let source = self.source;
        let mut guard = RecursionGuard::new(self, DEPTH);
        let mut checked = ValidateWhitespace::new(&mut guard, source);
        parse_document(stretch, &mut checked, errors);
    }

    /// The kind and data of a scalar.
    fn scalar_of(
        &mut self,
        raw: RawSpan,
        encoding: Option<Encoding>,
        errors: &mut dyn ErrorSink,
    ) -> (Kind, (u32, u32)) {
        let bad = (Kind::Bad, (0, 0));
        let text = self.source.input().get(raw.start()..raw.end()).unwrap_or_default();
        if text.is_empty() {
            let at = SyntaxFault::at(raw.start(), raw.end(), self.source.input().len());
            self.faults.push(Fault::new(at, SyntaxFault::NoValue));
            return bad;
        }
        let mut failed = false;
        let mut decoded = Cow::Borrowed("");
        let kind = toml_parser::Raw::new_unchecked(text, encoding, raw).decode_scalar(&mut decoded, &mut |error| {
            failed = true;
            errors.report_error(error);
        });
        if failed {
            return bad;
        }
        match kind {
            ScalarKind::String => match self.keep(decoded, span(raw)) {
                Ok(range) => (Kind::Text, range),
                Err(index) => (Kind::OwnedText, (index, 0)),
            },
            ScalarKind::Boolean(value) => (Kind::Bool, (value.into(), 0)),
            ScalarKind::DateTime => (Kind::Date, (0, 0)),
            ScalarKind::Float => (Kind::Float, (0, 0)),
            ScalarKind::Integer(radix) => {
                let halves = |bits: u64| (bits as u32, (bits >> 32) as u32);
                let value = i128::from_str_radix(&decoded, radix.value()).ok();
                if let Some(int) = value.and_then(|value| i64::try_from(value).ok()) {
                    (Kind::Int, halves(int.cast_unsigned()))
                } else if let Some(int) = value.and_then(|value| u64::try_from(value).ok()) {
                    (Kind::Wide, halves(int))
                } else {
                    self.faults.push(Fault::new(span(raw), SyntaxFault::NumberTooLong { text: text.to_owned() }));
                    bad
                }
            }
        }
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        (self.section, self.header) = (None, span);
        self.path.clear();
        self.open.clear();
    }

    fn std_table_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close_header(false, span);
    }

    fn array_table_open(&mut self, span: RawSpan, errors: &mut dyn ErrorSink) {
        self.std_table_open(span, errors);
    }

    fn array_table_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close_header(true, span);
    }

    fn inline_table_open(&mut self, raw: RawSpan, _errors: &mut dyn ErrorSink) -> bool {
        let id = self.attach(Kind::Inline, span(raw));
        self.open.push(id);
        true
    }

    fn inline_table_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn array_open(&mut self, raw: RawSpan, _errors: &mut dyn ErrorSink) -> bool {
        let id = self.attach(Kind::List, span(raw));
        self.open.push(id);
        true
    }

    fn array_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn simple_key(&mut self, raw: RawSpan, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        if !std::mem::take(&mut self.dotted) {
            self.path.clear();
        }
        // A path is walked for each key: one of a million parts is no table of anything.
        if self.path.len() == DEPTH as usize {
            self.faults.push(Fault::new(span(raw), SyntaxFault::TooMuch));
            self.path.push(None);
        }
        if self.path.len() > DEPTH as usize {
            return;
        }
        let mut decoded = Cow::Borrowed("");
        let mut failed = false;
        if let Some(text) = self.source.input().get(raw.start()..raw.end()) {
            toml_parser::Raw::new_unchecked(text, encoding, raw).decode_key(&mut decoded, &mut |error| {
                failed = true;
                errors.report_error(error);
            });
        }
        let key = (!failed).then(|| match self.keep(decoded, span(raw)) {
            Ok((start, end)) => Key::Borrowed(start, end),
            Err(index) => Key::Owned(index),
        });
        self.path.push(key);
    }

    fn key_sep(&mut self, _span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.dotted = true;
    }

    fn scalar(&mut self, raw: RawSpan, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let (kind, data) = self.scalar_of(raw, encoding, errors);
        let id = self.attach(kind, span(raw));
        self.node(id).data = data;
    }
}
